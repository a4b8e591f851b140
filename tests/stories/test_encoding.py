"""A terminal without UTF-8: output stays readable, and what programs read stays exact."""

from __future__ import annotations

import json

from tests.stories.conftest import PAGE, Installation


def shown(site: Installation, line: str) -> str:
    """Return what a command prints to a terminal that shows ASCII alone."""
    with site.started(*line.split(), PYTHONIOENCODING="ascii") as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    return out


def test_without_utf_8_a_terminal_gets_question_marks_and_a_program_the_truth(
    empty: Installation,
) -> None:
    (empty.folder / "page.txt").write_text(PAGE.replace("Lathe", "Läthe"), "utf-8")
    empty.done("init")
    empty.done("import", "page.txt")
    [listed] = json.loads(shown(empty, "comparisons list --json"))
    assert listed["title"] == "Läthe vs Mortar Studio"
    table = shown(empty, "comparisons list")
    assert table.isascii()
    assert "L?the vs Mortar Studio" in table
