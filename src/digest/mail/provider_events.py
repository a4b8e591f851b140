"""What comes back: provider news in our words."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple


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
    UNSUBSCRIBED = "unsubscribed"  #: the reader left this newsletter by the provider's own link
    RESIGNED = "resigned"  #: the reader told the provider to bring nothing of ours any more
    ACCOUNT = "account"  #: of no mail: the provider changed the account's standing
    OTHER = "other"  #: news we have no word for


class ProviderEvent(NamedTuple):
    """One piece of news about one delivery; a tuple, since a flood makes a million of them."""

    kind: EventKind
    at: int  #: seconds since 1970, as the provider counts
    delivery: str | None = None
    attempt: str | None = None
    address: str | None = None
    url: str = ""
    machine: bool = False  #: the provider, or the lack of any browser's traits, says so
    cause: str = ""  #: the provider's word for why, such as "Invalid Address"
    detail: str = ""  #: what the mailbox said, the reader's address taken out


@lru_cache(maxsize=4096)
def is_machine(agent: str) -> bool:
    """Tell whether what fetched something has no browser's traits; nothing said is no trait."""
    words = agent.lower()
    return not words.startswith("mozilla/") or any(word in words for word in _ROBOTS)


_ROBOTS = (
    "bot", "crawl", "spider", "scan", "curl", "wget", "python", "java/", "go-http", "okhttp",
    "headless", "phantom", "preview", "proofpoint", "barracuda", "mimecast", "safelinks", "monitor",
)  # fmt: skip
