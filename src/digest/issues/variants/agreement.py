"""Which reviewer a reader agrees with, by their votes and the panel's calls; pure.

A seat is one reviewer in all comparisons of a panel of the same size, and in no others. Only a
vote on a tool whose call by that reviewer is known is compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from digest.comparisons.models import Call
from digest.votes import OwnVote

FEWEST = 5  #: votes that must be comparable before anybody is named


class PanelSeat(NamedTuple):
    """A reviewer: the size of the panel, and the seat in it, from 1."""

    seats: int
    seat: int


class ComparedTool(NamedTuple):
    """A tool of a comparison, each by its id."""

    comparison_id: int
    tool_id: int


#: The known calls on each tool.
PanelCalls = Mapping[ComparedTool, Mapping[PanelSeat, Call]]


class Agreement(NamedTuple):
    """On how many tools a reader and a reviewer agree."""

    reviewer: PanelSeat
    agreed: int
    compared: int


def agreements(votes: Iterable[OwnVote], calls: PanelCalls) -> list[Agreement]:
    """Return how far a reader agrees with each reviewer who can be compared.

    The best comes first: the highest share, then the most tools compared, then the lower seat.
    """
    agreed, compared = Counter[PanelSeat](), Counter[PanelSeat]()
    for vote in votes:
        known = calls.get(ComparedTool(vote.comparison_id, vote.tool_id), {})
        compared.update(known.keys())
        agreed.update(reviewer for reviewer, call in known.items() if call is vote.call)
    found = [Agreement(reviewer, agreed[reviewer], number) for reviewer, number in compared.items()]
    return sorted(found, key=_best_first)


def best(found: Iterable[Agreement]) -> Agreement | None:
    """Return the first of `agreements` that compares enough tools, and agrees on half of them.

    It is ``None`` while there is none.
    """
    enough = (one for one in found if one.compared >= FEWEST)
    return next((one for one in enough if 2 * one.agreed >= one.compared), None)


def _best_first(one: Agreement) -> tuple[float, int, int, int]:
    return (-one.agreed / one.compared, -one.compared, one.reviewer.seat, one.reviewer.seats)
