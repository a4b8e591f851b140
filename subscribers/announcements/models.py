"""Which tables hold webhook endpoints and the messages that are on their way to them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import Index, String, Text
from sqlmodel import Field

from subscribers.sql import BigId, TableModel, closed_set


class AnnouncementKind(StrEnum):
    """What an endpoint may be told of."""

    SUBSCRIBER_CONFIRMED = "subscriber.confirmed"  #: confirmed, was added, or came back
    SUBSCRIBER_LEFT = "subscriber.left"  #: a reader who was on the list left, or was erased
    SUBSCRIBER_BOUNCED = "subscriber.bounced"  #: the mailbox doesn't exist; it is mailed no more
    SUBSCRIBER_COMPLAINED = "subscriber.complained"  #: the reader reported a mail as spam
    COMPARISON_PUBLISHED = "comparison.published"  #: a comparison is public for the first time
    COMPARISON_CHANGED = "comparison.changed"  #: revised, withdrawn or restored since
    ISSUE_BUILT = "issue.built"  #: an issue was built, for the first time or again
    ISSUE_APPROVED = "issue.approved"  #: as many people as are needed have approved it
    ISSUE_SENT = "issue.sent"  #: no reader of it is pending or in doubt
    ISSUE_HELD = "issue.held"  #: it is due and may not leave, or was paused on its way
    REPORT_READY = "report.ready"  #: the numbers of a sent issue have settled


class EndpointState(StrEnum):
    """Whether messages are posted to an endpoint."""

    ACTIVE = "active"  #: they are
    PAUSED = "paused"  #: a person paused it; its messages wait
    GONE = "gone"  #: it answered 410; its messages wait for a person


class MessageState(StrEnum):
    """The state of one message to one endpoint."""

    WAITING = "waiting"  #: not delivered yet
    DELIVERED = "delivered"  #: the endpoint answered 2xx
    PARKED = "parked"  #: given up after three days; a person may replay it


class WebhookEndpoint(TableModel, table=True):
    """An address that is told what happens; the secret it checks signatures with isn't stored."""

    __tablename__ = "webhook"
    #: A removed endpoint's id is never given to another.
    __table_args__: ClassVar = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    url: str = Field(sa_type=String(2000), repr=False)
    newsletter: str = Field(default="", sa_type=String(64))  #: a slug; empty for all
    addresses: bool = False  #: whether its messages hold readers' addresses
    state: EndpointState = Field(sa_type=closed_set(EndpointState))
    #: What its secret is made of, together with the installation's.
    nonce: str = Field(sa_type=String(32), repr=False)
    former_nonce: str = Field(default="", sa_type=String(32), repr=False)
    rotated_at: datetime | None = None
    failures: int = 0  #: posts in a row that failed
    failing_since: datetime | None = None
    said: str = Field(default="", sa_type=Text)  #: what became of the last post that failed
    rest_until: datetime | None = None  #: nothing is posted before
    claimed_by: str = Field(default="", sa_type=String(32))  #: who posts to it
    claimed_until: datetime | None = None
    added_at: datetime


class WebhookKind(TableModel, table=True):
    """One kind of announcement that an endpoint asked for."""

    __tablename__ = "webhook_kind"

    kind: AnnouncementKind = Field(primary_key=True, sa_type=closed_set(AnnouncementKind))
    webhook_id: int = Field(foreign_key="webhook.id", ondelete="CASCADE", primary_key=True)


class WebhookMessage(TableModel, table=True):
    """One announcement on its way to one endpoint, in the order of its id."""

    __tablename__ = "webhook_message"
    __table_args__ = (
        Index("ix_webhook_message_state", "webhook_id", "state", "id"),
        Index("ix_webhook_message_subject", "webhook_id", "subject", "id"),
        Index("ix_webhook_message_settled", "state", "settled_at"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    webhook_id: int = Field(foreign_key="webhook.id", ondelete="CASCADE")
    kind: AnnouncementKind = Field(sa_type=closed_set(AnnouncementKind))
    subject: str = Field(sa_type=String(400))  #: "subscriber/17"; its messages keep their order
    data: str = Field(sa_type=Text)  #: the facts, as JSON
    #: No foreign key, since the message outlives the subscriber's row.
    subscriber_id: int | None = Field(default=None, sa_type=BigId)
    at: datetime  #: when it happened
    state: MessageState = Field(sa_type=closed_set(MessageState))
    asked_at: datetime  #: since when it is due; a replay is due anew
    next_at: datetime  #: of the next try
    tries: int = 0
    status: int | None = None  #: of the last answer; ``None`` where there was none
    said: str = Field(default="", sa_type=Text)  #: what became of the last try that failed
    settled_at: datetime | None = None  #: when it was delivered or parked


class MadeAnnouncement(TableModel, table=True):
    """An announcement that is made once, whether or not an endpoint asked for it."""

    __tablename__ = "announcement"

    kind: AnnouncementKind = Field(primary_key=True, sa_type=closed_set(AnnouncementKind))
    subject: str = Field(primary_key=True, sa_type=String(400))
    at: datetime
