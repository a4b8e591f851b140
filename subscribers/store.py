"""The list as statements: one function, one statement; the caller owns the transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy import (
    ColumnElement,
    Table,
    and_,
    case,
    delete,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col

from subscribers.address import Address
from subscribers.models import (
    JOINED,
    Standing,
    Subscriber,
    Subscription,
)


class Sessions(Protocol):
    """Hands out sessions; whoever mounts this package brings the database."""

    def read(self) -> AbstractContextManager[Session]:
        """Open a session that only reads."""
        ...

    def write(self) -> AbstractContextManager[Session]:
        """Open a session that commits at the end, or rolls everything back on an error."""
        ...


class Reader(NamedTuple):
    """A subscriber as the rest of the package sees one; shown by number only."""

    id: int
    address: str
    address_key: str
    suppressed: str | None
    language: str
    created_at: datetime

    def __repr__(self) -> str:
        """Show no address: what is shown may end up in a log."""
        return f"Reader({self.id})"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """How an act came about: what the consent ledger keeps beside it."""

    channel: str  #: "form", "page", "one-click", "mail", "import", "operator"
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


def upsert(session: Session, model: type[SQLModel]) -> Any:
    """Return an INSERT for *model* that has ``on_conflict_do_…`` on the session's database."""
    return upsert_on(dialect(session), model)


def upsert_on(name: str, model: type[SQLModel]) -> Any:
    """Return the same for a database named by its dialect; for statements that are kept."""
    return (sqlite.insert if name == "sqlite" else postgresql.insert)(table(model))


def dialect(session: Session) -> str:
    """Name the session's kind of database."""
    return session.get_bind().dialect.name


def table(model: type[SQLModel]) -> Table:
    """Return a model's table: statements on it pass the object mapper by."""
    return model.metadata.tables[str(model.__tablename__)]


def find(session: Session, address_key: str) -> Reader | None:
    """Return the reader of that address."""
    return _reader(session, col(Subscriber.address_key) == address_key)


def find_by_id(session: Session, subscriber_id: int) -> Reader | None:
    """Return the reader of that number."""
    return _reader(session, col(Subscriber.id) == subscriber_id)


def add(session: Session, address: Address, now: datetime, *, language: str = "en") -> int:
    """Make sure that the address is on the list; returns the reader's number."""
    row = {
        "address": address.text,
        "address_key": address.key,
        "language": language,
        "created_at": now,
    }
    session.execute(upsert(session, Subscriber).values(row).on_conflict_do_nothing())
    found = select(col(Subscriber.id)).where(col(Subscriber.address_key) == address.key)
    return session.execute(found).scalar_one() or 0


def delete_reader(session: Session, subscriber_id: int) -> None:
    """Delete a reader with everything that hangs on the row; the consent ledger stays."""
    session.execute(delete(Subscriber).where(col(Subscriber.id) == subscriber_id))


def standing_with(
    session: Session, subscriber_id: int, newsletter: str
) -> NewsletterStanding | None:
    """Return a reader's standing with one newsletter."""
    found = [one for one in all_standings(session, subscriber_id) if one.newsletter == newsletter]
    return found[0] if found else None


def all_standings(session: Session, subscriber_id: int) -> list[NewsletterStanding]:
    """Return a reader's standing with every newsletter they ever joined."""
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
    """Give a reader a standing with a newsletter they may have been with before."""
    fresh = {"standing": standing, "source": source, "since": now, "paused_until": None}
    row = {"subscriber_id": subscriber_id, "newsletter": newsletter, **fresh}
    session.execute(
        upsert(session, Subscription)
        .values(row)
        .on_conflict_do_update(index_elements=["subscriber_id", "newsletter"], set_=fresh)
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
    """Move a reader to another standing if theirs is one *among*; tells whether it was.

    Where *asked_at* is given, who has left since then stays away. A break is no new beginning:
    who has one, or ends it, is on the list since the same moment as before.
    """
    stays = and_(literal(standing in JOINED), col(Subscription.standing).in_(JOINED))
    done = session.execute(
        update(Subscription)
        .where(
            col(Subscription.subscriber_id) == subscriber_id,
            col(Subscription.newsletter) == newsletter,
            col(Subscription.standing).in_(among),
            *([_not_left_since(asked_at)] if asked_at else []),
        )
        .values(
            standing=standing,
            since=case((stays, col(Subscription.since)), else_=now),
            paused_until=paused_until,
        )
    )
    return _touched(done)


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
    """Move a reader to having left; a pause stays noted, for who takes it back a moment later."""
    kept: Any = col(Subscription.paused_until)
    return move(
        session,
        subscriber_id,
        newsletter,
        Standing.UNSUBSCRIBED,
        now,
        among=among,
        paused_until=kept,
    )


def set_topics(
    session: Session,
    subscriber_id: int,
    newsletter: str,
    topics: list[str] | None,
    *,
    among: Sequence[Standing],
) -> bool:
    """Keep what a reader wants to read about if their standing is one *among*; tells whether.

    ``None`` is everything.
    """
    done = session.execute(
        update(Subscription)
        .where(
            col(Subscription.subscriber_id) == subscriber_id,
            col(Subscription.newsletter) == newsletter,
            col(Subscription.standing).in_(among),
        )
        .values(topics=topics)
    )
    return _touched(done)


def set_address(session: Session, subscriber_id: int, address: Address) -> None:
    """Move a reader to another address, which nothing is held against."""
    session.execute(
        update(Subscriber)
        .where(col(Subscriber.id) == subscriber_id)
        .values(address=address.text, address_key=address.key, suppressed=None)
    )


def mark_suppressed(session: Session, keys: Iterable[str], reason: str | None) -> None:
    """Set or clear the fast copy of a suppression on the readers of these addresses."""
    session.execute(
        update(Subscriber)
        .where(col(Subscriber.address_key).in_(list(keys)))
        .values(suppressed=reason)
    )


def _reader(session: Session, condition: Any) -> Reader | None:
    columns = [getattr(Subscriber, name) for name in Reader._fields]
    row = session.execute(select(*columns).where(condition)).one_or_none()
    return Reader(*row) if row else None


def _touched(result: Any) -> bool:
    return bool(result.rowcount)
