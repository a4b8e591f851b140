"""Decides the kinds and fields of provider events, whatever the provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple


class EventKind(StrEnum):
    """What happened to a mail after the provider accepted it."""

    PROCESSED = "processed"  #: the provider queued the mail
    DROPPED = "dropped"  #: the provider suppresses the address and sent nothing
    DEFERRED = "deferred"  #: the mailbox refused for now; the provider retries
    DELIVERED = "delivered"  #: the mailbox accepted the mail
    BOUNCED = "bounced"  #: the mailbox refused the mail permanently
    BLOCKED = "blocked"  #: the mailbox refused this mail, not the address
    OPENED = "opened"  #: the tracking image was fetched, by a person or a machine
    CLICKED = "clicked"  #: a link was followed, by a person or a machine
    COMPLAINED = "complained"  #: the reader reported the mail as spam
    UNSUBSCRIBED = "unsubscribed"  #: the reader left this newsletter by the provider's own link
    RESIGNED = "resigned"  #: the reader unsubscribed from all mail of this account
    ACCOUNT = "account"  #: about no mail: the provider changed the account's status
    OTHER = "other"  #: an event of an unknown type


class ProviderEvent(NamedTuple):
    """One event of one delivery; a tuple, since a flood creates a million of them."""

    kind: EventKind
    at: int  #: seconds since 1970, by the provider's clock
    delivery: str | None = None
    attempt: str | None = None
    address: str | None = None
    url: str = ""
    machine: bool = False  #: by the provider's flag, or a user agent that is no browser
    cause: str = ""  #: the provider's classification, such as "Invalid Address"
    detail: str = ""  #: the mailbox's response, redacted


@dataclass(frozen=True, kw_only=True)
class ParsedPost:
    """The content of one post to the webhook."""

    events: Sequence[ProviderEvent]
    unreadable: Sequence[str]  #: descriptions of the first unreadable entries, redacted
    unread: int  #: how many entries were unreadable


@lru_cache(maxsize=4096)
def is_machine(agent: str) -> bool:
    """Return whether a user agent isn't a browser's; true for an empty one.

    Browsers that show text, and Opera Mini, don't call themselves Mozilla.
    """
    text = agent.lower().replace("cubot", "")  # a maker of phones
    return not text.startswith(_BROWSERS) or any(word in text for word in _ROBOTS)


_BROWSERS = ("mozilla/", "opera/", "lynx/", "w3m/", "links (", "elinks/")

_ROBOTS = (
    "bot", "crawl", "spider", "scan", "curl", "wget", "python", "java/", "go-http", "okhttp",
    "headless", "phantom", "preview", "proofpoint", "barracuda", "mimecast", "safelinks", "monitor",
)  # fmt: skip
