"""The circuit breaker of a send: it stops a provider's bad day from reaching every reader.

After a few failures in a row, counted over every thread and process, only one batch at a time is
tried, after a pause that grows each time. Once a batch is accepted, the rest goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlmodel import Session, col

from digest.delivery.models import Batch, CircuitBreaker
from digest.mail.transport import InDoubt, NotSent
from subscribers.store import upsert

#: No pause is longer: one that seems to be was begun before the clock jumped back.
LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is borne before a send is slowed down, or given up; times in seconds."""

    most_failures: int = 3  #: in a row
    most_refusals: int = 30  #: in a row; more than a batch costs whose readers are named one by one
    first_pause: float = 60.0  #: where each try may leave one more batch in doubt
    longest_pause: float = 3600.0
    first_unsent: float = 15.0  #: where a try puts nobody in doubt
    longest_unsent: float = 600.0
    give_up: float = 12 * 3600.0
    fewest_probes: int = 5  #: before giving up: a send may have rested for half a day

    def pause(self, probes: int, answer: InDoubt | NotSent) -> float:
        """Return how long to wait after so many probes that failed."""
        first, longest = self.first_unsent, self.longest_unsent
        if isinstance(answer, InDoubt):
            first, longest = self.first_pause, self.longest_pause
        return float(min(first * 2 ** min(probes, 20), longest))


@dataclass(frozen=True, kw_only=True)
class Tripped:
    """What a failure means for the rest of the issue."""

    failures: int  #: in a row, this one included
    until: datetime | None = None  #: nothing is tried before then
    give_up: str = ""  #: why a person has to look at it


def failed(
    session: Session,
    *,
    edition_id: int,
    attempt: str,
    answer: InDoubt | NotSent,
    now: datetime,
    limits: Limits,
    asked: float | None = None,
) -> Tripped:
    """Count a request that wasn't accepted, for no reason of its own; the caller commits.

    *asked* is the pause the provider wants, in seconds.
    """
    breaker = _breaker(session, edition_id, now)
    if breaker.failures == 0:
        breaker.since = now
    breaker.failures += 1
    breaker.reason = answer.detail
    is_open = breaker.probe_at is not None
    if breaker.failures >= limits.most_failures and (not is_open or breaker.probe == attempt):
        # What was under way when it tripped says nothing new.
        pause = limits.pause(breaker.probes, answer) if asked is None else asked
        breaker.probe_at, breaker.probe = now + timedelta(seconds=pause), None
        breaker.probes += 1
    until = breaker.probe_at
    session.add(breaker)
    session.flush()
    long = now - breaker.since > timedelta(seconds=limits.give_up)
    if long and breaker.probes > limits.fewest_probes:
        hours = limits.give_up / 3600
        why = f"nothing was accepted in {hours:.0f} hours of trying: {answer.detail}"
        return Tripped(failures=breaker.failures, give_up=why)
    return Tripped(failures=breaker.failures, until=until)


def failures(session: Session, edition_id: int) -> int:
    """Return how many requests of an edition have failed in a row."""
    found = select(col(CircuitBreaker.failures)).where(col(CircuitBreaker.edition_id) == edition_id)
    return session.connection().execute(found).scalar() or 0


def accepted(session: Session, batch_id: int) -> None:
    """Let the rest go on: a batch was accepted. The caller commits."""
    of_batch = select(col(Batch.edition_id)).where(col(Batch.id) == batch_id).scalar_subquery()
    session.connection().execute(
        delete(CircuitBreaker).where(col(CircuitBreaker.edition_id) == of_batch)
    )


def refused(session: Session, *, edition_id: int, attempt: str, now: datetime) -> int:
    """Count a request that the provider refused; returns how many in a row. The caller commits.

    An open breaker lets the next be tried at once, still one at a time, until one is accepted.
    """
    breaker = _breaker(session, edition_id, now)
    breaker.refusals += 1
    if breaker.probe == attempt:
        breaker.probe_at, breaker.probe = now, None
    session.add(breaker)
    session.flush()
    return breaker.refusals


def close(session: Session, edition_ids: Sequence[int]) -> None:
    """Let everything go on by a person's decision; the caller commits."""
    session.connection().execute(
        delete(CircuitBreaker).where(col(CircuitBreaker.edition_id).in_(edition_ids))
    )


def try_now(session: Session, edition_id: int, now: datetime) -> None:
    """Let the next batch be tried at once, if none is being tried; the caller commits."""
    session.connection().execute(
        update(CircuitBreaker)
        .where(
            col(CircuitBreaker.edition_id) == edition_id,
            col(CircuitBreaker.probe_at).is_not(None),
            col(CircuitBreaker.probe).is_(None),
        )
        .values(probe_at=now)
    )


def take_probe(
    session: Session, edition_id: int, *, attempt: str, now: datetime, until: datetime
) -> bool:
    """Make an attempt the only one until its answer, or *until*; false when another one is.

    For an open breaker; the caller commits.
    """
    taken = session.connection().execute(
        update(CircuitBreaker)
        .where(col(CircuitBreaker.edition_id) == edition_id, may_try(now, now + LONGEST_PAUSE))
        .values(probe=attempt, probe_at=until)
    )
    return taken.rowcount == 1


def probe_at(session: Session, edition_id: int, now: datetime) -> datetime | None:
    """Return when the next batch may be tried; ``None`` when all may now."""
    found = session.connection().execute(
        select(col(CircuitBreaker.probe_at)).where(
            col(CircuitBreaker.edition_id) == edition_id,
            ~may_try(now, now + LONGEST_PAUSE),
        )
    )
    return found.scalar()


def may_try(now: Any, never: Any) -> ColumnElement[bool]:
    """Tell whether a batch may be tried; for a query on `CircuitBreaker` or an outer join with it.

    Also when a clock set back since seems to put that off until after *never*.
    """
    at = col(CircuitBreaker.probe_at)
    return or_(at.is_(None), at <= now, at > never)


def _breaker(session: Session, edition_id: int, now: datetime) -> CircuitBreaker:
    """Return an edition's breaker, locked; made where there is none."""
    fresh = upsert(session, CircuitBreaker).values(
        edition_id=edition_id, failures=0, refusals=0, since=now, reason="", probes=0
    )
    # An update that changes nothing locks the row: another thread may be about to delete it.
    session.connection().execute(
        fresh.on_conflict_do_update(index_elements=["edition_id"], set_={"edition_id": edition_id})
    )
    return session.get_one(CircuitBreaker, edition_id, populate_existing=True)
