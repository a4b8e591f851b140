"""The ledger: batches, the attempts to hand them over, and a row a reader.

A batch is a range of delivery ids, so that settling a thousand readers writes one row. A delivery's
standing is its own outcome if it has one, else its batch's.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, String, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from digest.columns import BigId, closed_set


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


class Outcome(StrEnum):
    """A delivery's own fate, where it differs from its batch's."""

    EXCLUDED = "excluded"  #: not in the request: left, suppressed, erased
    REFUSED = "refused"  #: named by the provider as not deliverable


class News(StrEnum):
    """What the provider reported of a delivery; moves up only, in this order."""

    PROCESSED = "processed"  #: the provider has it
    DEFERRED = "deferred"  #: the mailbox said "later"
    DELIVERED = "delivered"  #: the mailbox took it
    DROPPED = "dropped"  #: the provider didn't even try
    BOUNCED = "bounced"  #: the mailbox refused it
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
    outcome: Outcome | None = Field(default=None, sa_type=closed_set(Outcome))
    reason: str | None = Field(default=None, sa_type=Text)
    news: News | None = Field(default=None, sa_type=closed_set(News))
    news_at: datetime | None = None


class Canary(SQLModel, table=True):
    """A copy of one edition to an address of our own: its news proves that news can reach us."""

    edition_id: int = Field(primary_key=True, foreign_key="edition.id")
    attempt: str = Field(unique=True, sa_type=String(32))
    sent_at: datetime
    outcome: str = Field(default="", sa_type=String(24))
    heard_at: datetime | None = None


class Wave(SQLModel, table=True):
    """The part of one edition that goes out first, alone; the rest waits for what it meets."""

    edition_id: int = Field(primary_key=True, foreign_key="edition.id")
    last_batch: int  #: the number of the last batch that is part of it
    wait_seconds: int
    judge_at: datetime | None = None  #: set when all of it is out
    passed_at: datetime | None = None


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
    """One piece of provider news about one delivery, in our words."""

    __tablename__ = "mail_event"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(unique=True, sa_type=String(64))  #: ours; the provider's changes on redelivery
    kind: str = Field(sa_type=String(24))
    delivery_id: int | None = Field(default=None, sa_type=BigId, index=True)
    occurred_at: datetime
    received_at: datetime
    detail: str = Field(default="", sa_type=Text)


class Installation(SQLModel, table=True):
    """One database's identity, in its only row: how a copy put back in its place is noticed."""

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(sa_type=String(32))  #: random
    copied_at: datetime | None = None  #: set in a backup: this is a copy, and may be behind
    accepted_by: str = Field(default="", sa_type=String(200))  #: who said that it may go on
    accepted_why: str = Field(default="", sa_type=Text)
    accepted_at: datetime | None = None
