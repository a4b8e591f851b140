"""`digest comparisons`: importing files and folders, and what is printed for each file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from digest.cli import comparisons
from digest.cli.context import CommandContext
from digest.comparisons.store import count
from digest.db import Database
from digest.errors import ComparisonUnreadable, NotFound
from digest.samples import comparisons as samples

Run = Callable[..., Result]


@pytest.fixture
def run(database: Database) -> Run:
    """Run one command line on the test's own store."""
    root = typer.Typer()
    root.command("import")(comparisons.import_)
    root.add_typer(comparisons.app, name="comparisons")

    def run(*arguments: str | Path, stdin: str | None = None) -> Result:
        call = CommandContext(database_url=database.url.render_as_string())
        given = [str(argument) for argument in arguments]
        return CliRunner().invoke(root, given, input=stdin, obj=call)

    return run


@pytest.fixture
def page_file(tmp_path: Path, page: str) -> Path:
    path = tmp_path / "pages" / "lathe.txt"
    path.parent.mkdir()
    path.write_text(page, encoding="utf-8")
    return path


def facts(result: Result) -> Any:
    return json.loads(result.stdout)


def test_an_import_tells_what_became_of_each_file(run: Run, page_file: Path) -> None:
    result = run("import", page_file)
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        ["new        lathe-vs-mortar-studio  (lathe.txt)", "1 new"],
    )


def test_a_page_is_imported_from_standard_input(run: Run, page: str) -> None:
    result = run("import", "-", stdin=page)
    assert result.stdout.splitlines() == ["new        lathe-vs-mortar-studio  (-)", "1 new"]


def test_what_is_no_comparison_on_standard_input_is_refused_with_its_line(
    run: Run, page: str
) -> None:
    result = run("import", "-", stdin=page.replace("Panel ship", "Panel"))
    assert isinstance(result.exception, ComparisonUnreadable)
    assert result.exception.source == "standard input"
    assert run("import", "-", stdin='{"format": 1}').exit_code == 1
    assert run("import", "-", stdin="").exit_code == 1


def test_importing_again_is_reported_as_unchanged(run: Run, page_file: Path) -> None:
    run("import", page_file)
    answer = facts(run("import", page_file.parent, "--json"))
    assert (answer["new"], answer["unchanged"]) == (0, 1)


def test_a_changed_file_is_reported_with_its_revision(run: Run, page_file: Path) -> None:
    run("import", page_file)
    page_file.write_text(page_file.read_text().replace("62%", "63%"))
    assert "lathe-vs-mortar-studio, revision 2" in run("import", page_file).stdout


def test_a_bad_file_is_refused_and_the_good_ones_are_kept(
    run: Run, database: Database, page_file: Path
) -> None:
    bad = page_file.with_name("a.json")
    bad.write_text("{")
    result = run("import", page_file.parent)
    assert isinstance(result.exception, ComparisonUnreadable)
    assert str(result.exception).startswith(f"{bad}:1: this isn't JSON")
    assert result.stdout.splitlines()[-1] == "1 new, 1 refused"
    with database.read() as session:
        assert count(session) == 1


def test_several_bad_files_are_named_and_counted(run: Run, page_file: Path) -> None:
    for name in ("a.json", "b.txt"):
        page_file.with_name(name).write_text("{")
    result = run("import", page_file.parent, page_file.with_name("nowhere.txt"))
    assert str(result.exception) == "3 of 4 files were refused; the others were imported"
    assert result.stderr.count("refused: ") == 3


def test_refused_files_are_facts_too(run: Run, page_file: Path) -> None:
    bad = page_file.with_name("b.json")
    bad.write_text("{")
    answer = facts(run("import", page_file, bad, "--json"))
    assert answer["refused"] == 1
    assert answer["files"][1] == {
        "file": str(bad),
        "outcome": "refused",
        "line": 1,
        "reason": "this isn't JSON: a name in double quotes is missing, column 2",
    }


def test_a_share_that_contradicts_the_calls_is_warned_of_and_kept(run: Run, tmp_path: Path) -> None:
    verdicts = [{"seat": 1, "quote": "No.", "call": "skip"}]
    sides = [{"name": name, "panel_share": 100, "verdicts": verdicts} for name in ("A", "B")]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"contenders": sides}))
    result = run("import", path)
    assert result.exit_code == 0
    assert "look: A: the panel share is 100%, that is 4 ship and 0 skip of 4" in result.stdout


def test_two_files_about_one_comparison_that_differ_are_warned_of(
    run: Run, page_file: Path
) -> None:
    other = page_file.with_name("other.txt")
    other.write_text(page_file.read_text().replace("62%", "63%"))
    answer = facts(run("import", page_file.parent, "--json"))
    assert answer["files"][1]["warnings"] == [
        f"{page_file} is about the same comparison and differs; this file wins"
    ]


def test_the_samples_are_imported_whole(run: Run) -> None:
    answer = facts(run("import", *samples(), "--json"))
    assert (answer["new"], answer["refused"]) == (len(samples()), 0)


def test_an_empty_store_says_how_to_fill_it(run: Run) -> None:
    assert "digest import PATH" in run("comparisons", "list").stdout


def test_the_list_has_title_slug_and_shares(run: Run, page_file: Path) -> None:
    run("import", page_file)
    answer = run("comparisons", "list").stdout
    assert "Lathe vs Mortar Studio" in answer
    assert "lathe-vs-mortar-studio" in answer
    assert "75 : 100%" in answer


def test_the_list_as_facts_names_both_sides(run: Run, page_file: Path) -> None:
    run("import", page_file)
    (one,) = facts(run("comparisons", "list", "--json"))
    assert [side["tool"] for side in one["contenders"]] == ["lathe", "mortar-studio"]


def test_a_comparison_as_facts_has_everything_the_page_says(
    run: Run, page_file: Path, page: str
) -> None:
    run("import", page_file)
    answer = facts(run("comparisons", "show", "lathe-vs-mortar-studio", "--json"))
    said = [
        answer["kicker"],
        answer["title"],
        f"{answer['question']} {answer['intro']}",
        *(
            word
            for side in answer["contenders"]
            for word in (side["category"], side["name"], side["tagline"], side["entry_text"])
        ),
        *(line for side in answer["contenders"] for line in side["description"].split("\n\n")),
        *(f"“{one['quote']}”" for side in answer["contenders"] for one in side["verdicts"]),
        *answer["closing"],
    ]
    marks = {"75%", "100%", "62%", "—", "Panel ship", "Community", "Entry", "Reviewer scorecard"}
    assert set(page.splitlines()) - marks == set(said)
    assert [side["panel_share"] for side in answer["contenders"]] == [75.0, 100.0]
    assert [side["community_share"] for side in answer["contenders"]] == [None, 62.0]
    assert answer["source"] == page


def test_a_comparison_is_shown_side_by_side(run: Run, page_file: Path) -> None:
    run("import", page_file)
    answer = run("comparisons", "show", "lathe-vs-mortar-studio").stdout
    row = next(line for line in answer.splitlines() if line.startswith("Panel"))
    assert row.split("  ")[1:] != []
    assert "75%: 3 ship, 1 skip" in row
    assert "100%: 4 ship, 0 skip" in row


def test_text_that_looks_like_markup_is_shown_as_it_is(run: Run, page_file: Path) -> None:
    page_file.write_text(page_file.read_text().replace("Weekly verdicts", "[bold]Weekly[/bold]"))
    run("import", page_file)
    assert "[bold]Weekly[/bold]" in run("comparisons", "show", "lathe-vs-mortar-studio").stdout


def test_an_earlier_revision_can_be_shown(run: Run, page_file: Path) -> None:
    run("import", page_file)
    page_file.write_text(page_file.read_text().replace("62%", "63%"))
    run("import", page_file)
    show = ("comparisons", "show", "lathe-vs-mortar-studio", "--json")
    shares = [
        facts(run(*show, *more))["contenders"][1]["community_share"]
        for more in ([], ["--revision", "1"])
    ]
    assert shares == [63.0, 62.0]


def test_an_unknown_slug_is_not_found(run: Run) -> None:
    assert isinstance(run("comparisons", "show", "nope").exception, NotFound)
