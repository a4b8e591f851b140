"""What is kept of a reader: who, what they agreed to, and what must never be sent."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Enum, Index, Integer, String, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

#: 64 bits everywhere; SQLite only counts up by itself in a column called INTEGER.
BigId = BigInteger().with_variant(Integer, "sqlite")


def _stored(kind: type[StrEnum]) -> Enum:
    """Store a closed set by value, as text, so that adding a member needs no migration."""
    return Enum(kind, native_enum=False, length=24, values_callable=lambda e: [m.value for m in e])


class Standing(StrEnum):
    """Where a reader stands with one newsletter."""

    PENDING = "pending"  #: asked, not confirmed: only the confirmation letter may be sent
    CONFIRMED = "confirmed"  #: agreed, and the address answered
    PAUSED = "paused"  #: agreed, and wants nothing until a date
    UNSUBSCRIBED = "unsubscribed"  #: left


class ConsentAct(StrEnum):
    """What happened to a reader's agreement."""

    ASKED = "asked"  #: filled in a form
    CONFIRMED = "confirmed"  #: pressed the button in the page behind the letter's link
    IMPORTED = "imported"  #: came with a list; the wording says what the list's owner vouched for
    WITHDRAWN = "withdrawn"  #: left
    ERASED = "erased"  #: asked to be forgotten


class SuppressionReason(StrEnum):
    """Why an address must not be mailed, whatever its subscriptions say."""

    HARD_BOUNCE = "hard-bounce"  #: the mailbox doesn't exist
    COMPLAINT = "complaint"  #: the reader called a mail spam
    PROVIDER = "provider"  #: the provider refuses to send to it
    ERASED = "erased"  #: the reader asked to be forgotten
    MANUAL = "manual"  #: an operator's decision


class Subscriber(SQLModel, table=True):
    """A reader, known by address."""

    # Links in old mails carry the id: it's never given to somebody else.
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    address: str = Field(sa_type=String(254))
    address_key: str = Field(sa_type=String(254), unique=True)
    #: `SuppressionReason` while a suppression names this address; the fast copy of that row.
    suppressed: str | None = Field(default=None, sa_type=String(24))
    created_at: datetime


class Subscription(SQLModel, table=True):
    """A reader's standing with one newsletter, named by its slug."""

    __table_args__ = (
        UniqueConstraint("subscriber_id", "newsletter"),
        Index("ix_subscription_audience", "newsletter", "standing", "subscriber_id"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(
        foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId, index=False
    )
    newsletter: str = Field(sa_type=String(64))
    standing: Standing = Field(sa_type=_stored(Standing))
    source: str = Field(default="", sa_type=String(64))
    since: datetime
    paused_until: datetime | None = None


class Wording(SQLModel, table=True):
    """A text somebody agreed to, kept once and known by its hash."""

    hash: str = Field(primary_key=True, sa_type=String(64))
    text: str = Field(sa_type=Text)


class Consent(SQLModel, table=True):
    """One entry of the append-only ledger of agreement and withdrawal."""

    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    #: Not a foreign key: the evidence outlives the reader's row, under a number that says nothing.
    subscriber_id: int = Field(sa_type=BigId, index=True)
    newsletter: str = Field(sa_type=String(64))
    act: ConsentAct = Field(sa_type=_stored(ConsentAct))
    channel: str = Field(sa_type=String(32))
    wording_hash: str | None = Field(default=None, sa_type=String(64))
    language: str = Field(default="en", sa_type=String(16))
    at: datetime


class Suppression(SQLModel, table=True):
    """An address that must not be mailed, known only by its keyed hash."""

    address_hash: str = Field(primary_key=True, sa_type=String(64))
    reason: SuppressionReason = Field(sa_type=_stored(SuppressionReason))
    at: datetime
