"""What panel shares mean: seats, the leader, the gap, and contradictions to the calls."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from digest.comparisons.models import SEATS, Call, Contender
from digest.comparisons.schema import ComparisonDraft, ContenderDraft

_ROUNDED = 0.005  # percent; what rounding to 2 decimals or more moves a share by


class Split(NamedTuple):
    """A panel share in seats: how many would ship, how many would skip."""

    ships: int
    skips: int


class Lean(StrEnum):
    """The side that the panel leans to."""

    LEFT = "left"  #: more of the panel would ship the left tool
    RIGHT = "right"  #: more of the panel would ship the right tool
    LEVEL = "level"  #: both shares are equal
    UNKNOWN = "unknown"  #: a share wasn't published


def split(share: float | None, seats: int = SEATS) -> Split | None:
    """Return a panel share, in percent, as seats; ``None`` when it isn't a number of whole seats.

    A published share may be rounded, to 0 decimals or more: 67% of three seats is two.
    """
    if share is None or not 0 <= share <= 100:  # noqa: PLR2004 - percent
        return None
    ships = round(share * seats / 100)
    exact = 100 * ships / seats
    fine = abs(share - exact) < _ROUNDED  # to 2 decimals or more
    if not fine and share not in (round(exact), round(exact, 1), round(exact, 2)):
        return None
    return Split(ships, seats - ships)


def lean(left: float | None, right: float | None) -> Lean:
    """Return which of two panel shares, in percent, is the larger."""
    if left is None or right is None:
        return Lean.UNKNOWN
    if left == right:
        return Lean.LEVEL
    return Lean.LEFT if left > right else Lean.RIGHT


def gap(left: float | None, right: float | None) -> float | None:
    """Return the distance of two panel shares, in percentage points from 0 to 100."""
    return None if left is None or right is None else abs(left - right)


def draft_oddities(draft: ComparisonDraft) -> tuple[str, ...]:
    """Return what is odd about a draft, in words; none of it is a reason to refuse the draft."""
    return tuple(_oddities(draft))


def _oddities(draft: ComparisonDraft) -> Iterator[str]:
    if draft.seats != SEATS:
        seats = f"{draft.seats} seat{'s' if draft.seats > 1 else ''}"
        yield f"the panel has {seats} here; usually it has {SEATS}"
    for contender in draft.contenders:
        yield from (
            f"{contender.name}: {doubt}" for doubt in share_oddities(contender, draft.seats)
        )


def share_oddities(contender: ContenderDraft | Contender, seats: int) -> Iterator[str]:
    """Yield in words each contradiction of a panel share to the seats or the calls."""
    share = contender.panel_share
    if share is None:
        return
    as_split = split(share, seats)
    if as_split is None:
        yield f"a panel share of {share:g}% doesn't fall on whole seats of {seats}"
    calls = [verdict.call for verdict in contender.verdicts if verdict.call is not None]
    ships, skips = calls.count(Call.SHIP), calls.count(Call.SKIP)
    if as_split and (ships > as_split.ships or skips > as_split.skips):
        yield (
            f"the panel share is {share:g}%, that is {as_split.ships} ship and {as_split.skips}"
            f" skip of {seats}, but the calls say {ships} ship and {skips} skip"
        )
