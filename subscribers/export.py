"""The list as a file that is safe in a spreadsheet, and one person's data."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import consent, store
from subscribers.models import AddressChange, LetterKind, LetterToSend, Subscriber, Subscription

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_GUARD = "'"


def escape_formula(text: str) -> str:
    """Return a text no spreadsheet takes for a formula: a quote before what could be one."""
    return f"{_GUARD}{text}" if text.startswith(_FORMULA) else text


def unescape_formula(cell: str) -> str:
    """Return what a cell said before `neutral` wrote it, or a spreadsheet did the same."""
    return cell[1:] if cell.startswith(_GUARD) and cell[1:].startswith(_FORMULA) else cell


COLUMNS = ("email", "status", "suppressed", "source", "since", "created_at", "language")
_PAGE = 5_000  # rows read at once


def rows(session: Session, newsletter: str) -> Iterator[tuple[str, ...]]:
    """Yield everyone who ever joined a newsletter, in the columns `COLUMNS`, page by page."""
    after = 0
    while page := session.execute(_page(newsletter, after)).all():
        for number, *fields in page:
            after = number
            yield tuple(_text(field) for field in fields)


def as_csv(session: Session, newsletter: str) -> Iterator[str]:
    """Yield the list as the lines of a CSV file; what could be a formula gets a quote before it."""
    yield _line(COLUMNS)
    for row in rows(session, newsletter):
        yield _line(tuple(escape_formula(field) for field in row))


def person(session: Session, subscriber_id: int) -> dict[str, Any]:
    """Return all that is kept of one reader; for the reader, or whoever acts for them."""
    reader = store.find_by_id(session, subscriber_id)
    if reader is None:
        return {}
    subscriptions = [one._asdict() for one in store.all_standings(session, subscriber_id)]
    return {
        "number": reader.id,
        "address": reader.address,
        "language": reader.language,
        "suppressed": reader.suppressed,
        "created_at": reader.created_at,
        "subscriptions": [_without(one, "subscriber_id") for one in subscriptions],
        "consent": [dict(entry) for entry in consent.entries(session, subscriber_id)],
        "letters": _letters(session, subscriber_id),
        "address_changes": _address_changes(session, subscriber_id),
    }


def _page(newsletter: str, after: int) -> Any:
    return (
        select(
            col(Subscription.subscriber_id),
            col(Subscriber.address),
            col(Subscription.standing),
            col(Subscriber.suppressed),
            col(Subscription.source),
            col(Subscription.since),
            col(Subscriber.created_at),
            col(Subscriber.language),
        )
        .join(Subscriber, col(Subscriber.id) == col(Subscription.subscriber_id))
        .where(col(Subscription.newsletter) == newsletter, col(Subscription.subscriber_id) > after)
        .order_by(col(Subscription.subscriber_id))
        .limit(_PAGE)
    )


def _letters(session: Session, subscriber_id: int) -> list[dict[str, Any]]:
    """Return the letters to the reader's own address.

    What became of one to another address would tell whether that is on the list.
    """
    found = _of(session, LetterToSend, subscriber_id, "newsletter kind state asked_at since")
    return [one for one in found if one["kind"] is not LetterKind.CHANGE]


def _address_changes(session: Session, subscriber_id: int) -> list[dict[str, Any]]:
    """Return the wishes for another address, which is named once it is the reader's own.

    Before, it may be somebody's who asks to be forgotten; the wish must not show that.
    """
    found = _of(session, AddressChange, subscriber_id, "address former asked_at done_at")
    return [one if one["done_at"] else _without(one, "address") for one in found]


def _of(session: Session, model: Any, subscriber_id: int, names: str) -> list[dict[str, Any]]:
    """Return a reader's rows of one table, the oldest first."""
    found = session.execute(
        select(*(getattr(model, name) for name in names.split()))
        .where(model.subscriber_id == subscriber_id)
        .order_by(model.id)
    )
    return [dict(row) for row in found.mappings()]


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return str(value) if value is not None else ""


def _line(fields: tuple[str, ...]) -> str:
    buffer = StringIO()
    csv.writer(buffer).writerow(fields)
    return buffer.getvalue()


def _without(facts: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != name}
