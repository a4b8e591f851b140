"""`digest draft`: the words and choices of editors, from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from digest.app.installation import App
from digest.cli.context import CommandContext
from digest.cli.issue import draft_words, drafting
from digest.errors import DigestError
from digest.issues import draft_history, store
from digest.issues.picking import Decisions
from tests.images.pictures import drawn

Run = Callable[..., Result]


@pytest.fixture
def run(installation: App, week: str) -> Run:
    """Run one command about the draft of the tests' week."""

    def run(*arguments: str) -> Result:
        call = CommandContext()
        vars(call)["app"] = installation
        app = drafting.app if arguments[:1] in (("build",), ("show",)) else draft_words.app
        period = [] if arguments[:1] == ("show",) else ["--period", week]
        return CliRunner().invoke(app, [*arguments, *period], obj=call)

    return run


@pytest.fixture
def slug(installation: App, week: str) -> str:
    """A comparison that the issue carries."""
    from digest.issues.build import choose_comparisons

    with installation.database.read() as session:
        newsletter = store.newsletter(session, "weekly")
        return choose_comparisons(session, newsletter, week).chosen[0].candidate.slug


def current(installation: App, week: str) -> Decisions:
    with installation.database.read() as session:
        return draft_history.current(session, store.newsletter(session, "weekly"), week)


def facts(result: Result) -> Any:
    return json.loads(result.stdout)


def test_words_are_steps_of_the_draft_that_the_desk_shows_and_undoes(
    installation: App, run: Run, week: str, slug: str, tmp_path: Path
) -> None:
    file = tmp_path / "note.md"
    file.write_text("We *use* it.\n", "utf-8")
    run("opening", "--text", "**Hello**.")
    noted = run("note", slug, "--file", str(file))

    assert f"Changed the note on {slug}, in the draft of {week}." in noted.stdout
    assert f"Next: digest build --period {week}" in noted.stdout
    assert current(installation, week).notes == {slug: "We *use* it."}
    assert facts(run("undo", "--json"))["summary"] == f"changed the note on {slug}"
    assert current(installation, week) == Decisions(opening="**Hello**.")


def test_a_quote_is_chosen_by_seat_and_left_to_the_engine_again(
    installation: App, run: Run, week: str, slug: str
) -> None:
    chosen = facts(run("quote", slug, "--side", "right", "--seat", "3", "--json"))

    assert chosen["draft"]["quotes"] == {slug: {"side": 1, "seat": 3, "passage": ""}}
    run("quote", slug)
    assert current(installation, week) == Decisions()


def test_blocks_are_added_changed_and_removed(installation: App, run: Run, week: str) -> None:
    run("block", "--text", "Join us.", "--place", "after")
    run("block", "1", "--text", "Join *us*.")

    assert [block.text for block in current(installation, week).blocks] == ["Join *us*."]
    run("block", "1", "--text", "")
    assert current(installation, week).blocks == ()


def test_a_picture_is_stored_and_stands_in_the_mail(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "bars.png"
    file.write_bytes(drawn(size=(600, 200)))
    added = facts(run("picture", str(file), "--alt", "Two bars", "--json"))
    [block] = added["draft"]["blocks"]

    assert (block["kind"], block["width"], block["alt"]) == ("image", 600, "Two bars")
    assert run("build").exit_code == 0
    assert f"/images/{block['image']}" in run("show", "1", "--html").stdout


def test_what_editors_wrote_is_told_of_a_built_issue(run: Run, slug: str) -> None:
    run("opening", "--text", "Hello.")
    run("note", slug, "--text", "So.")
    run("build")

    assert facts(run("show", "1", "--json"))["draft"]["notes"] == {slug: "So."}
    assert "opening, 1 note" in run("show", "1").stdout


def test_the_draft_is_shown_in_words_and_as_facts(run: Run, week: str, slug: str) -> None:
    assert "Nothing is decided" in run().stdout
    run("note", slug, "--text", "One.\n\nTwo.")

    assert f"note on {slug}: One. Two." in run().stdout
    assert facts(run("--json"))["draft"]["notes"] == {slug: "One.\n\nTwo."}
    assert facts(run("--json"))["period"] == week


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (("opening", "--text", "a\n[x](/there)"), "line 2: “/there” isn't a web or mail address"),
        (("note", "nothing", "--text", "x"), "no comparison is called nothing"),
        (("block", "7", "--text", "x"), "no block 7"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_changes_nothing(
    installation: App, run: Run, week: str, line: tuple[str, ...], says: str
) -> None:
    refused = run(*line)

    assert isinstance(refused.exception, DigestError)
    assert says in str(refused.exception)
    assert current(installation, week) == Decisions()


def test_a_passage_has_to_stand_in_the_verdict(run: Run, slug: str) -> None:
    refused = run("quote", slug, "--side", "left", "--seat", "1", "--passage", "Words of nobody")

    assert "copy them exactly" in str(refused.exception)
    assert run("quote", slug, "--seat", "1").exit_code == 2
    assert run("note", slug).exit_code == 2
