"""Divide a batch into parts of readers who follow each other, each with a state of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import CursorResult, bindparam, insert, update
from sqlmodel import Session, col

from digest.delivery.models import Batch, BatchState, Delivery, DeliveryOutcome
from digest.delivery.sending.planning import batch_row


class BatchPart(NamedTuple):
    """Some readers of a batch, and the columns in which they differ from a batch just cut."""

    readers: Sequence[int]  #: delivery ids, which follow each other in the batch
    columns: Mapping[str, Any] = {"state": BatchState.PENDING}


def move(session: Session, batch_id: int, **values: Any) -> CursorResult[Any]:
    """Change columns of a batch; the caller commits."""
    change = update(Batch).where(col(Batch.id) == batch_id).values(**values)
    return session.connection().execute(change)


def mark_refused(session: Session, named: Mapping[int, str]) -> None:
    """Mark deliveries as refused, each with the provider's reason; the caller commits."""
    session.connection().execute(
        update(Delivery)
        .where(col(Delivery.id) == bindparam("delivery"))
        .values(outcome=DeliveryOutcome.REFUSED, reason=bindparam("why")),
        [{"delivery": delivery, "why": why} for delivery, why in named.items()],
    )


def divide(session: Session, batch: Any, parts: Sequence[BatchPart]) -> None:
    """Give each part its state: in the batch itself for one part, in new batches for several.

    *parts* hold every reader of the batch without an outcome of their own, in order. The ranges of
    new batches cover the whole range of the old one. The caller commits.
    """
    if not parts:
        move(session, batch.id, state=BatchState.EMPTY, size=0, attempt=None)
        return
    if len(parts) == 1:
        move(session, batch.id, size=len(parts[0].readers), **parts[0].columns)
        return
    move(session, batch.id, state=BatchState.SPLIT, attempt=None, size=0)
    firsts = [batch.first_delivery, *(part.readers[0] for part in parts[1:])]
    lasts = [*(first - 1 for first in firsts[1:]), batch.last_delivery]
    rows = [
        {
            **batch_row(
                batch.edition_id,
                batch.number,
                first,
                last,
                len(part.readers),
                seat=batch.seat,
                mailbox_provider=batch.mailbox_provider,
                root=batch.root,
            ),
            **part.columns,
        }
        for part, first, last in zip(parts, firsts, lasts, strict=True)
    ]
    session.connection().execute(insert(Batch), rows)
