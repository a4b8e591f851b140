"""What the shares mean: seats, who leads, how far apart, and where page and calls disagree."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from digest.comparisons.models import SEATS, Call, Contender
from digest.comparisons.schema import ComparisonDraft, ContenderDraft


class Split(NamedTuple):
    """A panel share in seats: who would ship, who would skip."""

    ships: int
    skips: int


class Lean(StrEnum):
    """Which side the panel leans to."""

    LEFT = "left"  #: more of the panel would ship the left tool
    RIGHT = "right"  #: more of the panel would ship the right tool
    LEVEL = "level"  #: as many would ship one as the other
    UNKNOWN = "unknown"  #: a share wasn't published


def split(share: float | None, seats: int = SEATS) -> Split | None:
    """Turn a panel share in percent into seats; ``None`` when it doesn't fall on whole seats.

    Shares are published rounded to whole percents: 67 % of three seats is two.
    """
    if share is None or not 0 <= share <= 100:  # noqa: PLR2004 - percent
        return None
    ships = round(share * seats / 100)
    exact = 100 * ships / seats
    if share not in (exact, round(exact), round(exact, 1), round(exact, 2)):
        return None
    return Split(ships, seats - ships)


def lean(left: float | None, right: float | None) -> Lean:
    """Say which of two panel shares is the larger."""
    if left is None or right is None:
        return Lean.UNKNOWN
    if left == right:
        return Lean.LEVEL
    return Lean.LEFT if left > right else Lean.RIGHT


def gap(left: float | None, right: float | None) -> float | None:
    """Return how far the panel parts two tools, in percentage points from 0 to 100."""
    return None if left is None or right is None else abs(left - right)


def draft_oddities(draft: ComparisonDraft) -> tuple[str, ...]:
    """Say in words what is odd about a draft; nothing here is a reason to refuse it."""
    return tuple(_doubts(draft))


def _doubts(draft: ComparisonDraft) -> Iterator[str]:
    if draft.seats != SEATS:
        yield f"the panel has {draft.seats} seats here; usually it has {SEATS}"
    for contender in draft.contenders:
        yield from (
            f"{contender.name}: {doubt}" for doubt in share_oddities(contender, draft.seats)
        )


def share_oddities(contender: ContenderDraft | Contender, seats: int) -> Iterator[str]:
    """Say where a panel share isn't seats, or isn't what the calls say."""
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
