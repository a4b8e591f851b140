"""Define the tables of delivery: batches, attempts to hand them over, and one row per reader.

This module decides how a delivery's state is stored. A batch is a range of delivery ids, so that
settling a thousand readers writes one row. A delivery's state is its own outcome if it has one, and
its batch's state otherwise.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Index,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlmodel import Field

from subscribers.models import SendOutcome
from subscribers.sql import BigId, TableModel, closed_set, partial_index


class BatchState(StrEnum):
    """The state that a batch's readers share; only a PENDING batch may be claimed."""

    PENDING = "pending"  #: waits to be claimed
    CLAIMED = "claimed"  #: an attempt prepares the request; no connection was made
    STARTED = "started"  #: the request may have left
    ACCEPTED = "accepted"  #: the provider accepted the request
    REFUSED = "refused"  #: the provider refused the request for good
    IN_DOUBT = "in-doubt"  #: may have been accepted; only an event or a person decides
    PARKED = "parked"  #: certainly not sent; only a person resumes it
    CANCELLED = "cancelled"  #: a person cancelled the issue before it was sent
    SPLIT = "split"  #: replaced by smaller batches of the same readers
    EMPTY = "empty"  #: each of its readers is excluded, or was refused by name


class DeliveryOutcome(StrEnum):
    """A delivery's own outcome, where it differs from its batch's state."""

    EXCLUDED = "excluded"  #: not in the request: unsubscribed, suppressed, erased, or other topics
    REFUSED = "refused"  #: named by the provider as undeliverable


class DeliveryStatus(StrEnum):
    """What the provider reported of a delivery; it only changes to a later value."""

    PROCESSED = "processed"  #: the provider accepted the mail
    DEFERRED = "deferred"  #: the mailbox provider refused it for now
    DELIVERED = "delivered"  #: the mailbox provider accepted it
    DROPPED = "dropped"  #: the provider dropped it without an attempt
    BLOCKED = "blocked"  #: the mailbox provider refused this mail, not the address
    BOUNCED = "bounced"  #: the mailbox provider refused the address for good
    COMPLAINED = "complained"  #: the reader reported it as spam


class Batch(TableModel, table=True):
    """Up to 1,000 deliveries that travel in one request and share its outcome."""

    __table_args__ = (Index("ix_batch_claim", "edition_id", "state", "number"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(unique=True, sa_type=String(32))  #: random; sent with the request
    edition_id: int = Field(foreign_key="edition.id")
    number: int
    root: str = Field(sa_type=String(32), index=True)  #: key of the batch it was split from
    first_delivery: int = Field(sa_type=BigId)
    last_delivery: int = Field(sa_type=BigId)  #: inclusive
    size: int  #: deliveries without an outcome of their own
    state: BatchState = Field(sa_type=closed_set(BatchState))
    attempt: str | None = Field(default=None, sa_type=String(32))  #: the attempt that holds it
    attempts: int = 0  #: how often it was claimed
    tries: int = 0  #: how often an attempt certainly sent nothing
    recoveries: int = 0  #: how often its sender died before sending it
    not_before: datetime | None = None
    note: str = Field(default="", sa_type=Text)
    #: Whose quote its copies lead with, a seat of the panel; 0 for the edition as it is.
    seat: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    #: Whose readers alone it has, where that provider has a limit an hour; else empty.
    mailbox_provider: str = Field(
        default="", sa_type=String(64), sa_column_kwargs={"server_default": ""}
    )


class Attempt(TableModel, table=True):
    """One attempt to hand a batch over to the provider."""

    __table_args__ = (UniqueConstraint("batch_id", "number"),)

    key: str = Field(primary_key=True, sa_type=String(32))
    batch_id: int = Field(foreign_key="batch.id", sa_type=BigId)
    number: int
    owner: str = Field(sa_type=String(200))  #: host, process and its start, to detect a dead sender
    #: Indexed for the newest attempts, and those of a day: neither search grows with what was sent.
    claimed_at: datetime = Field(index=True)
    lease_until: datetime
    started_at: datetime | None = None
    request_hash: str | None = Field(default=None, sa_type=String(64))
    #: Whether its mails were handed over one by one, so that an event proves one copy only.
    one_by_one: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    settled_at: datetime | None = None
    outcome: SendOutcome | None = Field(default=None, sa_type=closed_set(SendOutcome))
    status: int | None = None
    provider_id: str | None = Field(default=None, sa_type=String(200), index=True)
    detail: str = Field(default="", sa_type=Text)
    #: Time of the earliest event that names it, in seconds since 1970: the provider accepted it.
    proved_at: int | None = Field(default=None, sa_type=BigInteger)


class Delivery(TableModel, table=True):
    """One edition on its way to one subscriber."""

    __table_args__ = (
        UniqueConstraint("edition_id", "subscriber_id"),
        partial_index(
            "ix_delivery_outcome",
            "edition_id",
            "outcome",
            where="outcome IS NOT NULL",
        ),
        partial_index(
            "ix_delivery_news",
            "edition_id",
            "news",
            where="news IS NOT NULL",
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    edition_id: int = Field(foreign_key="edition.id")
    #: Not a foreign key: the count must still balance when the reader has been erased.
    subscriber_id: int = Field(sa_type=BigId)
    outcome: DeliveryOutcome | None = Field(default=None, sa_type=closed_set(DeliveryOutcome))
    reason: str | None = Field(default=None, sa_type=Text)
    news: DeliveryStatus | None = Field(default=None, sa_type=closed_set(DeliveryStatus))
    #: Time of the earliest event that reported this `news`, in seconds since 1970.
    news_at: int | None = Field(default=None, sa_type=BigInteger)


def seed_copy_key(edition_id: int) -> str:
    """Return what the row of an edition's seed copy is about, in the letter queue."""
    return f"edition/{edition_id}"


class Rollout(TableModel, table=True):
    """The first wave of one edition: it goes out alone, and the rest waits for its result."""

    __tablename__ = "wave"

    edition_id: int = Field(primary_key=True, foreign_key="edition.id")
    last_batch: int  #: the highest batch number of the first wave
    wait_seconds: int
    judge_at: datetime | None = None  #: set when all of the first wave is sent
    passed_at: datetime | None = None  #: set when the rest may go


class CircuitBreaker(TableModel, table=True):
    """One edition's consecutive failures; no row exists while its requests are accepted."""

    __tablename__ = "circuit_breaker"

    edition_id: int = Field(primary_key=True, foreign_key="edition.id")
    failures: int = 0  #: requests not accepted in a row, refusals apart
    refusals: int = 0  #: requests refused since the last acceptance
    since: datetime  #: time of the first of these failures
    reason: str = Field(default="", sa_type=Text)  #: detail of the last of these failures
    probes: int = 0  #: pauses since the breaker opened
    #: Set while the breaker is open: when the next probe may go, or when this one counts as lost.
    probe_at: datetime | None = None
    probe: str | None = Field(default=None, sa_type=String(32))  #: key of the probe attempt


class SendingPace(TableModel, table=True):
    """How far the mail of one scope has come under its limits, over all machines."""

    __tablename__ = "pace"

    scope: str = Field(primary_key=True, sa_type=String(64))  #: see `digest.delivery.pace`
    next_at: datetime | None = None  #: when the next batch may go by the limit an hour
    held_until: datetime | None = None  #: the provider asked for a pause until then


class WarmUp(TableModel, table=True):
    """A plan to warm a sender up: a limit for each day on which mail leaves."""

    __tablename__ = "warm_up"

    id: int | None = Field(default=None, primary_key=True)
    began_at: datetime  #: or went on, after it had stopped
    days: int
    first_limit: int  #: readers on the first day
    last_limit: int  #: readers on the last day
    day: int = 0  #: on how many days mail has left
    last_day: date | None = None  #: the last of them, in UTC
    stopped_at: datetime | None = None  #: too many bounced or complained; nothing is sent
    ended_at: datetime | None = None  #: nothing is limited any more
    ended_by: str = Field(default="", sa_type=String(200))  #: who ended it before its last day
    note: str = Field(default="", sa_type=Text)  #: why it stopped, or why a person ended it


class Decision(TableModel, table=True):
    """A person's decision about a batch in doubt."""

    id: int | None = Field(default=None, primary_key=True)
    batch_id: int = Field(foreign_key="batch.id", sa_type=BigId, index=True)
    attempt_key: str = Field(sa_type=String(32), index=True)
    verdict: str = Field(sa_type=String(16))  #: accepted or unsent
    by: str = Field(sa_type=String(200))
    why: str = Field(sa_type=Text)
    at: datetime
    #: How many readers may have got two copies, once an event proved the decision wrong.
    contradicted: int | None = None


class MailEvent(TableModel, table=True):
    """One provider event about one delivery.

    The key is the event's content, since the provider may send an event again under another id.
    """

    __tablename__ = "mail_event"
    # Rows are stored in key order: an edition's rows are adjacent, without a second index. Those
    # under pseudonyms are scattered, and have one.
    __table_args__ = (
        partial_index(
            "ix_mail_event_pseudonym",
            "edition_id",
            where="delivery_id < 0",
        ),
        {"sqlite_with_rowid": False},
    )

    #: A negative number is a pseudonym; see `PseudonymSalt`.
    delivery_id: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str = Field(primary_key=True, sa_type=String(24))
    moment: int = Field(primary_key=True, sa_type=BigInteger)  #: seconds since 1970
    link: int = Field(default=0, primary_key=True, sa_type=BigInteger)  #: of a click; else 0
    edition_id: int
    machine: int = Field(default=0, sa_type=SmallInteger)  #: 1 when a program caused it
    cause: str = Field(default="", sa_type=String(64))
    detail: str = Field(default="", sa_type=Text)


class EventCount(TableModel, table=True):
    """How many events of one kind are kept of an edition: it changes along with `MailEvent`."""

    __tablename__ = "event_count"

    edition_id: int = Field(primary_key=True)
    kind: str = Field(primary_key=True, sa_type=String(24))
    number: int = Field(sa_type=BigInteger)


class SettledCounts(TableModel, table=True):
    """The counts of an edition that is over: see `digest.delivery.settled_counts`."""

    __tablename__ = "settled_counts"

    edition_id: int = Field(primary_key=True)
    counts: dict[str, Any] = Field(sa_type=JSON)
    settled_at: datetime


class EventLink(TableModel, table=True):
    """A clicked link, keyed by a hash of its URL, without the parts that identify a reader."""

    __tablename__ = "event_link"

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    url: str = Field(sa_type=Text)


class DeadLetter(TableModel, table=True):
    """A dead letter: an event that can't be used. The newest are kept, and all are counted."""

    __tablename__ = "quarantined"

    __table_args__: ClassVar = {"sqlite_autoincrement": True}  # the highest id is their total

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    at: datetime
    why: str = Field(sa_type=String(64))
    said: str = Field(default="", sa_type=Text)  #: the event, with addresses redacted


class SpoolPosition(TableModel, table=True):
    """How much of a spool file is applied: written in the transaction that applies it."""

    __tablename__ = "spool_position"

    file: str = Field(primary_key=True, sa_type=String(100))
    offset: int = Field(sa_type=BigInteger)  #: bytes from the beginning


class EventPost(TableModel, table=True):
    """One webhook post that waits on a database server, where any machine may apply it."""

    __tablename__ = "event_post"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    body: bytes  #: byte for byte as it was received
    received: int = Field(sa_type=BigInteger)  #: seconds since 1970
    signed: int = Field(sa_type=BigInteger)  #: seconds since 1970; 0 if unreadable


class PseudonymSalt(TableModel, table=True):
    """The salt of an edition's pseudonyms; once deleted, none leads back to a reader."""

    __tablename__ = "anonymity"

    edition_id: int = Field(primary_key=True)
    salt: str = Field(sa_type=String(64))


class ErasedDelivery(TableModel, table=True):
    """A delivery whose reader was erased: its later events aren't recorded."""

    __tablename__ = "forgotten"

    delivery_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )


class Cursor(TableModel, table=True):
    """The cursor of a pass over a growing table."""

    __tablename__ = "event_mark"

    name: str = Field(primary_key=True, sa_type=String(32))
    reached: int = Field(sa_type=BigInteger)  #: the last row id that was processed


class FrozenNumbers(TableModel, table=True):
    """An edition's statistics, computed before its events were pruned and final since."""

    __tablename__ = "frozen_numbers"

    edition_id: int = Field(primary_key=True)
    numbers: dict[str, Any] = Field(sa_type=JSON)
    frozen_at: datetime


class ProviderBlock(TableModel, table=True):
    """An address on the provider's own suppression list, stored as its keyed hash."""

    __tablename__ = "provider_block"

    address_hash: str = Field(primary_key=True, sa_type=String(64))
    at: int = Field(sa_type=BigInteger)  #: seconds since 1970


class KnownSecret(TableModel, table=True):
    """A secret that this database was used with, stored as a mark that doesn't reveal it."""

    __tablename__ = "known_secret"

    mark: str = Field(primary_key=True, sa_type=String(32))
    since: datetime
    given_up_by: str = Field(default="", sa_type=String(200))  #: who decided to go on without it
    given_up_why: str = Field(default="", sa_type=Text)
    given_up_at: datetime | None = None


class Installation(TableModel, table=True):
    """The identity of this database, in the only row: it shows that a copy was restored."""

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(sa_type=String(32))  #: random
    copied_at: datetime | None = None  #: set in a backup, which may lack later attempts
    accepted_by: str = Field(default="", sa_type=String(200))  #: who decided that sending may go on
    accepted_why: str = Field(default="", sa_type=Text)
    accepted_at: datetime | None = None


class Epoch(TableModel, table=True):
    """A key that the installation has had, and where: it tells a copy from the original."""

    key: str = Field(primary_key=True, sa_type=String(32))
    #: Ids of the server and the database that the key was made in; ``None`` for a SQLite file.
    server: str | None = Field(default=None, sa_type=String(64))
    lost: str = Field(default="", sa_type=Text)  #: what is missing; nothing is sent while it is set
    ended_at: datetime | None = None  #: when a person accepted the restore, which set a new key
