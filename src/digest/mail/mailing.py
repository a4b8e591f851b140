"""Decides what a transport gets: one content, and up to 1,000 recipients with their own parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any, NamedTuple, overload

import orjson

from subscribers.address import parse

MAX_RECIPIENTS = 1000  #: SendGrid's limit of personalizations in one Mail Send request
_ENDS_A_LINE = re.compile(r"[\x00\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")

#: Substitution tags for a reader's own parts. They are long, ASCII, and no substring of each other
#: or of any word, since the provider replaces them as plain text wherever they occur.
UNSUBSCRIBE_TAG = "-digest_unsubscribe_token-"
PREFERENCES_TAG = "-digest_preferences_token-"
_TAG = re.compile(r"-digest_[a-z0-9_]+_token-")
_TAGS = re.compile(f"({_TAG.pattern})")


def vote_tag(position: int) -> str:
    """Return the tag of the token to vote on the comparison at *position* of an issue, from 1."""
    return f"-digest_vote_{position}_token-"


def tags_in(*parts: str) -> tuple[str, ...]:
    """Return the tags of a reader's own parts that stand in some parts of a mail, each once."""
    return tuple(dict.fromkeys(_TAG.findall("\n".join(parts))))


def at_tags(text: str) -> list[str]:
    """Return a text divided at the tags of a reader's own parts: text, tag, text, ..., text."""
    return _TAGS.split(text)


class Mailbox(NamedTuple):
    """An address and a display name, as in a From header (RFC 5322, name-addr)."""

    address: str
    name: str = ""


def mailbox(text: str) -> Mailbox:
    """Return the mailbox that *text* names (RFC 5322, name-addr); raises `BadAddress`."""
    name, address = parseaddr(text)
    return Mailbox(parse(address).wire, name)


@dataclass(frozen=True, kw_only=True)
class Content:
    """What every recipient of a mailing gets, with substitution tags for the personal parts.

    Raise `ValueError` for a line break in a subject, sender or header.
    """

    subject: str
    html: str
    text: str
    sender: Mailbox
    reply_to: Mailbox | None = None  #: where answers go; ``None`` for the sender
    headers: Mapping[str, str] = field(default_factory=dict)
    category: str = ""  #: key of the provider's statistics; never personal
    track_clicks: bool = False
    track_opens: bool = False
    #: The reader has just requested this mail, so it bypasses the provider's old suppressions.
    requested: bool = False

    def __post_init__(self) -> None:
        """Refuse line breaks, which would end a header early and begin another."""
        mailboxes = (*self.sender, *(self.reply_to or ()))
        for words in (self.subject, *mailboxes, *self.headers, *self.headers.values()):
            if _ENDS_A_LINE.search(words):
                raise ValueError("a line break in a subject, sender or header")


class Recipient(NamedTuple):
    """All that sending may know of a subscriber."""

    delivery: str  #: opaque id, returned in every event
    address: str
    parts: Mapping[str, str]  #: substitution tag to value, safe in HTML, text and URLs
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Recipients(Sequence[Recipient]):
    """The recipients of a batch by column, so that all of them are written at once.

    Each is a `Recipient` to whoever asks for one.
    """

    deliveries: Sequence[str]
    addresses: Sequence[str]
    parts: Mapping[str, Sequence[str]]  #: substitution tag to each recipient's value
    headers: Mapping[str, str]  #: with substitution tags for the personal parts

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.deliveries)

    @overload
    def __getitem__(self, at: int) -> Recipient: ...
    @overload
    def __getitem__(self, at: slice) -> list[Recipient]: ...
    def __getitem__(self, at: int | slice) -> Recipient | list[Recipient]:
        """Return one recipient, or some."""
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        parts = {tag: values[at] for tag, values in self.parts.items()}
        headers = {name: personalise(value, parts) for name, value in self.headers.items()}
        return Recipient(self.deliveries[at], self.addresses[at], parts, headers)


@dataclass(frozen=True, kw_only=True)
class Mailing:
    """One content for up to 1,000 recipients in one request."""

    content: Content
    recipients: Sequence[Recipient]
    issue: str = ""  #: issue, batch and attempt are opaque ids, returned in every event
    batch: str = ""
    attempt: str = ""


def pack(mailing: Mailing) -> bytes:
    """Return a mailing as JSON, which `unpack` reads; equal mailings give equal bytes."""
    reply_to = mailing.content.reply_to
    mailboxes = {
        "sender": tuple(mailing.content.sender),
        "reply_to": tuple(reply_to) if reply_to else None,
    }
    content = {**vars(mailing.content), **mailboxes}
    recipients = [tuple(recipient) for recipient in mailing.recipients]
    return orjson.dumps({**vars(mailing), "content": content, "recipients": recipients})


def unpack(packed: bytes) -> Mailing:
    """Return the mailing that `pack` wrote."""
    fields: dict[str, Any] = orjson.loads(packed)
    content = fields["content"]
    reply_to = content["reply_to"]
    mailboxes = {
        "sender": Mailbox(*content["sender"]),
        "reply_to": Mailbox(*reply_to) if reply_to else None,
    }
    fields["content"] = Content(**{**content, **mailboxes})
    fields["recipients"] = [Recipient(*recipient) for recipient in fields["recipients"]]
    return Mailing(**fields)


def personalise(text: str, parts: Mapping[str, str]) -> str:
    """Return a text with one reader's parts in place of their tags."""
    for tag, value in parts.items():
        text = text.replace(tag, value)
    return text


def list_id(base_url: str, slug: str, name: str) -> str:
    """Return a newsletter's List-Id header (RFC 2919), whose id doesn't depend on the name."""
    host = base_url.partition("://")[2].partition("/")[0].partition(":")[0]
    words = "".join(c for c in name if c.isascii() and (c.isalnum() or c == " ")).strip()
    return f"{words} <{slug}.{host}>".strip()
