"""Seats and shares: which side the panel leans to, and warnings about contradictions."""

from __future__ import annotations

import pytest

from digest.comparisons.models import Call
from digest.comparisons.score import Lean, Split, draft_oddities, gap, lean, split
from tests.comparisons.conftest import MakeDraft


@pytest.mark.parametrize(
    ("share", "seats", "expected"),
    [
        (75.0, 4, Split(3, 1)),
        (100.0, 4, Split(4, 0)),
        (0.0, 4, Split(0, 4)),
        (67.0, 3, Split(2, 1)),
        (66.7, 3, Split(2, 1)),
        (58.3333, 12, Split(7, 5)),
        (200 / 3, 3, Split(2, 1)),
        (0.4, 12, None),
        (60.0, 4, None),
        (74.0, 4, None),
        (75.0, 3, None),
        (None, 4, None),
        (101.0, 4, None),
        (float("nan"), 4, None),
    ],
)
def test_a_share_is_seats_only_where_it_falls_on_whole_ones(
    share: float | None, seats: int, expected: Split | None
) -> None:
    assert split(share, seats) == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (75.0, 100.0, Lean.RIGHT),
        (100.0, 75.0, Lean.LEFT),
        (50.0, 50.0, Lean.LEVEL),
        (None, 0.0, Lean.UNKNOWN),
    ],
)
def test_the_panel_leans_to_the_larger_share(
    left: float | None, right: float | None, expected: Lean
) -> None:
    assert lean(left, right) is expected


def test_a_gap_is_unknown_where_a_share_is() -> None:
    assert (gap(75.0, 100.0), gap(25.0, None)) == (25.0, None)


def called(make_draft: MakeDraft, calls: str, share: float | None) -> tuple[str, ...]:
    """The doubts about a left side whose seats call *calls*: + ship, - skip, . unknown."""
    meant = {"+": Call.SHIP, "-": Call.SKIP, ".": None}
    draft = make_draft(shares=(share, 100.0))
    left = draft.contenders[0]
    verdicts = tuple(
        verdict.model_copy(update={"call": meant[sign]})
        for verdict, sign in zip(left.verdicts, calls, strict=True)
    )
    spoken = left.model_copy(update={"verdicts": verdicts})
    return draft_oddities(draft.model_copy(update={"contenders": (spoken, left)}))[:1]


@pytest.mark.parametrize(
    ("calls", "share"), [("+++-", 75.0), ("....", 75.0), ("..+-", 75.0), ("----", None)]
)
def test_calls_that_agree_with_the_share_raise_no_doubt(
    make_draft: MakeDraft, calls: str, share: float | None
) -> None:
    assert called(make_draft, calls, share) == ()


@pytest.mark.parametrize("calls", ["++++", "++--", "..--"])
def test_calls_that_contradict_the_share_are_reported(make_draft: MakeDraft, calls: str) -> None:
    (doubt,) = called(make_draft, calls, 75.0)
    assert doubt.startswith("Lathe: the panel share is 75%, that is 3 ship and 1 skip of 4, but")


def test_a_share_that_falls_on_no_seats_is_reported(make_draft: MakeDraft) -> None:
    assert called(make_draft, "....", 60.0) == (
        "Lathe: a panel share of 60% doesn't fall on whole seats of 4",
    )


def test_a_panel_of_another_size_is_reported(make_draft: MakeDraft) -> None:
    oddities = draft_oddities(make_draft(seats=3, shares=(67.0, 100.0)))
    assert oddities == ("the panel has 3 seats here; usually it has 4",)


def test_a_panel_of_one_is_reported(make_draft: MakeDraft) -> None:
    oddities = draft_oddities(make_draft(seats=1, shares=(0.0, 100.0)))
    assert oddities == ("the panel has 1 seat here; usually it has 4",)
