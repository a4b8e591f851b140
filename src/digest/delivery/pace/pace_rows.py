"""Keep the pace of all machines in the database: who may go, and when to ask again.

This module decides how machines share a limit: a row for each scope says when its next batch may
go, and is locked while one is counted. It is locked last in a transaction, so that no two machines
wait for each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from digest.delivery.models import Attempt, Batch, BatchState, SendingPace
from digest.delivery.pace.limits import ALL, HOUR, Pace, most_at_once, slack, step
from digest.delivery.pace.warm_up import count_day, day_left, next_day, warm_up_today
from digest.issues.models import Edition, Issue, IssueState
from subscribers.sql import upsert

ASK_AGAIN = timedelta(seconds=1)  #: when the requests under way are as many as may be
#: No wait of a row is longer; a later time was set before the clock was turned back.
LONGEST = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class PaceWait:
    """What mail waits for."""

    until: datetime
    why: str  #: "the day's limit of 2,000"

    @property
    def words(self) -> str:
        """The whole of it: "waits until 00:00 UTC for the day's limit of 2,000"."""
        return f"waits until {self.until:%H:%M} UTC for {self.why}"


def take(
    session: Session, pace: Pace, counts: Mapping[str, int], now: datetime, *, readers: int
) -> datetime | None:
    """Count a batch of *readers*, so many by scope, see `Pace.count`; the caller commits.

    Return ``None`` when it may go, and else when to ask again: then nothing was counted. That is
    *now* for a batch of more readers than are left today, since it can be cut.
    """
    scopes = [scope for scope in pace.per_hour_of if scope in counts]
    locked = [ALL, *scopes] if pace.counts_all and ALL not in scopes else scopes
    for scope in locked:
        _lock(session, scope)
    later = free_at(session, pace, now, scopes=scopes)
    if later is not None:
        return later
    left = day_left(session, now) if pace.warm_up else None
    if left is not None and left < readers:  # another machine was quicker
        return now
    rows = _rows(session, scopes)
    for scope in scopes:
        limit = pace.per_hour_of[scope]
        earliest = now - slack(limit)
        next_at = rows[scope].next_at
        begin = max(next_at, earliest) if next_at and next_at <= now else earliest
        session.connection().execute(
            update(SendingPace)
            .where(col(SendingPace.scope) == scope)
            .values(next_at=begin + step(limit, counts[scope]))
        )
    if pace.warm_up:
        count_day(session, now)
    return None


def hold(session: Session, until: datetime) -> None:
    """Make every machine wait, as the provider asked for; the caller commits.

    A longer pause that another answer asked for stays.
    """
    statement = upsert(session, SendingPace).values(scope=ALL, held_until=until)
    before = col(SendingPace.held_until)
    is_longer = and_(before > until, before <= until + LONGEST)
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["scope"],
            set_={"held_until": until},
            where=or_(before.is_(None), ~is_longer),
        )
    )


def put_off(session: Session, until: datetime, now: datetime) -> None:
    """Let no machine ask again before *until*, or an hour at most; the caller commits."""
    _lock(session, ALL)
    session.connection().execute(
        update(SendingPace)
        .where(col(SendingPace.scope) == ALL)
        .values(next_at=min(until, now + HOUR))
    )


def ask_again(session: Session, per_hour: int, now: datetime) -> None:
    """Let every machine ask again, since the day's limit has changed; the caller commits.

    A limit *per_hour* goes on: it lets nobody wait for longer than the largest batch takes.
    """
    latest = now + step(per_hour, most_at_once(per_hour)) if per_hour else None
    is_later = true() if latest is None else col(SendingPace.next_at) > latest
    session.connection().execute(
        update(SendingPace).where(col(SendingPace.scope) == ALL, is_later).values(next_at=latest)
    )


def free_at(
    session: Session, pace: Pace, now: datetime, *, scopes: Collection[str] = (ALL,)
) -> datetime | None:
    """Return when the next batch of these scopes may go; ``None`` when it may go now."""
    times = [each.until for each in _all_waits(session, pace, now, scopes)]
    return max(times, default=None)


def waits(session: Session, pace: Pace, now: datetime) -> PaceWait | None:
    """Return what all mail waits for the longest; ``None`` when it may go."""
    return max(_all_waits(session, pace, now, (ALL,)), key=lambda each: each.until, default=None)


def _all_waits(
    session: Session, pace: Pace, now: datetime, scopes: Collection[str]
) -> Iterator[PaceWait]:
    rows = _rows(session, {ALL, *scopes})
    for scope, row in rows.items():
        if row.held_until is not None and now < row.held_until <= now + LONGEST:
            yield PaceWait(until=row.held_until, why="the pause that the provider asked for")
        limit = pace.per_hour_of.get(scope)
        if limit and row.next_at is not None and now < row.next_at <= now + LONGEST:
            whose = "the" if scope == ALL else f"{scope}'s"
            yield PaceWait(until=row.next_at, why=f"{whose} limit of {limit:,} an hour")
    if pace.requests and _under_way(session, now) >= pace.requests:
        yield PaceWait(
            until=now + ASK_AGAIN, why=f"one of the {pace.requests:,} requests under way"
        )
    if pace.warm_up and day_left(session, now) == 0:
        today = warm_up_today(session, now)
        if today is not None:
            yield PaceWait(until=next_day(now), why=f"the day's limit of {today.limit:,}")


def _rows(session: Session, scopes: Collection[str]) -> dict[str, SendingPace]:
    rows = session.exec(
        select_rows(SendingPace)
        .where(col(SendingPace.scope).in_(scopes))
        .execution_options(populate_existing=True)
    )
    return {row.scope: row for row in rows}


def _lock(session: Session, scope: str) -> None:
    """Lock a scope's row until the commit; insert it where there is none."""
    statement = upsert(session, SendingPace).values(scope=scope)
    # An update without a change locks the row.
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["scope"], set_={"scope": scope})
    )


def _under_way(session: Session, now: datetime) -> int:
    """Return how many requests are under way; a dead sender's count until its lease is over."""
    held = (
        select(func.count())
        .select_from(Issue)
        .join(Edition, col(Edition.issue_id) == col(Issue.id))
        .join(Batch, col(Batch.edition_id) == col(Edition.id))
        .join(Attempt, col(Attempt.key) == col(Batch.attempt))
        .where(
            col(Issue.state).in_([IssueState.PREPARED, IssueState.PAUSED, IssueState.CANCELLED]),
            col(Batch.state).in_([BatchState.CLAIMED, BatchState.STARTED]),
            col(Attempt.lease_until) > now,
        )
    )
    return session.connection().execute(held).scalar_one()


def paced_until(provider: Any, now: Any, never: Any) -> ColumnElement[datetime | None]:
    """Return the SQL of when mail to a mailbox provider may go; NULL where it may go now.

    A time after *never* counts as past: it was set before the clock was turned back.
    """
    theirs = _latest([ALL, provider], now, never)
    return case((provider == "", _latest([ALL], now, never)), else_=theirs)


def is_paced(provider: Any, now: Any, never: Any) -> ColumnElement[bool]:
    """Return the SQL condition that mail to a mailbox provider may not go yet, as `paced_until`."""
    return _is_among(provider, or_(*(and_(at > now, at <= never) for at in _TIMES)))


def has_limit(provider: Any) -> ColumnElement[bool]:
    """Return the SQL condition that mail to a mailbox provider goes batch by batch."""
    return _is_among(provider, col(SendingPace.next_at).is_not(None))


def _is_among(provider: Any, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the SQL condition that a row of all mail, or of a provider, meets a condition.

    Neither part depends on the batch, so that a database looks once for all batches.
    """
    of_provider = select(col(SendingPace.scope)).where(condition)
    return or_(exists().where(col(SendingPace.scope) == ALL, condition), provider.in_(of_provider))


def _latest(scopes: Sequence[Any], now: Any, never: Any) -> ColumnElement[datetime | None]:
    times = [
        select(func.max(at).label("at"))
        .where(col(SendingPace.scope).in_(scopes), at > now, at <= never)
        .correlate_except(SendingPace)  # the provider is one batch's, not that of any batch
        for at in _TIMES
    ]
    either = union_all(*times).subquery()
    return select(func.max(either.c.at)).scalar_subquery()


_TIMES = (col(SendingPace.next_at), col(SendingPace.held_until))
