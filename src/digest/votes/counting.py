"""How votes become the numbers that are shown: ships, skips, a share and how sure it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import sqrt
from typing import NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from digest.comparisons.models import Call
from digest.votes.models import DailyCount, Vote
from subscribers.sql import chunks

SHOWN_FROM = 5  #: votes from which a share is shown, unless a setting says otherwise
_Z = 1.959964  # the normal quantile of a 95 % interval


class VoteCount(NamedTuple):
    """The counted votes on one tool of a comparison."""

    ships: int = 0
    skips: int = 0

    @property
    def votes(self) -> int:
        """The number of votes."""
        return self.ships + self.skips

    @property
    def share(self) -> float | None:
        """Percent of the votes that would ship; ``None`` where there is none."""
        return 100 * self.ships / self.votes if self.votes else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share, in percent (Wilson 1927); 0 to 100 without a vote."""
        number = self.votes
        if not number:
            return 0.0, 100.0
        share, square = self.ships / number, _Z * _Z
        centre = (share + square / (2 * number)) / (1 + square / number)
        spread = sqrt(share * (1 - share) / number + square / (4 * number * number))
        half = _Z * spread / (1 + square / number)
        return 100 * max(0.0, centre - half), 100 * min(1.0, centre + half)


#: By comparison and by tool, each by its id; what nobody voted on is left out.
VoteCounts = Mapping[int, Mapping[int, VoteCount]]


def counts_of(session: Session, comparison_ids: Collection[int]) -> VoteCounts:
    """Return the counts of some comparisons as they stand; one look, however many votes."""
    counts: dict[int, dict[int, VoteCount]] = {}
    for part in chunks(sorted({number for number in comparison_ids if number})):
        rows = session.connection().execute(_COUNTS, {"comparisons": part})
        for comparison_id, tool_id, ships, skips in rows:
            count = VoteCount(int(ships), int(skips))
            if count.votes:
                counts.setdefault(comparison_id, {})[tool_id] = count
    return counts


_COUNTS = (
    select(
        col(DailyCount.comparison_id),
        col(DailyCount.tool_id),
        func.sum(col(DailyCount.ships)),
        func.sum(col(DailyCount.skips)),
    )
    .where(col(DailyCount.comparison_id).in_(bindparam("comparisons", expanding=True)))
    .group_by(col(DailyCount.comparison_id), col(DailyCount.tool_id))
)


def counts_by_link(
    session: Session, comparison_ids: Collection[int], edition_ids: Collection[int]
) -> VoteCounts:
    """Return the counts of votes by a link in one of some editions; it looks at each vote."""
    rows = session.connection().execute(
        select(col(Vote.comparison_id), col(Vote.tool_id), col(Vote.call), func.count())
        .where(
            col(Vote.comparison_id).in_(sorted(set(comparison_ids))),
            col(Vote.edition_id).in_(edition_ids),
            col(Vote.held).is_(None),
            col(Vote.call).is_not(None),
        )
        .group_by(col(Vote.comparison_id), col(Vote.tool_id), col(Vote.call))
    )
    counts: dict[int, dict[int, VoteCount]] = {}
    for comparison_id, tool_id, call, number in rows:
        tools = counts.setdefault(comparison_id, {})
        ships, skips = tools.get(tool_id, VoteCount())
        new = (ships + number, skips) if call is Call.SHIP else (ships, skips + number)
        tools[tool_id] = VoteCount(*new)
    return counts
