"""What people read fits their terminal: lines between words, lists instead of cut tables."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.table import Table

from digest.cli.console import FittingConsole
from digest.cli.report import SUBJECT_WIDTH


def shown(printed: Any, width: int, *, terminal: bool = True) -> list[str]:
    out = StringIO()
    FittingConsole(
        file=out, width=width, force_terminal=terminal, color_system=None, legacy_windows=False
    ).print(printed, markup=False)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def moments() -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("Period", "Local (Europe/Berlin)", "UTC", "Stands"):
        table.add_column(title, no_wrap=True)
    table.add_row("2026-W49", "Tue 2026-12-01 09:00", "12-01 08:00", "")
    table.add_row("2026-W50", "Tue 2026-12-08 09:00", "12-08 08:00", "issue 3, drafted")
    return table


def test_a_table_that_fits_stays_a_table() -> None:
    assert shown(moments(), 80)[1] == "2026-W49  Tue 2026-12-01 09:00   12-01 08:00"


@pytest.mark.parametrize("width", [30, 40, 50, 60])
def test_a_table_that_would_be_cut_becomes_a_list_without_a_loss(width: int) -> None:
    lines = shown(moments(), width)
    assert max(map(len, lines)) <= width
    assert " ".join(" ".join(lines).split()) == (
        "Period 2026-W49 Local (Europe/Berlin): Tue 2026-12-01 09:00 UTC: 12-01 08:00"
        " Period 2026-W50 Local (Europe/Berlin): Tue 2026-12-08 09:00 UTC: 12-08 08:00"
        " Stands: issue 3, drafted"
    )


def test_a_long_subject_makes_a_list_of_a_narrow_report() -> None:
    table = Table(box=None)
    table.add_column("No.")
    table.add_column("subject", min_width=SUBJECT_WIDTH)
    table.add_column("delivered")
    subject = "Greenroom Video vs Splicehouse: three reviewers to one"
    table.add_row("1", subject, "990 of 1,000")
    assert shown(table, 46)[0] == "No. 1"
    assert len(shown(table, 60)) == 3  # the heading, and the subject in two lines


@pytest.mark.parametrize("width", [20, 40])
def test_a_line_is_divided_between_words_and_keeps_its_indent(width: int) -> None:
    lines = shown("    next: digest send 1 --from-outbox sends them for real", width)
    assert " ".join(line.strip() for line in lines).split()[-1] == "real"
    assert all(line.startswith("    ") and len(line) <= width for line in lines)
    assert any("--from-outbox" in line for line in lines)


def test_a_program_finds_each_line_whole() -> None:
    line = "    next: digest send 1 --from-outbox sends them for real, whatever came of it before"
    assert shown(line, 40, terminal=False) == [line]


def test_a_word_between_colons_stays_a_word() -> None:
    assert shown("  Why we like :star: ratings", 80) == ["  Why we like :star: ratings"]
