"""Erase a reader from deliveries, events and notes, without changing any count.

This module decides what remains of an erased reader: the events of each delivery stay, under a
random number that is stored nowhere else. Later events of that delivery aren't recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_hex
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col

from digest.delivery.events import pseudonym
from digest.delivery.models import (
    Attempt,
    Batch,
    DeadLetter,
    Delivery,
    DeliveryOutcome,
    ErasedDelivery,
    MailEvent,
    PseudonymSalt,
)
from digest.delivery.sent_copies import of_reader
from digest.mail.redaction import redact
from subscribers.sql import table


def erase(session: Session, subscriber_id: int, address: str) -> None:
    """Detach a reader's events, and redact *address* in every note; the caller commits."""
    make_nameless(session, subscriber_id)
    for model, column, condition in _notes(subscriber_id):
        _redact_notes(session, model, column, condition, address)


def make_nameless(session: Session, subscriber_id: int) -> int:
    """Detach a reader's events from the reader; return how many deliveries were detached by it."""
    connection = session.connection()
    deliveries: Any = connection.execute(_DELIVERIES, {"reader": subscriber_id}).all()
    for delivery, edition in deliveries:
        salt = connection.execute(
            select(col(PseudonymSalt.salt)).where(col(PseudonymSalt.edition_id) == edition)
        ).scalar()
        numbers = [delivery, pseudonym(delivery, salt)] if salt else [delivery]
        connection.execute(
            update(MailEvent)
            .where(col(MailEvent.delivery_id).in_(numbers))
            .values(delivery_id=pseudonym(delivery, token_hex(32)), detail="")
        )
        connection.execute(insert(ErasedDelivery).values(delivery_id=delivery))
    return len(deliveries)


def _notes(reader: int) -> Iterator[tuple[type[SQLModel], str, ColumnElement[bool]]]:
    """Yield each free-text column that may name a reader: model, column name, rows to search."""
    was_refused = and_(
        col(Delivery.subscriber_id) == reader, col(Delivery.outcome) == DeliveryOutcome.REFUSED
    )
    in_batch = exists().where(
        was_refused,
        col(Delivery.edition_id) == col(Batch.edition_id),
        col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery)),
    )
    of_batch = exists().where(col(Batch.id) == col(Attempt.batch_id), in_batch)
    yield Delivery, "reason", was_refused & of_reader(reader)
    yield Batch, "note", (col(Batch.note) != "") & in_batch
    yield Attempt, "detail", (col(Attempt.detail) != "") & of_batch
    yield DeadLetter, "said", col(DeadLetter.said) != ""


def _redact_notes(
    session: Session,
    model: type[SQLModel],
    column: str,
    condition: ColumnElement[bool],
    address: str,
) -> None:
    """Redact *address* in one column of the rows that meet *condition*."""
    rows = table(model)
    [key] = rows.primary_key
    connection = session.connection()
    notes = connection.execute(select(key, rows.c[column]).where(condition)).all()
    cleaned = [{"row": row, "clean": redact(text, address)} for row, text in notes]
    changed = [new for new, (_, old) in zip(cleaned, notes, strict=True) if new["clean"] != old]
    if changed:
        put = update(rows).where(key == bindparam("row")).values({column: bindparam("clean")})
        connection.execute(put, changed)


_IS_ERASED = exists().where(col(ErasedDelivery.delivery_id) == col(Delivery.id))
_DELIVERIES = select(col(Delivery.id), col(Delivery.edition_id)).where(
    of_reader(bindparam("reader")), ~_IS_ERASED
)
