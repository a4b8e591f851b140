"""Takes back what a dead sender left behind, by the last step it recorded."""

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

MOST_RECOVERIES = 5  #: a batch whose senders keep dying is parked, not tried for ever


@dataclass(frozen=True, kw_only=True)
class RecoveryResult:
    """What was found of dead senders."""

    unsent: int = 0  #: batches that were never started: they wait for their turn again
    in_doubt: int = 0  #: batches that were started: they may have been sent
    parked: int = 0


def recover(
    session: Session, *, edition_id: int, now: datetime, alive: Callable[[str], bool | None]
) -> RecoveryResult:
    """Move on the batches of senders that died; the caller commits.

    *alive* says of an owner whether it lives, or ``None`` when that can't be known from here. A
    sender is taken for dead when it is, or when its lease is over: should it wake, it finds that
    the batch isn't its own any more. Whatever was started goes into doubt, never to claimable.
    """
    unsent = in_doubt = parked = 0
    for batch in _held(session, edition_id):
        if not is_presumed_dead(batch, now, alive):
            continue
        if batch.state is BatchState.STARTED:
            why = "its sender ended while the request was under way"
            _move(session, batch, now, state=BatchState.IN_DOUBT, note=why)
            in_doubt += _still_in_doubt(session, batch.id)
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
    """Tell whether an attempt's sender is taken for dead.

    Also when it was claimed at a time yet to come: then a clock jumped back, and its lease would
    not be over for as long.
    """
    lapsed = attempt.lease_until <= now or attempt.claimed_at > now + TOO_LATE
    return lapsed or alive(attempt.owner) is False


def _still_in_doubt(session: Session, batch_id: int) -> bool:
    """Take a batch for accepted when an earlier attempt, decided to be unsent, proved not to be."""
    proved = confirmed_attempt(session, batch_id)
    if proved is None:
        return True
    accepted = update(Batch).where(col(Batch.id) == batch_id)
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
            .with_for_update(of=Batch)
        )
        .all()
    )


def _move(session: Session, batch: Any, now: datetime, **values: Any) -> None:
    connection = session.connection()
    connection.execute(update(Batch).where(col(Batch.id) == batch.id).values(**values))
    connection.execute(
        update(Attempt)
        .where(col(Attempt.key) == batch.attempt)
        .values(settled_at=now, outcome=str(values["state"]), detail=values.get("note", ""))
    )
