"""The ledger: batches, the attempts to hand them over, and a row a reader.

A batch is a range of delivery ids, so that settling a thousand readers writes one row. A delivery's
standing is its own outcome if it has one, else its batch's.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Index,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from subscribers.sql import BigId, closed_set


class BatchState(StrEnum):
    """What a batch's readers share; only PENDING may be claimed."""

    PENDING = "pending"  #: waits for its turn
    CLAIMED = "claimed"  #: an attempt prepares the request: nothing has been connected
    STARTED = "started"  #: the request may be on its way
    ACCEPTED = "accepted"  #: the provider took it
    REFUSED = "refused"  #: the provider refused it for good
    IN_DOUBT = "in-doubt"  #: it may have been taken; only evidence or a person moves it on
    PARKED = "parked"  #: certainly not sent, and trying again needs a person
    CANCELLED = "cancelled"  #: a person called it off before it was sent
    SPLIT = "split"  #: its readers are in smaller batches now
    EMPTY = "empty"  #: everybody in it had left, or was refused by name


class DeliveryOutcome(StrEnum):
    """A delivery's own fate, where it differs from its batch's."""

    EXCLUDED = "excluded"  #: not in the request: left, suppressed, erased, or no topic of theirs
    REFUSED = "refused"  #: named by the provider as not deliverable


class News(StrEnum):
    """What the provider reported of a delivery; moves up only, in this order."""

    PROCESSED = "processed"  #: the provider has it
    DEFERRED = "deferred"  #: the mailbox said "later"
    DELIVERED = "delivered"  #: the mailbox took it
    DROPPED = "dropped"  #: the provider didn't even try
    BLOCKED = "blocked"  #: the mailbox refused this mail, not the address
    BOUNCED = "bounced"  #: the mailbox refused it for good
    COMPLAINED = "complained"  #: the reader called it spam


class Batch(SQLModel, table=True):
    """Up to 1,000 deliveries that travel in one request, and share its fate."""

    __table_args__ = (Index("ix_batch_claim", "edition_id", "state", "number"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(unique=True, sa_type=String(32))  #: random; what the provider is told
    edition_id: int = Field(foreign_key="edition.id")
    number: int
    root: str = Field(sa_type=String(32), index=True)  #: key of the batch it was split from
    first_delivery: int = Field(sa_type=BigId)
    last_delivery: int = Field(sa_type=BigId)  #: inclusive
    size: int  #: deliveries that share its fate: the range less those with an outcome of their own
    state: BatchState = Field(sa_type=closed_set(BatchState))
    attempt: str | None = Field(default=None, sa_type=String(32))  #: the attempt that holds it
    attempts: int = 0  #: how often it was claimed
    tries: int = 0  #: how often it failed, certainly unsent
    recoveries: int = 0  #: how often its sender died before sending it
    not_before: datetime | None = None
    note: str = Field(default="", sa_type=Text)


class Attempt(SQLModel, table=True):
    """One try to hand a batch over."""

    __table_args__ = (UniqueConstraint("batch_id", "number"),)

    key: str = Field(primary_key=True, sa_type=String(32))
    batch_id: int = Field(foreign_key="batch.id", sa_type=BigId)
    number: int
    owner: str = Field(sa_type=String(200))  #: host, process and its start: dead ones are noticed
    claimed_at: datetime
    lease_until: datetime
    started_at: datetime | None = None
    request_hash: str | None = Field(default=None, sa_type=String(64))
    settled_at: datetime | None = None
    outcome: str | None = Field(default=None, sa_type=String(24))
    status: int | None = None
    provider_id: str | None = Field(default=None, sa_type=String(200), index=True)
    detail: str = Field(default="", sa_type=Text)
    #: The earliest event that names it, in seconds since 1970: proof that the provider took it.
    proved_at: int | None = Field(default=None, sa_type=BigInteger)


class Delivery(SQLModel, table=True):
    """One edition on its way to one subscriber."""

    __table_args__ = (
        UniqueConstraint("edition_id", "subscriber_id"),
        Index(
            "ix_delivery_outcome",
            "edition_id",
            "outcome",
            sqlite_where=text("outcome IS NOT NULL"),
            postgresql_where=text("outcome IS NOT NULL"),
        ),
        Index(
            "ix_delivery_news",
            "edition_id",
            "news",
            sqlite_where=text("news IS NOT NULL"),
            postgresql_where=text("news IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    edition_id: int = Field(foreign_key="edition.id")
    #: Not a foreign key: the count must still balance when the reader has been erased.
    subscriber_id: int = Field(sa_type=BigId)
    outcome: DeliveryOutcome | None = Field(default=None, sa_type=closed_set(DeliveryOutcome))
    reason: str | None = Field(default=None, sa_type=Text)
    news: News | None = Field(default=None, sa_type=closed_set(News))
    #: Seconds since 1970; of several events of that standing the earliest.
    news_at: int | None = Field(default=None, sa_type=BigInteger)


class SeedCopy(SQLModel, table=True):
    """A copy of one edition to an address of our own: its news proves that news can reach us."""

    __tablename__ = "canary"

    edition_id: int = Field(primary_key=True, foreign_key="edition.id")
    attempt: str = Field(unique=True, sa_type=String(32))
    sent_at: datetime
    outcome: str = Field(default="", sa_type=String(24))
    heard_at: datetime | None = None


class Rollout(SQLModel, table=True):
    """The part of one edition that goes out first, alone; the rest waits for what it meets."""

    __tablename__ = "wave"

    edition_id: int = Field(primary_key=True, foreign_key="edition.id")
    last_batch: int  #: the number of the last batch that is part of it
    wait_seconds: int
    judge_at: datetime | None = None  #: set when all of it is out
    passed_at: datetime | None = None


class CircuitBreaker(SQLModel, table=True):
    """One edition's failures in a row; there is no row while its requests are accepted."""

    __tablename__ = "circuit_breaker"

    edition_id: int = Field(primary_key=True, foreign_key="edition.id")
    failures: int = 0  #: requests since the last acceptance that weren't, for no reason of theirs
    refusals: int = 0  #: requests since the last acceptance that the provider refused
    since: datetime  #: the first of these failures
    reason: str = Field(default="", sa_type=Text)  #: of the last of them
    probes: int = 0  #: pauses since it opened
    #: Set while it is open: the next batch is tried then; or when a probe is taken for lost.
    probe_at: datetime | None = None
    probe: str | None = Field(default=None, sa_type=String(32))  #: the attempt that is the probe


class Decision(SQLModel, table=True):
    """What a person decided about a batch in doubt."""

    id: int | None = Field(default=None, primary_key=True)
    batch_id: int = Field(foreign_key="batch.id", sa_type=BigId, index=True)
    attempt_key: str = Field(sa_type=String(32), index=True)
    verdict: str = Field(sa_type=String(16))  #: accepted or unsent
    by: str = Field(sa_type=String(200))
    why: str = Field(sa_type=Text)
    at: datetime
    #: People who got two copies, once later evidence proved the decision wrong.
    contradicted: int | None = None


class MailEvent(SQLModel, table=True):
    """One piece of provider news about one delivery, in our words.

    Its key is what it says, since the provider's own id changes when it is told again.
    """

    __tablename__ = "mail_event"
    # Rows lie in the order of their key: an edition's are together, and there is no second index.
    __table_args__ = {"sqlite_with_rowid": False}

    #: A number below zero stands for somebody nobody can name any more, or never could.
    delivery_id: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str = Field(primary_key=True, sa_type=String(24))
    moment: int = Field(primary_key=True, sa_type=BigInteger)  #: seconds since 1970
    link: int = Field(default=0, primary_key=True, sa_type=BigInteger)  #: of a click; else 0
    edition_id: int
    machine: int = Field(default=0, sa_type=SmallInteger)  #: 1 when no person did it
    cause: str = Field(default="", sa_type=String(64))
    detail: str = Field(default="", sa_type=Text)


class EventLink(SQLModel, table=True):
    """A link that was clicked, known by a hash of its address; readers' own parts taken out."""

    __tablename__ = "event_link"

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    url: str = Field(sa_type=Text)


class Quarantined(SQLModel, table=True):
    """Something the provider told that could not be used; the newest are kept, all are counted."""

    __table_args__ = {"sqlite_autoincrement": True}  # the highest id is how many there were

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    at: datetime
    why: str = Field(sa_type=String(64))
    said: str = Field(default="", sa_type=Text)  #: addresses taken out


class SpoolPosition(SQLModel, table=True):
    """How far a file of the spool has been applied: written in the transaction that did it."""

    __tablename__ = "spool_position"

    file: str = Field(primary_key=True, sa_type=String(100))
    offset: int = Field(sa_type=BigInteger)


class Anonymity(SQLModel, table=True):
    """What ties an edition's anonymous opens and clicks to readers; deleted, nothing does."""

    edition_id: int = Field(primary_key=True)
    salt: str = Field(sa_type=String(64))


class Forgotten(SQLModel, table=True):
    """A delivery whose reader was erased: its later events are not recorded."""

    delivery_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )


class EventMark(SQLModel, table=True):
    """How far a pass over a growing table has come."""

    __tablename__ = "event_mark"

    name: str = Field(primary_key=True, sa_type=String(32))
    reached: int = Field(sa_type=BigInteger)


class FrozenNumbers(SQLModel, table=True):
    """An edition's numbers as they were when its events were pruned; they don't change again."""

    __tablename__ = "frozen_numbers"

    edition_id: int = Field(primary_key=True)
    numbers: dict[str, Any] = Field(sa_type=JSON)
    frozen_at: datetime


class ProviderBlock(SQLModel, table=True):
    """An address the provider keeps on a list of its own and drops, known by its keyed hash."""

    __tablename__ = "provider_block"

    address_hash: str = Field(primary_key=True, sa_type=String(64))
    at: int = Field(sa_type=BigInteger)  #: seconds since 1970


class KnownSecret(SQLModel, table=True):
    """A secret this database was worked with, known by a mark that tells nothing of it."""

    __tablename__ = "known_secret"

    mark: str = Field(primary_key=True, sa_type=String(32))
    since: datetime
    given_up_by: str = Field(default="", sa_type=String(200))  #: who said that it is gone for good
    given_up_why: str = Field(default="", sa_type=Text)
    given_up_at: datetime | None = None


class Installation(SQLModel, table=True):
    """One database's identity, in its only row: how a copy put back in its place is noticed."""

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(sa_type=String(32))  #: random
    copied_at: datetime | None = None  #: set in a backup: this is a copy, and may be behind
    accepted_by: str = Field(default="", sa_type=String(200))  #: who said that it may go on
    accepted_why: str = Field(default="", sa_type=Text)
    accepted_at: datetime | None = None


class Epoch(SQLModel, table=True):
    """What is kept of a key of the installation: how a copy tells itself from the original."""

    key: str = Field(primary_key=True, sa_type=String(32))
    #: Which database of which server the key was made in; ``None`` for a SQLite file.
    server: str | None = Field(default=None, sa_type=String(64))
    lost: str = Field(default="", sa_type=Text)  #: what was found missing; nothing is sent then
    ended_at: datetime | None = None  #: when a person let the database go on under another key
