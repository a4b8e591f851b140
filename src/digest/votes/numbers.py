"""What editors are told of the votes on a comparison: which numbers there are, and how they add up.

None reads a vote's history, and only turnout, since when it is, and what was taken back look at
each vote.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from digest.comparisons.models import Contender, Revision
from digest.votes.counting import VoteCount
from digest.votes.models import DailyCount, HeldReason, ScannedCopy, ScanSign, Vote
from digest.votes.voter import turnout

LONGEST = 90  #: days of a history; those before it are in its first entry


class VotesOnDay(NamedTuple):
    """The votes on one tool as they stood at the end of a day, in UTC."""

    day: date
    total: VoteCount


@dataclass(frozen=True, kw_only=True)
class ToolNumbers:
    """The votes on one tool of a comparison, beside what its revision says of it."""

    tool: str  #: its slug
    name: str
    count: VoteCount
    panel_share: float | None  #: percent
    community_share: float | None  #: percent of the readers of the page, as the page says
    history: Sequence[VotesOnDay]  #: of each day from the comparison's first vote to its last

    def as_dict(self) -> dict[str, Any]:
        """Return the values for JSON; percent in one decimal."""
        return {
            "tool": self.tool,
            "name": self.name,
            **_count(self.count),
            "interval": _interval(self.count),
            "panel_share": self.panel_share,
            "community_share": self.community_share,
            "days": [{"day": at.isoformat(), **_count(total)} for at, total in self.history],
        }


@dataclass(frozen=True, kw_only=True)
class VoteNumbers:
    """The votes on one comparison."""

    slug: str
    title: str
    since: date | None  #: the first day, in UTC, with a vote that counts
    turnout: int  #: different readers with a vote that counts
    tools: Sequence[ToolNumbers]  #: left and right
    held: Mapping[HeldReason, int]  #: votes that aren't counted, by reason, the most first
    taken_back: int  #: votes that a reader has taken back

    def as_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        return {
            "slug": self.slug,
            "title": self.title,
            "since": self.since.isoformat() if self.since else None,
            "turnout": self.turnout,
            "tools": [tool.as_dict() for tool in self.tools],
            "held": {reason.value: number for reason, number in self.held.items()},
            "taken_back": self.taken_back,
        }


@dataclass(frozen=True, kw_only=True)
class ScanNumbers:
    """How many copies of some editions had their links followed by a program."""

    #: Copies by what showed it, the most first.
    signs: Mapping[ScanSign, int] = field(default_factory=dict)
    pressed: int = 0  #: copies of which the program pressed the button, too

    @property
    def copies(self) -> int:
        """The number of copies."""
        return sum(self.signs.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        signs = {sign.value: number for sign, number in self.signs.items()}
        return {"copies": self.copies, "signs": signs, "pressed": self.pressed}


def vote_numbers(session: Session, revisions: Sequence[Revision]) -> list[VoteNumbers]:
    """Return the votes on the comparisons of some revisions, with names and panel of those."""
    ids = [row.comparison_id for row in revisions]
    days, held, gone = _days(session, ids), _held(session, ids), _taken_back(session, ids)
    since = _since(session, ids)
    return [
        VoteNumbers(
            slug=row.comparison.slug,
            title=row.title,
            since=since.get(row.comparison_id),
            turnout=turnout(session, [row.comparison_id]),
            tools=_tool_numbers(row.contenders, days[row.comparison_id]),
            held=dict(held[row.comparison_id].most_common()),
            taken_back=gone.get(row.comparison_id, 0),
        )
        for row in revisions
    ]


def scan_numbers(session: Session, edition_ids: Collection[int]) -> ScanNumbers:
    """Return how many copies of some editions were scanned, and by what it showed."""
    signs: Counter[ScanSign] = Counter()
    pressed = 0
    rows = session.connection().execute(
        select(col(ScannedCopy.sign), col(ScannedCopy.pressed), func.count())
        .where(col(ScannedCopy.edition_id).in_(edition_ids))
        .group_by(col(ScannedCopy.sign), col(ScannedCopy.pressed))
    )
    for sign, did_press, number in rows:
        signs[sign] += number
        pressed += number if did_press else 0
    return ScanNumbers(signs=dict(signs.most_common()), pressed=pressed)


def _tool_numbers(
    sides: Sequence[Contender], changes: Mapping[date, Mapping[int, VoteCount]]
) -> list[ToolNumbers]:
    found = []
    for side in sides:
        history = _history({day: tools.get(side.tool_id) for day, tools in changes.items()})
        found.append(
            ToolNumbers(
                tool=side.tool.slug,
                name=side.name,
                count=history[-1].total if history else VoteCount(),
                panel_share=side.panel_share,
                community_share=side.community_share,
                history=history,
            )
        )
    return found


def _history(changes: Mapping[date, VoteCount | None]) -> list[VotesOnDay]:
    """Return the sums at the end of each day from the changes of some, at most `LONGEST` days."""
    history: list[VotesOnDay] = []
    ships = skips = 0
    for day, change in changes.items():
        while history and history[-1].day + timedelta(days=1) < day:
            history.append(VotesOnDay(history[-1].day + timedelta(days=1), history[-1].total))
        if change:
            ships, skips = ships + change.ships, skips + change.skips
        history.append(VotesOnDay(day, VoteCount(ships, skips)))
    return history[-LONGEST:]


def _days(
    session: Session, ids: Collection[int]
) -> Mapping[int, Mapping[date, dict[int, VoteCount]]]:
    """Return how each day changed the counts: by comparison, by day from the first, by tool."""
    found: dict[int, dict[date, dict[int, VoteCount]]] = defaultdict(dict)
    rows = session.connection().execute(
        select(
            col(DailyCount.comparison_id),
            col(DailyCount.day),
            col(DailyCount.tool_id),
            col(DailyCount.ships),
            col(DailyCount.skips),
        )
        .where(col(DailyCount.comparison_id).in_(ids))
        .order_by(col(DailyCount.day))
    )
    for comparison_id, day, tool_id, ships, skips in rows:
        found[comparison_id].setdefault(day, {})[tool_id] = VoteCount(ships, skips)
    return found


def _since(session: Session, ids: Collection[int]) -> Mapping[int, date]:
    """Return the day of the oldest vote that counts, by comparison."""
    rows = session.connection().execute(
        select(col(Vote.comparison_id), func.min(col(Vote.at)))
        .where(
            col(Vote.comparison_id).in_(ids), col(Vote.held).is_(None), col(Vote.call).is_not(None)
        )
        .group_by(col(Vote.comparison_id))
    )
    return {comparison_id: at.astimezone(UTC).date() for comparison_id, at in rows}


def _held(session: Session, ids: Collection[int]) -> Mapping[int, Counter[HeldReason]]:
    """Return the votes that aren't counted, by comparison and reason."""
    found: dict[int, Counter[HeldReason]] = defaultdict(Counter)
    rows = session.connection().execute(
        select(col(Vote.comparison_id), col(Vote.held), func.count())
        .where(
            col(Vote.held).is_not(None),
            col(Vote.call).is_not(None),
            col(Vote.comparison_id).in_(ids),
        )
        .group_by(col(Vote.comparison_id), col(Vote.held))
    )
    for comparison_id, reason, number in rows:
        if reason is not None:
            found[comparison_id][reason] = number
    return found


def _taken_back(session: Session, ids: Collection[int]) -> Mapping[int, int]:
    rows = session.connection().execute(
        select(col(Vote.comparison_id), func.count())
        .where(col(Vote.comparison_id).in_(ids), col(Vote.call).is_(None))
        .group_by(col(Vote.comparison_id))
    )
    return dict(rows.all())


def _count(count: VoteCount) -> dict[str, Any]:
    share = count.share
    return {
        "ships": count.ships,
        "skips": count.skips,
        "share": None if share is None else round(share, 1),
    }


def _interval(count: VoteCount) -> dict[str, float] | None:
    if not count.votes:
        return None
    low, high = count.interval
    return {"low": round(low, 1), "high": round(high, 1)}
