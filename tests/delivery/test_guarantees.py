"""Promises and fault matrix name tests that are there, and every fault of the matrix has a row."""

from __future__ import annotations

import re
from pathlib import Path

from digest.delivery.models import BatchState

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"
GUIDE = (DOCS / "guarantees.md").read_text("utf-8")
MATRIX = dict(
    re.findall(
        r"^\| ([A-Z]\d\d) \| (.+) \|$",
        (DOCS / "fault-matrix.md").read_text("utf-8"),
        re.MULTILINE,
    )
)
#: How many faults there are of each kind.
FAULTS = {"A": 16, "B": 26, "C": 17, "D": 15, "E": 8, "F": 11, "G": 11, "H": 12, "P": 7, "S": 4}
NAMES = {
    name
    for path in TESTS.rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
}
#: Rows of the fault matrix a send can meet; what isn't staged is said in the guide.
ROWS = (
    [f"A{n:02}" for n in range(1, 17)]
    + [f"B{n:02}" for n in range(1, 20)]
    + ["D01", "D02", "D03", "D04", "D05", "D06", "D10", "S01", "S02", "G01", "G02", "G03", "G04"]
)


def test_every_test_the_guide_names_is_there() -> None:
    named = re.findall(r"`(test_\w+)`", GUIDE)
    assert len(named) > 20
    assert [name for name in named if name not in NAMES] == []


def test_every_row_of_the_matrix_has_a_test_named_after_it() -> None:
    rows = {row for name in NAMES for row in re.findall(r"[A-Z]\d\d(?=_)", name)}
    assert [row for row in ROWS if row not in rows] == []


def test_the_guide_tells_every_promise() -> None:
    assert re.findall(r"^\| (I\d+) \|", GUIDE, re.MULTILINE) == [f"I{n}" for n in range(1, 15)]


def test_every_fault_has_one_row_in_the_matrix() -> None:
    assert list(MATRIX) == [
        f"{kind}{n:02}" for kind, most in FAULTS.items() for n in range(1, most + 1)
    ]


def test_every_test_the_matrix_names_is_there() -> None:
    named = {name for row in MATRIX.values() for name in re.findall(r"`(test_\w+)`", row)}
    assert named - NAMES == set()


def test_every_row_of_the_matrix_has_a_test_or_says_why_not() -> None:
    shown_by = {fault: row.rpartition(" | ")[2] for fault, row in MATRIX.items()}
    assert [
        fault
        for fault, test in shown_by.items()
        if not re.match(r"`test_\w+`|not staged: \w", test)
    ] == []


def test_the_picture_of_a_batch_shows_each_state() -> None:
    page = (DOCS / "architecture.md").read_text("utf-8")
    picture = page.partition("stateDiagram-v2\n")[2].partition("```")[0]
    drawn = set(re.findall(r"\b[a-z_]+\b(?= -->|:)", picture))
    states = {state.replace("-", "_") for state in BatchState} - {"refused"}  # no step sets it
    assert drawn == states
