"""How a list's size and growth are counted: by standing, exclusion, source and ISO week.

Growth is read from the consent entries, and only who had joined can leave: a sign-up that was never
confirmed counts for neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from subscribers import sql
from subscribers.abuse_prevention import LET_IN
from subscribers.audience import audience
from subscribers.models import (
    Consent,
    ConsentAct,
    ConsentCount,
    Standing,
    StoppedSignups,
    Subscription,
)

_JOINED = (ConsentAct.CONFIRMED, ConsentAct.IMPORTED, ConsentAct.RETURNED)
#: Entries that aren't counted for good yet: one that is being written may have a lower number.
UNCOUNTED = timedelta(hours=1)
_GONE = (ConsentAct.WITHDRAWN, ConsentAct.ERASED)


@dataclass(frozen=True, kw_only=True)
class WeeklyGrowth:
    """How many asked, joined and left in one ISO week, in UTC."""

    week: str  #: "2026-W48"
    asked: int
    joined: int
    left: int


@dataclass(frozen=True, kw_only=True)
class AudienceCounts:
    """The numbers of a newsletter's readers; ``total`` is the sum over the standings."""

    newsletter: str
    total: int
    mailable: int  #: readers an issue goes to now, if it has a topic of theirs
    standings: dict[str, int]
    excluded: dict[str, int]  #: reason to number of readers
    sources: dict[str, int]
    weeks: list[WeeklyGrowth]
    let_in: int  #: sign-ups within the limits in these weeks, for all newsletters
    stopped: dict[str, int]  #: `LimitReason` to sign-ups in these weeks, for all newsletters

    def as_json(self) -> dict[str, Any]:
        """Return the counts in types that JSON has."""
        return asdict(self)


def count(session: Session, newsletter: str, now: datetime, *, weeks: int = 12) -> AudienceCounts:
    """Return a newsletter's counts as of *now*, and its growth over that many weeks."""
    since = now - timedelta(weeks=weeks - 1, days=now.weekday())
    first = since.replace(hour=0, minute=0, second=0, microsecond=0)
    excluded = _excluded(session, newsletter, now)
    stopped = _stopped(session, first.date())
    standings = _by(session, col(Subscription.standing), newsletter)
    return AudienceCounts(
        newsletter=newsletter,
        total=sum(standings.values()),
        mailable=excluded.pop("", 0),
        standings={standing.value: standings.get(standing.value, 0) for standing in Standing},
        excluded=excluded,
        sources=_by(session, col(Subscription.source), newsletter),
        weeks=_weeks(session, newsletter, first, weeks),
        let_in=stopped.pop(LET_IN, 0),
        stopped=stopped,
    )


def _excluded(session: Session, newsletter: str, now: datetime) -> dict[str, int]:
    everyone = audience(newsletter, now).subquery()
    rows = session.execute(
        select(everyone.c.exclusion, func.count()).group_by(everyone.c.exclusion)
    )
    return {reason or "": number for reason, number in rows}


def _by(session: Session, column: Any, newsletter: str) -> dict[str, int]:
    rows = session.execute(
        select(column, func.count())
        .where(col(Subscription.newsletter) == newsletter)
        .group_by(column)
        .order_by(func.count().desc())
    )
    return {str(value): number for value, number in rows}


def _weeks(session: Session, newsletter: str, first: datetime, weeks: int) -> list[WeeklyGrowth]:
    left = or_(col(Consent.act).not_in(_GONE), _is_reader())
    at: Any = col(Consent.at)
    if sql.dialect(session) != "sqlite":  # PostgreSQL sessions have a time zone of their own
        at = func.timezone("UTC", at)
    day = func.date(at)
    rows = session.execute(
        select(day, col(Consent.act), func.count())
        .where(col(Consent.newsletter) == newsletter, col(Consent.at) >= first, left)
        .group_by(day, col(Consent.act))
    )
    acts: Counter[tuple[str, ConsentAct]] = Counter()
    for when, act, number in rows:
        acts[_week(date.fromisoformat(str(when))), act] += number
    names = [_week((first + timedelta(weeks=n)).date()) for n in range(weeks)]
    return [
        WeeklyGrowth(
            week=name,
            asked=acts[name, ConsentAct.ASKED],
            joined=_sum(acts, name, _JOINED),
            left=_sum(acts, name, _GONE),
        )
        for name in names
    ]


def count_entries(session: Session, now: datetime) -> None:
    """Count the consent entries older than `UNCOUNTED`, so that none is read again.

    The caller commits, and runs no two of these at once.
    """
    through = _counted_through(session)
    entries = (col(Consent.id) > through, col(Consent.at) < now - UNCOUNTED)
    newest = session.execute(select(func.max(col(Consent.id))).where(*entries)).scalar()
    if newest is None:
        return
    insert = sql.upsert(session, ConsentCount)
    add = insert.on_conflict_do_update(
        index_elements=["act"], set_={"number": col(ConsentCount.number) + insert.excluded.number}
    )
    for act, number in _entries(session, col(Consent.id) > through, col(Consent.id) <= newest):
        session.execute(add, {"act": act, "number": number, "through": newest})
    session.execute(update(ConsentCount).values(through=newest))


def entries_by_act(session: Session) -> dict[str, int]:
    """Return how many consent entries there were since the beginning, by act."""
    counted = session.execute(select(col(ConsentCount.act), col(ConsentCount.number)))
    total: Counter[str] = Counter({str(act): number for act, number in counted})
    for act, number in _entries(session, col(Consent.id) > _counted_through(session)):
        total[str(act)] += number
    return dict(total)


def _counted_through(session: Session) -> int:
    return session.execute(select(func.max(col(ConsentCount.through)))).scalar() or 0


def _entries(session: Session, *which: Any) -> list[tuple[ConsentAct, int]]:
    rows: Any = session.execute(
        select(col(Consent.act), func.count()).where(*which).group_by(col(Consent.act))
    )
    return [tuple(row) for row in rows]


def left_between(session: Session, newsletter: str, start: datetime, end: datetime) -> int:
    """Return how many readers left from *start* to *end*, by unsubscribing or by being erased."""
    statement = select(func.count(col(Consent.subscriber_id).distinct())).where(
        col(Consent.newsletter) == newsletter,
        col(Consent.act).in_(_GONE),
        col(Consent.at).between(start, end),
        _is_reader(),
    )
    return int(session.execute(statement).scalar_one())


def _is_reader() -> Any:
    """Return the condition that an entry's act is about somebody who was a reader until then."""
    return _before().in_(_JOINED)


def _before() -> Any:
    """Return the last earlier act that made or ended a reader: only readers can leave."""
    earlier = aliased(sql.table(Consent))
    return (
        select(earlier.c.act)
        .where(
            earlier.c.subscriber_id == col(Consent.subscriber_id),
            earlier.c.newsletter == col(Consent.newsletter),
            earlier.c.id < col(Consent.id),
            earlier.c.act.in_([*_JOINED, *_GONE]),
        )
        .order_by(earlier.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def _sum(acts: Counter[tuple[str, ConsentAct]], week: str, kinds: Sequence[ConsentAct]) -> int:
    return sum(acts[week, kind] for kind in kinds)


def _stopped(session: Session, first: date) -> dict[str, int]:
    rows = session.execute(
        select(col(StoppedSignups.reason), func.sum(col(StoppedSignups.count)))
        .where(col(StoppedSignups.day) >= first.isoformat())
        .group_by(col(StoppedSignups.reason))
    )
    return {reason: int(number) for reason, number in rows}


def _week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"
