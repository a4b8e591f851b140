"""Commands where there are several newsletters: each next step is about the right one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from digest import samples
from digest.cli import app as digest_app
from digest.cli.context import CommandContext
from digest.cli.installation.init import prepare
from digest.errors import DigestError, NotFound, WrongState
from digest.issues.models import Issue, IssueState, Newsletter
from tests.cli.test_newsletters_command import SECRET, TOOLS, Digest, digest, facts

__all__ = ["digest"]


@pytest.fixture
def tools(digest: Digest) -> Digest:
    """Return a function that runs ``digest`` where the newsletter "tools" has a built issue."""
    digest("import", *map(str, samples.comparisons()))
    digest("newsletters", "add", "tools", *TOOLS)
    digest("build", "--newsletter", "tools")
    return digest


def test_what_is_said_of_an_issue_names_its_newsletter(tools: Digest) -> None:
    digest = tools
    assert "Next: digest show 1 --newsletter tools --html" in (
        digest("build", "--newsletter", "tools", "--again").stdout
    )
    assert "next: digest approve 1 --newsletter tools" in (
        digest("status", "--newsletter", "tools").stdout
    )


def test_status_without_a_newsletter_shows_each_that_runs(tools: Digest) -> None:
    digest = tools
    said = digest("status").stdout
    assert said.index("(weekly)") < said.index("next: digest approve 1 --newsletter tools")
    told = facts(digest("status", "--json"))
    assert [issue["newsletter"] for issue in told["issues"]] == ["tools"]
    digest("newsletters", "archive", "tools")
    assert facts(digest("status", "--json"))["issues"] == []
    assert "tools" not in digest("status").stdout


def test_a_program_and_an_error_name_it_too(tools: Digest) -> None:
    digest = tools
    told = facts(digest("status", "--newsletter", "tools", "--json"))
    assert told["issues"][0]["next_step"] == "digest approve 1 --newsletter tools"
    with pytest.raises(DigestError) as refused:
        digest("send", "1", "--newsletter", "tools", "--early")
    assert refused.value.next_step == "digest approve 1 --newsletter tools"


def test_where_none_is_the_usual_one_a_command_asks_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGEST_SECRET", SECRET)
    with closing(CommandContext()) as call:
        prepare(call, Newsletter(slug="one", name="One"))
    CliRunner().invoke(digest_app, ["newsletters", "add", "two", "--name", "Two"])
    fault = CliRunner().invoke(digest_app, ["pick"]).exception
    assert isinstance(fault, NotFound)
    assert str(fault) == "there are several newsletters: say which"
    assert fault.next_step == "--newsletter one or --newsletter two"


def test_a_correction_is_built_again_by_correct(tools: Digest) -> None:
    with closing(CommandContext()) as call, call.app.database.write() as session:
        wrong = session.exec(select(Issue)).one()
        wrong.state = IssueState.SENT
        session.add(
            Issue(
                newsletter_id=wrong.newsletter_id,
                number=100001,
                period=f"{wrong.period}-100001",
                corrects_issue_id=wrong.id,
                state=IssueState.BUILT,
                built_at=wrong.built_at,
            )
        )
    said = tools("newsletters", "set", "tools", "--most", "2").stdout
    assert "To rebuild it: digest correct 1 --newsletter tools --again" in said


def test_what_is_picked_for_an_archived_newsletter_is_said_to_go_nowhere(tools: Digest) -> None:
    tools("newsletters", "archive", "tools")
    said = tools("pick", "--newsletter", "tools").stdout
    assert said.splitlines()[-1] == "tools is archived, so this issue won't be built."


def test_one_line_without_an_address_is_told_in_the_singular(
    digest: Digest, tmp_path: Path
) -> None:
    listed = tmp_path / "listed.csv"
    listed.write_text("email\na@example.org\nnobody\n")
    said = digest("subscribers", "suppressions", "import", str(listed)).stdout
    assert "2 lines: 1 suppressed, 0 were already, 1 holds no address." in said


@pytest.mark.parametrize("command", ["add", "import"])
def test_an_archived_newsletter_takes_no_readers(
    tools: Digest, tmp_path: Path, command: str
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("email\nann@example.org\n")
    what = str(path) if command == "import" else "ann@example.org"
    consent = ("--consent", "They ticked the box on our site.", "--newsletter", "tools")
    tools("newsletters", "archive", "tools")
    with pytest.raises(WrongState, match="tools is archived"):
        tools("subscribers", command, what, *consent)
    tools("newsletters", "archive", "tools", "--undo")
    assert {"import": "1 joined", "add": "Added to tools"}[command] in (
        tools("subscribers", command, what, *consent).stdout
    )
