"""Which tables hold subscribers: their rows, columns and closed sets of values.

Fields that hold an address or a network are left out of every `repr`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Index, String, Text, UniqueConstraint, true
from sqlmodel import Field

from subscribers.sql import BigId, TableModel, closed_set, partial_index


class Standing(StrEnum):
    """How a subscriber stands with one newsletter."""

    PENDING = "pending"  #: signed up, not confirmed: only the confirmation letter may be sent
    CONFIRMED = "confirmed"  #: confirmed from the address, or imported
    PAUSED = "paused"  #: confirmed, and gets nothing until a date
    UNSUBSCRIBED = "unsubscribed"  #: left


#: The standings of those who are on the list.
JOINED = (Standing.CONFIRMED, Standing.PAUSED)


class ConsentAct(StrEnum):
    """What happened to a subscriber's consent."""

    ASKED = "asked"  #: sent a sign-up form
    CONFIRMED = "confirmed"  #: pressed the button on the page behind the letter's link
    IMPORTED = "imported"  #: came with a list; the wording is the statement of the list's owner
    WITHDRAWN = "withdrawn"  #: unsubscribed
    RETURNED = "returned"  #: undid unsubscribing, from the same page
    MOVED = "moved"  #: changed the address, confirmed from the new one
    ERASED = "erased"  #: asked for erasure


class SuppressionReason(StrEnum):
    """Why an address must not be mailed, whatever its subscriptions say; the strictest last."""

    MOVED = "moved"  #: the reader has another address since
    LEFT = "left"  #: the reader left so long ago that the address was deleted
    ERASED = "erased"  #: the reader asked for erasure
    HARD_BOUNCE = "hard-bounce"  #: the mailbox doesn't exist
    PROVIDER = "provider"  #: the provider refuses to send to it
    COMPLAINT = "complaint"  #: the reader reported a mail as spam
    MANUAL = "manual"  #: an operator's decision


class SendOutcome(StrEnum):
    """What became of one try to hand mail over to the provider."""

    ACCEPTED = "accepted"  #: the provider accepted the request
    REFUSED = "refused"  #: the provider refused the request for good
    NOT_SENT = "not-sent"  #: certainly not sent; another try may succeed
    HALTED = "halted"  #: certainly not sent, and none will be until a person repairs the set-up
    IN_DOUBT = "in-doubt"  #: it may have been sent, and isn't tried again
    MIXED = "mixed"  #: the recipients of one request fared differently
    UNMADE = "unmade"  #: no mail could be composed


class LetterKind(StrEnum):
    """The one-off mails: all that leaves outside the batches of an issue."""

    CONFIRM = "confirm"  #: asks whether the address wants the newsletter
    ALREADY = "already"  #: tells a reader who signed up again that nothing changed
    WELCOME = "welcome"  #: follows the confirmation
    CHANGE = "change"  #: asks the new address to confirm a change
    MOVED = "moved"  #: tells the old address about a change
    NOTICE = "notice"  #: tells the editors of a slot
    VOTE = "vote"  #: brings a visitor the link to vote with
    VERDICT_CHANGED = "verdict-changed"  #: tells who voted on a tool that its verdict changed
    REVIEW_CODE = "review-code"  #: brings an editor the code to decide on an issue with
    SEED = "seed"  #: a watched copy of an edition, to an address of the publisher's own
    TEST = "test"  #: a marked copy, to whom an editor names


#: The letters that a reader may get; the other kinds go to the publisher's own people.
READERS_LETTERS = (
    LetterKind.CONFIRM,
    LetterKind.ALREADY,
    LetterKind.WELCOME,
    LetterKind.CHANGE,
    LetterKind.MOVED,
    LetterKind.VOTE,
    LetterKind.VERDICT_CHANGED,
)


class LetterState(StrEnum):
    """The state of a letter in the queue."""

    WAITING = "waiting"  #: queued
    STARTED = "started"  #: claimed, without a recorded answer: it may have gone out
    SENT = "sent"  #: accepted by the transport
    FAILED = "failed"  #: refused, unmade, or not sent in time; not tried again
    IN_DOUBT = "in-doubt"  #: may have gone out; never sent again, but the reader may ask again
    WITHHELD = "withheld"  #: not sent: the address is suppressed, or past a limit


class Subscriber(TableModel, table=True):
    """A reader, identified by address."""

    __table_args__ = (
        partial_index(
            "ix_subscriber_suppressed", "suppressed", "id", where="suppressed IS NOT NULL"
        ),
        # Links in old mails carry the id, so it is never given to another subscriber.
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    address: str = Field(sa_type=String(254), repr=False)
    address_key: str = Field(sa_type=String(254), unique=True, repr=False)
    #: A copy of the suppression's `SuppressionReason`, so that no hash is needed to read it.
    suppressed: str | None = Field(default=None, sa_type=String(24))
    language: str = Field(default="en", sa_type=String(16))
    created_at: datetime


class Subscription(TableModel, table=True):
    """A subscriber's standing with one newsletter, which is named by its slug."""

    __table_args__ = (
        UniqueConstraint("subscriber_id", "newsletter"),
        Index("ix_subscription_audience", "newsletter", "standing", "subscriber_id"),
        partial_index(
            "ix_subscription_topics",
            "newsletter",
            "standing",
            "subscriber_id",
            where="topics IS NOT NULL",
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(
        foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId, index=False
    )
    newsletter: str = Field(sa_type=String(64))
    standing: Standing = Field(sa_type=closed_set(Standing))
    source: str = Field(default="", sa_type=String(64))
    since: datetime
    paused_until: datetime | None = None  #: stays after leaving, for a reader who undoes that
    #: ``None`` means all topics, and is stored as NULL, so that a query needn't parse JSON.
    topics: list[str] | None = Field(default=None, sa_type=JSON(none_as_null=True))


class Wording(TableModel, table=True):
    """A text somebody agreed to, stored once under its SHA-256."""

    hash: str = Field(primary_key=True, sa_type=String(64))
    text: str = Field(sa_type=Text)


class Consent(TableModel, table=True):
    """One append-only entry of consent given or withdrawn."""

    __table_args__ = (
        Index("ix_consent_at", "newsletter", "at"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    #: No foreign key, since the evidence outlives the subscriber's row.
    subscriber_id: int = Field(sa_type=BigId, index=True)
    newsletter: str = Field(sa_type=String(64))
    act: ConsentAct = Field(sa_type=closed_set(ConsentAct))
    channel: str = Field(sa_type=String(32))
    form: str = Field(default="", sa_type=String(64))  #: the form that was sent, by name
    wording_hash: str | None = Field(default=None, sa_type=String(64))
    language: str = Field(default="en", sa_type=String(16))
    at: datetime


class ConsentCount(TableModel, table=True):
    """How many consent entries with one act there were, of those up to *through*."""

    __tablename__ = "consent_count"

    act: ConsentAct = Field(primary_key=True, sa_type=closed_set(ConsentAct))
    number: int = Field(sa_type=BigInteger)
    through: int = Field(sa_type=BigInteger)  #: id of the last entry counted, of whatever act


class ConsentNetwork(TableModel, table=True):
    """The network a consent entry was made from, stored apart since it is deleted earlier."""

    __tablename__ = "consent_network"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    #: Identifies the consent entry together with *newsletter* and *at*.
    subscriber_id: int = Field(sa_type=BigId, index=True)
    newsletter: str = Field(sa_type=String(64))
    at: datetime = Field(index=True)
    network: str = Field(sa_type=String(64), repr=False)


class Suppression(TableModel, table=True):
    """An address that must not be mailed, stored only as its keyed hash."""

    address_hash: str = Field(primary_key=True, sa_type=String(64))
    reason: SuppressionReason = Field(sa_type=closed_set(SuppressionReason))
    at: datetime
    erased_at: datetime | None = None  #: an erasure stays recorded beside a stricter reason


class DeclinedMailbox(TableModel, table=True):
    """A mailbox whose owner disowned a sign-up, stored only as its keyed hash."""

    __tablename__ = "declined_mailbox"

    mailbox_hash: str = Field(primary_key=True, sa_type=String(64))
    at: datetime


class RecordedSignup(TableModel, table=True):
    """A recorded sign-up request, deleted when it is processed a moment later."""

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
    #: What the link in the letter opens, in the application's words; empty for a sign-up alone.
    asks_for: str = Field(default="", sa_type=String(400), sa_column_kwargs={"server_default": ""})
    #: Whether a subscription is asked for, too.
    joins: bool = Field(default=True, sa_column_kwargs={"server_default": true()})


class LetterToSend(TableModel, table=True):
    """A letter of the queue, written in the transaction of what caused it and sent afterwards."""

    __tablename__ = "letter_to_send"
    __table_args__ = (
        Index("ix_letter_to_send_state", "state", "id"),
        *(
            partial_index(
                f"ix_letter_to_send_{name}",
                name,
                unique=True,
                where=f"{name} IS NOT NULL",
            )
            for name in ("about", "attempt")
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    #: ``None`` in what goes to the publisher's own people.
    subscriber_id: int | None = Field(
        default=None, foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId, index=True
    )
    newsletter: str = Field(sa_type=String(64))
    kind: LetterKind = Field(sa_type=closed_set(LetterKind))
    state: LetterState = Field(sa_type=closed_set(LetterState))
    language: str = Field(default="en", sa_type=String(16))
    change_id: int | None = Field(default=None, sa_type=BigId)  #: the address change it asks about
    asked_at: datetime = Field(index=True)
    since: datetime  #: when it came into this state
    #: What is sent once, whoever asks: "edition/7", "weekly/2026-W48/draft".
    about: str | None = Field(default=None, sa_type=String(120))
    #: What its link opens, in the application's words; empty for what its kind says.
    asks_for: str = Field(default="", sa_type=String(400), sa_column_kwargs={"server_default": ""})
    attempt: str | None = Field(default=None, sa_type=String(32))  #: named by its events
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    outcome: SendOutcome | None = Field(default=None, sa_type=closed_set(SendOutcome))
    heard_at: datetime | None = None  #: of the first event that names its attempt


class AddressChange(TableModel, table=True):
    """A request to move to another address, kept for some days."""

    __tablename__ = "address_change"
    __table_args__: ClassVar = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    subscriber_id: int = Field(
        foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId, index=True
    )
    address: str = Field(sa_type=String(254), repr=False)
    address_key: str = Field(sa_type=String(254), repr=False)
    #: The old address, until a letter has told it about the change.
    former: str | None = Field(default=None, sa_type=String(254), repr=False)
    asked_at: datetime
    done_at: datetime | None = None


class RateCount(TableModel, table=True):
    """A rate limit's count; what is counted is known only by its keyed hash."""

    __tablename__ = "throttle"

    key: str = Field(primary_key=True, sa_type=String(40))
    started: int = Field(sa_type=BigInteger)  #: the start of the window, in seconds since 1970
    last: int = Field(sa_type=BigInteger)  #: the last one counted, in seconds since 1970
    count: int
    seconds: int = Field(sa_type=BigInteger)  #: the window, and how long the row outlives *last*


class StoppedSignups(TableModel, table=True):
    """How many sign-ups one reason stopped on one day."""

    __tablename__ = "stopped"

    day: str = Field(primary_key=True, sa_type=String(10))
    reason: str = Field(primary_key=True, sa_type=String(24))
    count: int


class ImportRun(TableModel, table=True):
    """The progress of one file's import into one newsletter."""

    __tablename__ = "import_run"
    __table_args__ = (UniqueConstraint("fingerprint", "newsletter"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    fingerprint: str = Field(sa_type=String(64))  #: SHA-256 of the file
    newsletter: str = Field(sa_type=String(64))
    wording_hash: str = Field(sa_type=String(64))
    lines: int = 0  #: lines filed, without the header
    counts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    started_at: datetime
    finished_at: datetime | None = None
