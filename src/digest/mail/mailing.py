"""What a transport is given: one content and up to 1,000 recipients with their personal parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_RECIPIENTS = 1000
_ENDS_A_LINE = re.compile(r"[\x00\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")

#: Where a reader's own part goes. Long, ASCII, and no part of one another or of any word:
#: the provider replaces them as plain text wherever they stand.
UNSUBSCRIBE_TAG = "-digest_unsubscribe_token-"
PREFERENCES_TAG = "-digest_preferences_token-"


class Mailbox(NamedTuple):
    """A name and an address, as in a From line."""

    address: str
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What every recipient of a mailing gets, with tags where the personal parts go."""

    subject: str
    html: str
    text: str
    sender: Mailbox
    headers: Mapping[str, str] = field(default_factory=dict)
    category: str = ""  #: what the provider groups its statistics by; never personal
    track_clicks: bool = False
    track_opens: bool = False
    #: Its reader asked for it a moment ago: what a provider remembers of old must not hold it back.
    requested: bool = False

    def __post_init__(self) -> None:
        """Refuse what would end a header early and begin another."""
        for words in (self.subject, *self.sender, *self.headers, *self.headers.values()):
            if _ENDS_A_LINE.search(words):
                raise ValueError("a line break in a subject, sender or header")


class Recipient(NamedTuple):
    """What sending may know of a subscriber."""

    delivery: str  #: opaque; comes back in every event
    address: str
    parts: Mapping[str, str]  #: tag to value; safe in HTML, text and URLs alike
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Mailing:
    """One content on its way to up to 1,000 recipients in one request."""

    content: Content
    recipients: Sequence[Recipient]
    issue: str = ""  #: the four ids are opaque and come back in every event
    batch: str = ""
    attempt: str = ""


def personalise(text: str, parts: Mapping[str, str]) -> str:
    """Put one reader's parts where their tags stand."""
    for tag, value in parts.items():
        text = text.replace(tag, value)
    return text


def list_id(base_url: str, slug: str, name: str) -> str:
    """Return the List-Id of a newsletter, which never changes with its words (RFC 2919)."""
    host = base_url.partition("://")[2].partition("/")[0].partition(":")[0]
    words = "".join(c for c in name if c.isascii() and (c.isalnum() or c == " ")).strip()
    return f"{words} <{slug}.{host}>".strip()
