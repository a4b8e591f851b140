"""Settle single copies of a batch that are proved to be accepted, and leave the others as they are.

This module decides what an event proves of a request whose mails were handed over one by one: the
copy that it names was accepted, and nothing of the others.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from digest.delivery.models import Attempt, Batch, BatchState, Delivery
from digest.delivery.sending.confirmation import OPEN_STATES, contradict, lock_batch
from digest.delivery.sending.settlement.batch_parts import BatchPart, divide
from subscribers.sql import table

_PROVED = "proved by an event"


def settle_reported(session: Session, attempts: Collection[str]) -> tuple[int, ...]:
    """Settle the copies that events report on; return the ids of the changed editions.

    Attempts whose request was taken as a whole are passed over. The caller commits.
    """
    editions: set[int] = set()
    for attempt in sorted(attempts):  # in one order, so that no two wait for each other
        lock_batch(session, attempt)  # its sender may be about to leave it in doubt
        reported = session.connection().execute(_REPORTED, {"by": attempt}).scalars().all()
        if reported:
            editions.update(settle_copies(session, attempt, reported))
            contradict(session, attempt)
    return tuple(sorted(editions))


def settle_copies(
    session: Session, attempt: str, copies: Collection[int | None], note: str = _PROVED
) -> tuple[int, ...]:
    """Settle as accepted the copies of an attempt, by delivery id, that are in doubt or wait.

    Return the ids of the changed editions. The caller commits.
    """
    accepted, editions = set(copies), set[int]()
    for batch in session.connection().execute(_OPEN, {"by": attempt}).all():
        readers = session.connection().execute(
            _READERS, {"first": batch.first_delivery, "last": batch.last_delivery}
        )
        parts = _parts(batch, readers.scalars().all(), accepted, attempt, note)
        if any(part.columns["state"] is BatchState.ACCEPTED for part in parts):
            divide(session, batch, parts)
            editions.add(batch.edition_id)
    return tuple(sorted(editions))


def _parts(
    batch: Any, readers: Sequence[Any], accepted: set[int | None], attempt: str, note: str
) -> list[BatchPart]:
    is_claimed = batch.state is BatchState.CLAIMED  # the claim ends with the batch
    unproved = {
        "state": BatchState.PENDING if is_claimed else batch.state,
        "attempt": None if is_claimed else batch.attempt,
        "tries": batch.tries,
        "recoveries": batch.recoveries,
        "not_before": batch.not_before,
        "note": batch.note,
    }
    proved = {"state": BatchState.ACCEPTED, "attempt": attempt, "note": note}
    return [
        BatchPart([*run], proved if is_proved else unproved)
        for is_proved, run in groupby(readers, accepted.__contains__)
    ]


_REPORTED = (
    select(col(Delivery.id))
    .join(Batch, col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery)))
    .join(Attempt, col(Attempt.batch_id) == col(Batch.id))
    .where(
        col(Attempt.key) == bindparam("by"),
        col(Attempt.one_by_one).is_(True),
        col(Delivery.news).is_not(None),
    )
)
_OPEN = (
    select(*table(Batch).columns)
    .where(
        col(Batch.root)
        == select(col(Batch.root))
        .join(Attempt, col(Attempt.batch_id) == col(Batch.id))
        .where(col(Attempt.key) == bindparam("by"))
        .scalar_subquery(),
        col(Batch.state).in_(OPEN_STATES),
    )
    .order_by(col(Batch.id))
    .with_for_update()
)
_READERS = (
    select(col(Delivery.id))
    .where(
        col(Delivery.id).between(bindparam("first"), bindparam("last")),
        col(Delivery.outcome).is_(None),
    )
    .order_by(col(Delivery.id))
)
