"""Which reviewer a reader agrees with: what is compared, and who comes first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from digest.comparisons.models import Call
from digest.issues.variants.agreement import (
    FEWEST,
    Agreement,
    ComparedTool,
    PanelSeat,
    agreements,
    best,
)
from digest.votes import OwnVote

SHIP, SKIP = Call.SHIP, Call.SKIP


NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def voted(comparison: int, tool: int, call: Call) -> OwnVote:
    return OwnVote(comparison, tool, call, NOW, None)


def votes(*calls: Call) -> list[OwnVote]:
    """One vote on each of the tools 0, 1, 2 and so on."""
    return [voted(1, tool, call) for tool, call in enumerate(calls)]


def panel(seats: int = 4, **calls: str) -> dict[ComparedTool, dict[PanelSeat, Call]]:
    """Return calls by seat: "s" ships, "k" skips, "-" isn't known; a letter for each tool."""
    known: dict[ComparedTool, dict[PanelSeat, Call]] = {}
    for seat, letters in calls.items():
        for tool, letter in enumerate(letters):
            if letter != "-":
                of_tool = known.setdefault(ComparedTool(1, tool), {})
                of_tool[PanelSeat(seats, int(seat[1:]))] = SHIP if letter == "s" else SKIP
    return known


def test_the_highest_share_comes_first() -> None:
    found = agreements(votes(*[SHIP] * 9), panel(s1="sskksskks", s2="ssssssskk", s3="kkkkkkkkk"))
    assert found[0] == Agreement(PanelSeat(4, 2), 7, 9)
    assert best(found) == found[0]
    assert [one.reviewer.seat for one in found] == [2, 1, 3]


def test_of_equal_shares_the_one_with_more_compared_comes_first() -> None:
    found = agreements(votes(*[SHIP] * 8), panel(s1="ssssss--", s2="ssssssss"))
    assert [(one.reviewer.seat, one.compared) for one in found] == [(2, 8), (1, 6)]


def test_of_equal_agreements_the_lower_seat_comes_first() -> None:
    found = agreements(votes(*[SHIP] * 5), panel(s3="sssss", s1="sssss", s2="sssss"))
    assert [one.reviewer.seat for one in found] == [1, 2, 3]


@pytest.mark.parametrize(("compared", "named"), [(FEWEST - 1, False), (FEWEST, True)])
def test_nobody_is_named_before_five_votes_compare(compared: int, named: bool) -> None:
    known = panel(s1="s" * compared + "-" * (9 - compared))
    assert bool(best(agreements(votes(*[SHIP] * 9), known))) is named


@pytest.mark.parametrize(("letters", "named"), [("ssskkk", True), ("sskkk", False)])
def test_nobody_is_named_who_agrees_on_under_half(letters: str, named: bool) -> None:
    found = agreements(votes(*[SHIP] * 6), panel(s1=letters, s2="k" * 6, s3="ss"))
    assert bool(best(found)) is named


def test_a_reviewer_with_too_few_calls_gives_way_to_the_next() -> None:
    found = agreements(votes(*[SHIP] * 6), panel(s1="sss---", s2="sssskk"))
    assert found[0].reviewer.seat == 1
    assert best(found) == Agreement(PanelSeat(4, 2), 4, 6)


def test_a_vote_on_a_tool_without_a_known_call_is_not_compared() -> None:
    found = agreements([*votes(SHIP, SKIP, SHIP), voted(2, 0, SHIP)], panel(s1="ss-"))
    assert found == [Agreement(PanelSeat(4, 1), 1, 2)]


def test_seats_of_panels_of_different_size_are_not_one_reviewer() -> None:
    known = panel(s1="sss") | {ComparedTool(2, tool): {PanelSeat(3, 1): SHIP} for tool in range(3)}
    found = agreements([*votes(SHIP, SHIP, SHIP), *(voted(2, n, SHIP) for n in range(3))], known)
    assert found == [Agreement(PanelSeat(3, 1), 3, 3), Agreement(PanelSeat(4, 1), 3, 3)]
    assert best(found) is None


def test_who_has_not_voted_agrees_with_nobody() -> None:
    assert agreements([], panel(s1="s")) == []
    assert best([]) is None
