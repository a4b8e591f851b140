"""Forgets a reader in all that was sent and told; counts stay what they were.

A delivery's events stay under a number that is drawn for it and noted nowhere. Later events of it
aren't recorded.
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
    Anonymity,
    Attempt,
    Batch,
    Delivery,
    DeliveryOutcome,
    Forgotten,
    MailEvent,
    Quarantined,
)
from digest.issues.models import Edition
from digest.mail.redaction import redact
from subscribers.store import table


def erase(session: Session, subscriber_id: int, address: str) -> None:
    """Make a reader's events nobody's, and take the reader out of every note; caller commits."""
    make_nameless(session, subscriber_id)
    for model, words, theirs in _notes(subscriber_id):
        _unsay(session, model, words, theirs, address)


def make_nameless(session: Session, subscriber_id: int) -> int:
    """Make the events of a reader nobody's; returns of how many deliveries that wasn't so."""
    connection = session.connection()
    mine: Any = connection.execute(_DELIVERIES, {"reader": subscriber_id}).all()
    for delivery, edition in mine:
        salt = connection.execute(
            select(col(Anonymity.salt)).where(col(Anonymity.edition_id) == edition)
        ).scalar()
        known_by = [delivery, pseudonym(delivery, salt)] if salt else [delivery]
        connection.execute(
            update(MailEvent)
            .where(col(MailEvent.delivery_id).in_(known_by))
            .values(delivery_id=pseudonym(delivery, token_hex(32)), detail="")
        )
        connection.execute(insert(Forgotten).values(delivery_id=delivery))
    return len(mine)


def _notes(reader: int) -> Iterator[tuple[type[SQLModel], str, ColumnElement[bool]]]:
    """Name every table whose words may be about a reader: model, column, and which rows."""
    theirs = and_(
        col(Delivery.subscriber_id) == reader, col(Delivery.outcome) == DeliveryOutcome.REFUSED
    )
    held = exists().where(
        theirs,
        col(Delivery.edition_id) == col(Batch.edition_id),
        col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery)),
    )
    of_batch = exists().where(col(Batch.id) == col(Attempt.batch_id), held)
    editions = select(col(Edition.id))
    yield Delivery, "reason", theirs & col(Delivery.edition_id).in_(editions)
    yield Batch, "note", (col(Batch.note) != "") & held
    yield Attempt, "detail", (col(Attempt.detail) != "") & of_batch
    yield Quarantined, "said", col(Quarantined.said) != ""


def _unsay(
    session: Session, model: type[SQLModel], words: str, theirs: ColumnElement[bool], address: str
) -> None:
    rows = table(model)
    [key] = rows.primary_key
    connection = session.connection()
    said = connection.execute(select(key, rows.c[words]).where(theirs)).all()
    cleaned = [{"row": row, "clean": redact(text, address)} for row, text in said]
    changed = [new for new, (_, old) in zip(cleaned, said, strict=True) if new["clean"] != old]
    if changed:
        put = update(rows).where(key == bindparam("row")).values({words: bindparam("clean")})
        connection.execute(put, changed)


#: The editions come first: a reader's delivery is looked up in each by its key.
_DELIVERIES = (
    select(col(Delivery.id), col(Delivery.edition_id))
    .select_from(Edition)
    .join(Delivery, col(Delivery.edition_id) == col(Edition.id))
    .where(
        col(Delivery.subscriber_id) == bindparam("reader"),
        col(Delivery.id).not_in(select(col(Forgotten.delivery_id))),
    )
)
