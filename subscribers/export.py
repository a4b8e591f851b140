"""In which form data leaves the list: CSV safe in a spreadsheet, JSON, and one person's record.

A cell that a spreadsheet would run as a formula gets a quote before it (OWASP, "CSV Injection").
The record answers a request under GDPR, article 15.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import StringIO
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import consent, store
from subscribers.models import (
    AddressChange,
    LetterKind,
    LetterToSend,
    Subscriber,
    Subscription,
    Suppression,
)
from subscribers.tokens import Hashes

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_GUARD = "'"


def escape_formula(text: str) -> str:
    """Return a text with a quote before it where a spreadsheet would read a formula."""
    return f"{_GUARD}{text}" if text.startswith(_FORMULA) else text


def unescape_formula(cell: str) -> str:
    """Return a cell's text without the quote that `escape_formula`, or a spreadsheet, put there."""
    return cell[1:] if cell.startswith(_GUARD) and cell[1:].startswith(_FORMULA) else cell


COLUMNS = ("email", "status", "suppressed", "source", "since", "created_at", "language")
_PAGE = 5_000  # rows a query


def rows(session: Session, newsletter: str) -> Iterator[tuple[str, ...]]:
    """Yield a row of `COLUMNS` for everyone who ever joined a newsletter, by subscriber id."""
    after = 0
    while page := part(session, newsletter, after=after, at_most=_PAGE):
        for number, *fields in page:
            after = number
            yield tuple(_text(field) for field in fields)


def part(session: Session, newsletter: str, *, after: int, at_most: int) -> Sequence[Any]:
    """Return the rows of `rows` that come after a subscriber id, with that id as ``number``."""
    return session.execute(_page(newsletter, after, at_most)).all()


def as_csv(session: Session, newsletter: str) -> Iterator[str]:
    """Yield the list as lines of CSV (RFC 4180), header first, with every formula escaped."""
    yield _line(COLUMNS)
    for row in rows(session, newsletter):
        yield _line(tuple(escape_formula(field) for field in row))


def as_json(session: Session, newsletter: str) -> Iterator[str]:
    """Yield the list as lines of one JSON array, an object a line, each field as it is."""
    before = "[\n"
    for row in rows(session, newsletter):
        yield before + json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


SUPPRESSION_COLUMNS = ("email", "reason", "since")


def suppressions(session: Session, hashes: Hashes) -> Iterator[tuple[str, str, str]]:
    """Yield a row of `SUPPRESSION_COLUMNS` for each suppression, the oldest first.

    The address is empty where only its keyed hash is kept.
    """
    known = session.execute(
        select(col(Subscriber.address_key), col(Subscriber.address)).where(
            col(Subscriber.suppressed).is_not(None)
        )
    )
    addresses = {hashed: address for key, address in known for hashed in hashes.every(key)}
    rows = session.execute(
        select(
            col(Suppression.address_hash), col(Suppression.reason), col(Suppression.at)
        ).order_by(col(Suppression.at), col(Suppression.address_hash))
    )
    for hashed, reason, at in rows:
        yield addresses.get(hashed, ""), reason.value, f"{at:%Y-%m-%d}"


def person(session: Session, subscriber_id: int) -> dict[str, Any]:
    """Return all that is stored about one reader, for that reader; empty for an unknown id."""
    reader = store.find_by_id(session, subscriber_id)
    if reader is None:
        return {}
    subscriptions = [row._asdict() for row in store.all_standings(session, subscriber_id)]
    return {
        "number": reader.id,
        "address": reader.address,
        "language": reader.language,
        "suppressed": reader.suppressed,
        "created_at": reader.created_at,
        "subscriptions": [_without(row, "subscriber_id") for row in subscriptions],
        "consent": [dict(entry) for entry in consent.entries(session, subscriber_id)],
        "letters": _letters(session, subscriber_id),
        "address_changes": _address_changes(session, subscriber_id),
    }


def _page(newsletter: str, after: int, at_most: int) -> Any:
    return (
        select(
            col(Subscription.subscriber_id).label("number"),
            col(Subscriber.address).label("email"),
            col(Subscription.standing).label("status"),
            col(Subscriber.suppressed),
            col(Subscription.source),
            col(Subscription.since),
            col(Subscriber.created_at),
            col(Subscriber.language),
        )
        .join(Subscriber, col(Subscriber.id) == col(Subscription.subscriber_id))
        .where(col(Subscription.newsletter) == newsletter, col(Subscription.subscriber_id) > after)
        .order_by(col(Subscription.subscriber_id))
        .limit(at_most)
    )


def _letters(session: Session, subscriber_id: int) -> list[dict[str, Any]]:
    """Return the letters to the reader's own address.

    The state of a letter to another address would reveal whether that address is on the list.
    """
    letters = _of(session, LetterToSend, subscriber_id, "newsletter kind state asked_at since")
    return [letter for letter in letters if letter["kind"] is not LetterKind.CHANGE]


def _address_changes(session: Session, subscriber_id: int) -> list[dict[str, Any]]:
    """Return the address changes; the new address only once the change is confirmed.

    Before, the address may belong to another person, whose erasure also empties it here: shown, it
    would reveal the erasure.
    """
    changes = _of(session, AddressChange, subscriber_id, "address former asked_at done_at")
    return [row if row["done_at"] else _without(row, "address") for row in changes]


def _of(session: Session, model: Any, subscriber_id: int, names: str) -> list[dict[str, Any]]:
    """Return a reader's rows of one table, the oldest first."""
    rows = session.execute(
        select(*(getattr(model, name) for name in names.split()))
        .where(model.subscriber_id == subscriber_id)
        .order_by(model.id)
    )
    return [dict(row) for row in rows.mappings()]


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return str(value) if value is not None else ""


def _line(fields: tuple[str, ...]) -> str:
    buffer = StringIO()
    csv.writer(buffer).writerow(fields)
    return buffer.getvalue()


def _without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}
