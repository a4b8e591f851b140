"""How subscribers and subscriptions are read and written: one SQL statement a function.

The caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    delete,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers.address import Address
from subscribers.models import (
    JOINED,
    AddressChange,
    RecordedSignup,
    Standing,
    Subscriber,
    Subscription,
)
from subscribers.sql import upsert


class Reader(NamedTuple):
    """A subscriber's row, with a `repr` that holds no address."""

    id: int
    address: str
    address_key: str
    suppressed: str | None
    language: str
    created_at: datetime

    def __repr__(self) -> str:
        """Return a text without the address, since it may end up in a log."""
        return f"Reader({self.id})"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How an act came about, as a consent entry stores it."""

    channel: str  #: "form", "page", "one-click", "mail", "import", "operator", "api"
    form: str = ""
    wording: str | None = None
    language: str = "en"
    network: str | None = field(default=None, repr=False)


class NewsletterStanding(NamedTuple):
    """A reader's standing with one newsletter."""

    subscriber_id: int
    newsletter: str
    standing: Standing
    source: str
    since: datetime
    paused_until: datetime | None
    topics: list[str] | None


def find(session: Session, address_key: str) -> Reader | None:
    """Return the reader with that address key, or ``None``."""
    return _reader(session, col(Subscriber.address_key) == address_key)


def find_by_id(session: Session, subscriber_id: int) -> Reader | None:
    """Return the reader with that subscriber id, or ``None``."""
    return _reader(session, col(Subscriber.id) == subscriber_id)


def add(session: Session, address: Address, now: datetime, *, language: str = "en") -> int:
    """Add a subscriber unless the address is known; return the subscriber id."""
    row = {
        "address": address.text,
        "address_key": address.key,
        "language": language,
        "created_at": now,
    }
    session.execute(upsert(session, Subscriber).values(row).on_conflict_do_nothing())
    known = select(col(Subscriber.id)).where(col(Subscriber.address_key) == address.key)
    return session.execute(known).scalar_one() or 0


def delete_reader(session: Session, subscriber_id: int) -> None:
    """Delete a subscriber and all rows that refer to it; the consent entries stay."""
    session.execute(delete(Subscriber).where(col(Subscriber.id) == subscriber_id))


def standing_with(
    session: Session, subscriber_id: int, newsletter: str
) -> NewsletterStanding | None:
    """Return a reader's standing with one newsletter, or ``None``."""
    rows = all_standings(session, subscriber_id)
    return next((row for row in rows if row.newsletter == newsletter), None)


def all_standings(session: Session, subscriber_id: int) -> list[NewsletterStanding]:
    """Return a reader's standing with every newsletter they ever joined, the oldest first."""
    columns = [getattr(Subscription, name) for name in NewsletterStanding._fields]
    rows = session.execute(
        select(*columns)
        .where(col(Subscription.subscriber_id) == subscriber_id)
        .order_by(col(Subscription.id))
    )
    return [NewsletterStanding(*row) for row in rows]


def join(
    session: Session,
    subscriber_id: int,
    newsletter: str,
    standing: Standing,
    now: datetime,
    *,
    source: str,
) -> None:
    """Set a reader's standing with a newsletter, whether or not there was one before."""
    values = {"standing": standing, "source": source, "since": now, "paused_until": None}
    row = {"subscriber_id": subscriber_id, "newsletter": newsletter, **values}
    session.execute(
        upsert(session, Subscription)
        .values(row)
        .on_conflict_do_update(index_elements=["subscriber_id", "newsletter"], set_=values)
    )


def move(
    session: Session,
    subscriber_id: int,
    newsletter: str,
    standing: Standing,
    now: datetime,
    *,
    among: Sequence[Standing],
    paused_until: datetime | None = None,
    asked_at: datetime | None = None,
) -> bool:
    """Move a reader to another standing if theirs is one *among*; return whether it was.

    Where *asked_at* is given, a reader who left after it isn't moved. Starting or ending a pause
    keeps the moment the reader joined.
    """
    joined = and_(literal(standing in JOINED), col(Subscription.standing).in_(JOINED))
    result = session.execute(
        update(Subscription)
        .where(
            *_held(subscriber_id, newsletter, among),
            *([_not_left_since(asked_at)] if asked_at else []),
        )
        .values(
            standing=standing,
            since=case((joined, col(Subscription.since)), else_=now),
            paused_until=paused_until,
        )
    )
    return _changed(result)


def _held(
    subscriber_id: int, newsletter: str, among: Sequence[Standing]
) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Subscription.subscriber_id) == subscriber_id,
        col(Subscription.newsletter) == newsletter,
        col(Subscription.standing).in_(among),
    )


def _not_left_since(asked_at: datetime) -> ColumnElement[bool]:
    return or_(
        col(Subscription.standing) != Standing.UNSUBSCRIBED, col(Subscription.since) < asked_at
    )


def leave(
    session: Session,
    subscriber_id: int,
    newsletter: str,
    now: datetime,
    *,
    among: Sequence[Standing],
) -> bool:
    """Unsubscribe a reader; keep the end of a pause, for one who undoes it a moment later."""
    unchanged: Any = col(Subscription.paused_until)
    return move(
        session,
        subscriber_id,
        newsletter,
        Standing.UNSUBSCRIBED,
        now,
        among=among,
        paused_until=unchanged,
    )


def set_topics(
    session: Session,
    subscriber_id: int,
    newsletter: str,
    topics: list[str] | None,
    *,
    among: Sequence[Standing],
) -> bool:
    """Set a reader's topics if their standing is one *among*; return whether it was.

    ``None`` means all topics.
    """
    result = session.execute(
        update(Subscription).where(*_held(subscriber_id, newsletter, among)).values(topics=topics)
    )
    return _changed(result)


def set_address(session: Session, subscriber_id: int, address: Address) -> None:
    """Set a reader's address, and clear the suppression of the old one from the row."""
    session.execute(
        update(Subscriber)
        .where(col(Subscriber.id) == subscriber_id)
        .values(address=address.text, address_key=address.key, suppressed=None)
    )


def delete_requests(session: Session, address_key: str) -> bool:
    """Delete the sign-ups for an address, and empty it in changes to it; return whether any was.

    The row of another reader's change stays: its absence would reveal to that reader whose address
    it was.
    """
    signups: Any = session.execute(
        delete(RecordedSignup).where(col(RecordedSignup.address_key) == address_key)
    )
    moves: Any = session.execute(
        update(AddressChange)
        .where(col(AddressChange.address_key) == address_key)
        .values(address="", address_key="")
    )
    return bool(signups.rowcount + moves.rowcount)


def clear_address_change(session: Session, change_id: int) -> None:
    """Empty the new address of a change that nobody has confirmed."""
    session.execute(
        update(AddressChange)
        .where(col(AddressChange.id) == change_id, col(AddressChange.done_at).is_(None))
        .values(address="", address_key="")
    )


def is_requested(session: Session, address_key: str) -> bool:
    """Return whether a sign-up or an address change for this address is stored."""
    models: tuple[Any, ...] = (RecordedSignup, AddressChange)
    rows = [
        session.execute(select(model.id).where(model.address_key == address_key)).first()
        for model in models
    ]
    return any(rows)


def mark_suppressed(session: Session, keys: Iterable[str], reason: str | None) -> None:
    """Set or clear a suppression's copy in the rows of these address keys."""
    session.execute(
        update(Subscriber)
        .where(col(Subscriber.address_key).in_(list(keys)))
        .values(suppressed=reason)
    )


def _reader(session: Session, condition: Any) -> Reader | None:
    columns = [getattr(Subscriber, name) for name in Reader._fields]
    row = session.execute(select(*columns).where(condition)).one_or_none()
    return Reader(*row) if row else None


def _changed(result: Any) -> bool:
    return bool(result.rowcount)
