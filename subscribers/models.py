"""What is kept of a reader: who, what they agreed to, and what must never be sent."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Enum, Index, Integer, String, Text, UniqueConstraint
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


#: On the list: who agreed, and hasn't left.
JOINED = (Standing.CONFIRMED, Standing.PAUSED)


class ConsentAct(StrEnum):
    """What happened to a reader's agreement."""

    ASKED = "asked"  #: filled in a form
    CONFIRMED = "confirmed"  #: pressed the button in the page behind the letter's link
    IMPORTED = "imported"  #: came with a list; the wording says what the list's owner vouched for
    WITHDRAWN = "withdrawn"  #: left
    RETURNED = "returned"  #: took back having left, from the same page
    MOVED = "moved"  #: changed the address, confirmed from the new one
    ERASED = "erased"  #: asked to be forgotten


class SuppressionReason(StrEnum):
    """Why an address must not be mailed, whatever its subscriptions say; the strictest last."""

    MOVED = "moved"  #: the reader has another address since
    LEFT = "left"  #: the reader left so long ago that the address itself is no longer kept
    ERASED = "erased"  #: the reader asked to be forgotten
    HARD_BOUNCE = "hard-bounce"  #: the mailbox doesn't exist
    PROVIDER = "provider"  #: the provider refuses to send to it
    COMPLAINT = "complaint"  #: the reader called a mail spam
    MANUAL = "manual"  #: an operator's decision


class LetterKind(StrEnum):
    """The one-off mails a reader may get."""

    CONFIRM = "confirm"  #: asks whether the address wants the newsletter
    ALREADY = "already"  #: says to who signed up again that nothing changed
    WELCOME = "welcome"  #: follows the confirmation
    CHANGE = "change"  #: asks the new address whether it wants to take over
    MOVED = "moved"  #: tells the old address that it was given up


class LetterState(StrEnum):
    """How far a letter has come."""

    WAITING = "waiting"  #: to be sent
    STARTED = "started"  #: handed over, and no answer is recorded: it may have gone out
    SENT = "sent"  #: taken by the transport
    FAILED = "failed"  #: refused for good
    IN_DOUBT = "in-doubt"  #: may have gone out; never sent again, the reader may ask again
    WITHHELD = "withheld"  #: not to be sent: the address is suppressed or asked again too soon


class Subscriber(SQLModel, table=True):
    """A reader, known by address."""

    # Links in old mails carry the id: it's never given to somebody else.
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    address: str = Field(sa_type=String(254), repr=False)
    address_key: str = Field(sa_type=String(254), unique=True, repr=False)
    #: `SuppressionReason` while a suppression names this address; the fast copy of that row.
    suppressed: str | None = Field(default=None, sa_type=String(24))
    language: str = Field(default="en", sa_type=String(16))
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
    paused_until: datetime | None = None  #: stays noted after leaving, for who takes that back
    #: ``None`` is everything, and NULL: statements look for that before they open a list.
    topics: list[str] | None = Field(default=None, sa_type=JSON(none_as_null=True))


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
    form: str = Field(default="", sa_type=String(64))  #: which form was filled in
    wording_hash: str | None = Field(default=None, sa_type=String(64))
    language: str = Field(default="en", sa_type=String(16))
    at: datetime


class ConsentNetwork(SQLModel, table=True):
    """The network address an entry was made from; apart, since it is dropped after a while."""

    __tablename__ = "consent_network"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    #: With the newsletter and the moment, these name the ledger's entry.
    subscriber_id: int = Field(sa_type=BigId, index=True)
    newsletter: str = Field(sa_type=String(64))
    at: datetime = Field(index=True)
    network: str = Field(sa_type=String(64), repr=False)


class Suppression(SQLModel, table=True):
    """An address that must not be mailed, known only by its keyed hash."""

    address_hash: str = Field(primary_key=True, sa_type=String(64))
    reason: SuppressionReason = Field(sa_type=_stored(SuppressionReason))
    at: datetime
    erased_at: datetime | None = None  #: that they asked to be forgotten outlives stricter reasons


class DeclinedMailbox(SQLModel, table=True):
    """A mailbox whose owner said that a sign-up wasn't theirs, known only by its keyed hash."""

    __tablename__ = "declined_mailbox"

    mailbox_hash: str = Field(primary_key=True, sa_type=String(64))
    at: datetime


class SignUpAsked(SQLModel, table=True):
    """A sign-up as it was asked for, until what follows from it is written, a moment later."""

    __tablename__ = "sign_up_asked"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    address: str = Field(sa_type=String(254), repr=False)
    address_key: str = Field(sa_type=String(254), repr=False)
    newsletter: str = Field(sa_type=String(64))
    form: str = Field(sa_type=String(64))
    wording: str = Field(sa_type=Text)
    language: str = Field(sa_type=String(16))
    seen_from: str | None = Field(default=None, sa_type=String(64), repr=False)
    at: datetime


class LetterToSend(SQLModel, table=True):
    """A letter somebody is to get: written with what caused it, sent afterwards from here."""

    __tablename__ = "letter_to_send"
    __table_args__ = (Index("ix_letter_to_send_state", "state", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(
        foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId, index=True
    )
    newsletter: str = Field(sa_type=String(64))
    kind: LetterKind = Field(sa_type=_stored(LetterKind))
    state: LetterState = Field(sa_type=_stored(LetterState))
    language: str = Field(default="en", sa_type=String(16))
    change_id: int | None = Field(default=None, sa_type=BigId)  #: the address change it asks about
    asked_at: datetime
    since: datetime  #: when it came into this state


class AddressChange(SQLModel, table=True):
    """A wish to be mailed elsewhere, kept for some days."""

    __tablename__ = "address_change"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(
        foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId, index=True
    )
    address: str = Field(sa_type=String(254), repr=False)
    address_key: str = Field(sa_type=String(254), repr=False)
    #: The address that was given up, until it has been told.
    former: str | None = Field(default=None, sa_type=String(254), repr=False)
    asked_at: datetime
    done_at: datetime | None = None


class Throttle(SQLModel, table=True):
    """How often something happened since a moment; what it is, is known by a keyed hash."""

    key: str = Field(primary_key=True, sa_type=String(40))
    started: int = Field(sa_type=BigInteger)  #: the first of them, in seconds since 1970
    last: int = Field(sa_type=BigInteger)  #: the last of them
    count: int
    seconds: int = Field(sa_type=BigInteger)  #: how long they count, and are kept after the last


class Stopped(SQLModel, table=True):
    """How many sign-ups were stopped on one day, by what."""

    day: str = Field(primary_key=True, sa_type=String(10))
    reason: str = Field(primary_key=True, sa_type=String(24))
    count: int


class ImportRun(SQLModel, table=True):
    """How far the import of one file into one newsletter has come."""

    __tablename__ = "import_run"
    __table_args__ = (UniqueConstraint("fingerprint", "newsletter"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    fingerprint: str = Field(sa_type=String(64))  #: SHA-256 of the file
    newsletter: str = Field(sa_type=String(64))
    wording_hash: str = Field(sa_type=String(64))
    lines: int = 0  #: rows done, the header not counted
    counts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    started_at: datetime
    finished_at: datetime | None = None
