"""Move on the batches that a dead sender held, by the last step it recorded.

This module decides when a sender is taken for dead, and what becomes of its batch: one that was
never started is pending again, one that was started is in doubt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from digest.delivery.models import Attempt, Batch, BatchState
from digest.delivery.sending.confirmation import confirmed_attempt
from digest.delivery.sending.queue import TOO_LATE
from digest.delivery.sending.settlement import settle_reported
from subscribers.models import SendOutcome

MOST_RECOVERIES = 5  #: then the batch is parked: its senders keep dying


@dataclass(frozen=True, kw_only=True)
class RecoveryResult:
    """How many batches of dead senders were moved on, by their new state."""

    unsent: int = 0  #: batches that were never started: they are pending again
    in_doubt: int = 0  #: batches that were started: they may have been sent
    parked: int = 0


def recover(
    session: Session, *, edition_id: int, now: datetime, alive: Callable[[str], bool | None]
) -> RecoveryResult:
    """Move on the batches of dead senders; the caller commits.

    *alive* returns whether an owner is alive, or ``None`` when that can't be known from here. A
    sender is taken for dead when it has ended or when its lease is over; should it wake, it finds
    that it doesn't hold the batch any more. A started batch goes into doubt, never back to pending.
    """
    unsent = in_doubt = parked = 0
    for batch in _held(session, edition_id):
        if not is_presumed_dead(batch, now, alive):
            continue
        if batch.state is BatchState.STARTED:
            why = "its sender stopped while the request was under way"
            _move(session, batch, now, state=BatchState.IN_DOUBT, note=why)
            in_doubt += _still_in_doubt(session, batch)
        elif batch.recoveries >= MOST_RECOVERIES:
            why = f"its sender ended {MOST_RECOVERIES + 1} times before sending it"
            _move(session, batch, now, state=BatchState.PARKED, note=why, attempt=None)
            parked += 1
        else:
            again = batch.recoveries + 1
            _move(session, batch, now, state=BatchState.PENDING, attempt=None, recoveries=again)
            unsent += 1
    return RecoveryResult(unsent=unsent, in_doubt=in_doubt, parked=parked)


def is_presumed_dead(attempt: Any, now: datetime, alive: Callable[[str], bool | None]) -> bool:
    """Return whether an attempt's sender is taken for dead.

    That includes an attempt claimed at a time in the future: the clock was turned back, and its
    lease would end far too late.
    """
    lapsed = attempt.lease_until <= now or attempt.claimed_at > now + TOO_LATE
    return lapsed or alive(attempt.owner) is False


def _still_in_doubt(session: Session, batch: Any) -> bool:
    """Settle a batch as accepted as far as events prove it; return whether some is in doubt."""
    proved = confirmed_attempt(session, batch.id)
    if proved is None:
        settle_reported(session, [batch.attempt])
        return True
    accepted = update(Batch).where(col(Batch.id) == batch.id)
    session.connection().execute(
        accepted.values(state=BatchState.ACCEPTED, attempt=proved, note="")
    )
    return False


def _held(session: Session, edition_id: int) -> list[Any]:
    return list(
        session.connection()
        .execute(
            select(
                col(Batch.id),
                col(Batch.state),
                col(Batch.attempt),
                col(Batch.recoveries),
                col(Attempt.owner),
                col(Attempt.claimed_at),
                col(Attempt.lease_until),
            )
            .join(Attempt, col(Attempt.key) == col(Batch.attempt))
            .where(
                col(Batch.edition_id) == edition_id,
                col(Batch.state).in_([BatchState.CLAIMED, BatchState.STARTED]),
            )
            .order_by(col(Batch.id))  # or two machines that recover at once wait for each other
            .with_for_update(of=Batch)
        )
        .all()
    )


def _move(session: Session, batch: Any, now: datetime, **values: Any) -> None:
    connection = session.connection()
    connection.execute(update(Batch).where(col(Batch.id) == batch.id).values(**values))
    started = batch.state is BatchState.STARTED
    outcome = SendOutcome.IN_DOUBT if started else SendOutcome.NOT_SENT
    connection.execute(
        update(Attempt)
        .where(col(Attempt.key) == batch.attempt)
        .values(settled_at=now, outcome=outcome, detail=values.get("note", ""))
    )
