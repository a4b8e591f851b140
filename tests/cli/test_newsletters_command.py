"""`digest newsletters`: added, shown, changed, listed and archived without SQL."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from digest import samples
from digest.cli import app as digest_app
from digest.cli.context import CommandContext
from digest.cli.installation.init import prepare
from digest.errors import DigestError, NotFound
from tests.images.pictures import drawn

Digest = Callable[..., Result]
SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778"
TOOLS = ("--name", "Tools of the Trade", "--language", "de", "--most", "3", "--on", "thu")


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Digest:
    """Return a function that runs ``digest`` in an installation that ``digest init`` made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGEST_SECRET", SECRET)
    with closing(CommandContext()) as call:
        prepare(call)

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(digest_app, list(arguments))
        fault = result.exception
        if fault is not None and not isinstance(fault, SystemExit):
            raise fault
        return result

    return run


def facts(result: Result) -> Any:
    return orjson.loads(result.stdout)


def test_D1_a_german_newsletter_of_three_on_thursdays_takes_one_line(digest: Digest) -> None:
    said = digest("newsletters", "add", "tools-of-the-trade", *TOOLS).stdout
    assert "Tools of the Trade is added. It comes out every Thursday at 09:00, UTC." in said
    shown = facts(digest("newsletters", "show", "tools-of-the-trade", "--json"))
    assert (shown["name"], shown["language"], shown["most"], shown["cadence"]) == (
        "Tools of the Trade",
        "de",
        3,
        "every Thursday at 09:00, UTC",
    )


def test_D1_the_first_newsletter_is_changed_without_sql(digest: Digest) -> None:
    said = digest(
        "newsletters", "set", "weekly", "--name", "Tools", "--points", "split=20", "--accent", "075"
    ).stdout
    assert said.splitlines() == [
        "Name: Tools",
        "Points: weight 10, freshness 10, split 20, variety 6",
        "Accent: #007755 in light mode, #009067 in dark mode",
    ]
    assert "Nothing changed" in digest("newsletters", "set", "weekly", "--name", "Tools").stdout
    said = digest("newsletters", "set", "weekly", "--points", "gap=7.5").stdout
    assert said == "Points: weight 10, freshness 10, split 20, variety 6, gap 7.5\n"


def test_the_list_tells_when_each_comes_out_and_to_how_many(digest: Digest) -> None:
    digest("newsletters", "add", "tools", *TOOLS, "--not-public")
    assert digest("newsletters", "list").stdout.splitlines() == [
        "weekly: Weekly AI Tool Verdicts (en)",
        "  every Tuesday at 09:00, UTC; 0 readers would get an issue now",
        "tools: Tools of the Trade (de)",
        "  every Thursday at 09:00, UTC; not public; 0 readers would get an issue now",
    ]
    assert [each["slug"] for each in facts(digest("newsletters", "list", "--json"))] == [
        "weekly",
        "tools",
    ]


def test_what_is_shown_says_where_a_default_comes_from(
    digest: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_REPLY_TO", "desk@example.com")
    shown = digest("newsletters", "show", "weekly").stdout
    assert "verdicts@example.com> (DIGEST_FROM)" in shown
    assert "desk@example.com (DIGEST_REPLY_TO)" in shown
    digest("newsletters", "set", "weekly", "--from", "Tools <tools@example.com>")
    shown = digest("newsletters", "show", "weekly").stdout
    assert "Tools <tools@example.com>\n" in shown
    digest("newsletters", "set", "weekly", "--from", "")
    assert "(DIGEST_FROM)" in digest("newsletters", "show", "weekly").stdout


def test_a_fault_names_the_option_and_what_is_allowed(digest: Digest) -> None:
    with pytest.raises(DigestError, match=r"--from: it is one address.*; --most: .* from 1 to 8"):
        digest("newsletters", "set", "weekly", "--from", "nobody", "--most", "99")
    with pytest.raises(DigestError, match=r"SLUG: .*--name: a newsletter has a name"):
        digest("newsletters", "add", "Big One")
    with pytest.raises(DigestError, match="--points split: it is a number from 0 to 100"):
        digest("newsletters", "set", "weekly", "--points", "split=-1")
    with pytest.raises(DigestError, match="name what to change"):
        digest("newsletters", "set", "weekly")
    with pytest.raises(NotFound, match="no newsletter is called monthly"):
        digest("newsletters", "show", "monthly")
    assert digest("newsletters", "set", "weekly", "--points", "size=1").exit_code == 2


def test_a_logo_fonts_and_tags_are_set_and_shown(digest: Digest, tmp_path: Path) -> None:
    file = tmp_path / "logo.png"
    file.write_bytes(drawn("PNG", (300, 88)))
    brand = ("--logo", str(file), "--logo-alt", "Two hammers", "--font", "slab", "--utm", "on")
    said = digest("newsletters", "set", "weekly", *brand).stdout
    assert re.sub("[0-9a-f]{64}", "KEY", said).splitlines() == [
        "Logo: http://localhost:8000/images/KEY.png (300 by 88 pixels)",
        "Logo text: Two hammers",
        "Font: slab",
        "UTM tags: on",
    ]
    shown = facts(digest("newsletters", "show", "weekly", "--json"))
    assert (shown["logo"]["width"], shown["font"], shown["utm"]) == (300, "slab", True)
    assert "Logo: none" in digest("newsletters", "set", "weekly", "--logo", "").stdout


def test_a_file_that_is_no_logo_changes_nothing(digest: Digest, tmp_path: Path) -> None:
    file = tmp_path / "logo.svg"
    file.write_text("<svg/>")
    with pytest.raises(DigestError, match="isn't a PNG, JPEG or GIF"):
        digest("newsletters", "set", "weekly", "--name", "Tools", "--logo", str(file))
    with pytest.raises(DigestError, match=r"--logo: .*none\.png can't be read: No such file"):
        digest("newsletters", "set", "weekly", "--logo", str(tmp_path / "none.png"))
    shown = facts(digest("newsletters", "show", "weekly", "--json"))
    assert (shown["name"], shown["logo"]) == ("Weekly AI Tool Verdicts", None)


def test_a_newsletter_with_a_faulty_schedule_is_not_added(digest: Digest) -> None:
    with pytest.raises(DigestError, match="a weekday is one of"):
        digest("newsletters", "add", "tools", "--name", "Tools", "--on", "someday")
    assert len(facts(digest("newsletters", "list", "--json"))) == 1


def test_archiving_says_what_it_did_and_how_to_undo_it(digest: Digest) -> None:
    digest("newsletters", "add", "tools", *TOOLS)
    assert "--undo" in digest("newsletters", "archive", "tools").stdout
    assert "already archived" in digest("newsletters", "archive", "tools").stdout
    assert "archived on" in digest("newsletters", "list").stdout
    assert facts(digest("newsletters", "archive", "tools", "--undo", "--json"))["changed"] == [
        "archived_at"
    ]
    assert "isn't archived" in digest("newsletters", "archive", "tools", "--undo").stdout


def test_two_people_are_asked_to_approve(digest: Digest) -> None:
    said = digest("newsletters", "set", "weekly", "--approvals", "2").stdout
    assert said.splitlines() == ["Approval: by two people"]
    assert "once two editors have approved it" in " ".join(digest("schedule").stdout.split())
    digest("import", *map(str, samples.comparisons()))
    digest("build", "--yes")
    assert "already built" in digest("newsletters", "set", "weekly", "--most", "4").stdout
    assert "already built" not in digest("newsletters", "set", "weekly", "--approvals", "1").stdout
