"""Slow a send down while the provider fails, so that one outage doesn't affect every batch.

This module decides when the breaker opens and how long it pauses. After a few failures in a row,
counted over every thread and process, it lets one batch at a time go as a probe, after a pause that
grows with each probe. Once a batch is accepted, the breaker closes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, or_, select, update
from sqlmodel import Session, col

from digest.delivery.models import Batch, CircuitBreaker
from digest.mail.transport import InDoubt, NotSent
from subscribers.sql import upsert

#: No pause is longer; a later end was set before the clock was turned back.
LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class BreakerLimits:
    """How many failures slow a send down or end it, and the pauses; times in seconds."""

    most_failures: int = 3  #: in a row
    most_refusals: int = 30  #: in a row; above `RetryPolicy.most_rounds`
    first_pause: float = 60.0  #: after a failure that leaves a batch in doubt
    longest_pause: float = 3600.0
    first_unsent: float = 15.0  #: after a failure that certainly sent nothing
    longest_unsent: float = 600.0
    give_up: float = 12 * 3600.0
    fewest_probes: int = 5  #: before giving up: the time alone may have passed unused

    def pause(self, probes: int, answer: InDoubt | NotSent) -> float:
        """Return the seconds to pause after *probes* failed probes: they double with each."""
        first, longest = self.first_unsent, self.longest_unsent
        if isinstance(answer, InDoubt):
            first, longest = self.first_pause, self.longest_pause
        return float(min(first * 2 ** min(probes, 20), longest))


@dataclass(frozen=True, kw_only=True)
class BreakerState:
    """The effect of a failure on the rest of the issue."""

    failures: int  #: in a row, this one included
    until: datetime | None = None  #: no batch is sent before then
    give_up: str = ""  #: why the issue is to be paused; empty when it isn't


def failed(
    session: Session,
    *,
    edition_id: int,
    attempt: str,
    answer: InDoubt | NotSent,
    now: datetime,
    limits: BreakerLimits,
    retry_after: float | None = None,
) -> BreakerState:
    """Count a request that failed other than by a refusal, and open the breaker if due.

    *retry_after* is the pause that the provider asks for, in seconds. The caller commits.
    """
    breaker = _breaker(session, edition_id, now)
    if breaker.failures == 0:
        breaker.since = now
    breaker.failures += 1
    breaker.reason = answer.detail
    is_open = breaker.probe_at is not None
    if breaker.failures >= limits.most_failures and (not is_open or breaker.probe == attempt):
        # A request that was under way when the breaker opened is no probe, and extends nothing.
        pause = limits.pause(breaker.probes, answer) if retry_after is None else retry_after
        breaker.probe_at, breaker.probe = now + timedelta(seconds=pause), None
        breaker.probes += 1
    until = breaker.probe_at
    session.add(breaker)
    session.flush()
    is_over = now - breaker.since > timedelta(seconds=limits.give_up)
    if is_over and breaker.probes > limits.fewest_probes:
        hours = limits.give_up / 3600
        why = f"nothing was accepted in {hours:.0f} hours of trying: {answer.detail}"
        return BreakerState(failures=breaker.failures, give_up=why)
    return BreakerState(failures=breaker.failures, until=until)


def failures(session: Session, edition_id: int) -> int:
    """Return how many requests of an edition have failed in a row."""
    count = select(col(CircuitBreaker.failures)).where(col(CircuitBreaker.edition_id) == edition_id)
    return session.connection().execute(count).scalar() or 0


def accepted(session: Session, batch_id: int) -> bool:
    """Close the breaker of a batch that was accepted; return whether there was one to close.

    The caller commits.
    """
    return session.connection().execute(_CLOSE_OF_BATCH, {"batch": batch_id}).rowcount > 0


def refused(session: Session, *, edition_id: int, attempt: str, now: datetime) -> int:
    """Count a request that the provider refused; return how many were refused in a row.

    A refused probe lets the next one go at once, still one at a time, until one is accepted. The
    caller commits.
    """
    breaker = _breaker(session, edition_id, now)
    breaker.refusals += 1
    if breaker.probe == attempt:
        breaker.probe_at, breaker.probe = now, None
    session.add(breaker)
    session.flush()
    return breaker.refusals


def close(session: Session, edition_ids: Sequence[int]) -> None:
    """Close the breakers of these editions by a person's decision; the caller commits."""
    session.connection().execute(
        delete(CircuitBreaker).where(col(CircuitBreaker.edition_id).in_(edition_ids))
    )


def try_now(session: Session, edition_id: int, now: datetime) -> None:
    """End the pause of an open breaker, unless a probe is under way; the caller commits."""
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
    """Make an attempt the probe of an open breaker; return ``False`` when another one is.

    No other batch is sent before the probe's response, or *until*. The caller commits.
    """
    updated = session.connection().execute(
        update(CircuitBreaker)
        .where(col(CircuitBreaker.edition_id) == edition_id, may_try(now, now + LONGEST_PAUSE))
        .values(probe=attempt, probe_at=until)
    )
    return updated.rowcount == 1


def return_probe(session: Session, edition_id: int, *, attempt: str, now: datetime) -> None:
    """Take a probe back that doesn't go after all, so that the next may; the caller commits."""
    session.connection().execute(
        update(CircuitBreaker)
        .where(col(CircuitBreaker.edition_id) == edition_id, col(CircuitBreaker.probe) == attempt)
        .values(probe=None, probe_at=now)
    )


def probe_at(session: Session, edition_id: int, now: datetime) -> datetime | None:
    """Return when the next batch may be sent; ``None`` when all may be sent now."""
    row = session.connection().execute(
        select(col(CircuitBreaker.probe_at)).where(
            col(CircuitBreaker.edition_id) == edition_id,
            ~may_try(now, now + LONGEST_PAUSE),
        )
    )
    return row.scalar()


def may_try(now: Any, never: Any) -> ColumnElement[bool]:
    """Return the SQL condition that a batch may be sent, for `CircuitBreaker` or an outer join.

    A time after *never* counts as past: it was set before the clock was turned back.
    """
    at = col(CircuitBreaker.probe_at)
    return or_(at.is_(None), at <= now, at > never)


def _breaker(session: Session, edition_id: int, now: datetime) -> CircuitBreaker:
    """Return an edition's breaker with its row locked; insert the row where there is none."""
    statement = upsert(session, CircuitBreaker).values(
        edition_id=edition_id, failures=0, refusals=0, since=now, reason="", probes=0
    )
    # An update without a change locks the row, since another thread may be about to delete it.
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["edition_id"], set_={"edition_id": edition_id}
        )
    )
    return session.get_one(CircuitBreaker, edition_id, populate_existing=True)


#: Built once: each batch that is accepted runs it.
_CLOSE_OF_BATCH = delete(CircuitBreaker).where(
    col(CircuitBreaker.edition_id)
    == select(col(Batch.edition_id)).where(col(Batch.id) == bindparam("batch")).scalar_subquery()
)
