"""What comes back: provider news in our words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """What happened to a mail that had been accepted."""

    PROCESSED = "processed"  #: the provider has it and will try
    DROPPED = "dropped"  #: the provider won't try: it knows the address as bad
    DEFERRED = "deferred"  #: the mailbox said "later"
    DELIVERED = "delivered"  #: the mailbox took it
    BOUNCED = "bounced"  #: the mailbox refused it for good
    BLOCKED = "blocked"  #: the mailbox refused this mail, not the address
    OPENED = "opened"  #: the tracking image was fetched, by a person or a machine
    CLICKED = "clicked"  #: a link was followed, by a person or a machine
    COMPLAINED = "complained"  #: the reader called it spam
    UNSUBSCRIBED = "unsubscribed"  #: the reader left by the provider's own link
    OTHER = "other"  #: news we have no word for


@dataclass(frozen=True, kw_only=True, slots=True)
class MailEvent:
    """One piece of news about one delivery."""

    kind: EventKind
    at: datetime
    delivery: str | None = None
    batch: str | None = None
    attempt: str | None = None
    address: str | None = None
    url: str | None = None
    machine: bool = False
    detail: str = ""
    provider_id: str | None = None
