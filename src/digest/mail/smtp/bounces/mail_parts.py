"""Hides how a returned mail is taken apart, whatever it holds, in a time bounded by its size.

Python's parser reads the mail. What would make the parser slow, or nest without end, is refused
before it is parsed: more parts, levels or paragraphs than any report has, and long headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32

MAX_MAIL = 256 << 10  #: bytes of a mail that are read; the report stands before the returned mail
MAX_TEXT = 4000  #: characters of one field that are read
#: How often each of these may stand in a mail.
_MOST = ((b"multipart/", 20), (b"message/", 20), (b"\n--", 500), (b"\n\n", 5000), (b"\n", 20_000))
_MAX_HEADER = 8000  #: bytes of a header with its folded lines
_HEADER = re.compile(rb"^[!-9;-~]{1,80}:[^\n]*(?:\n[ \t][^\n]*)*", re.MULTILINE)
_REPORTS = ("message/delivery-status", "message/global-delivery-status")
_COMPLAINT = "message/feedback-report"
_RETURNED = (
    "message/rfc822",
    "message/rfc822-headers",  # no registered type, and sent all the same
    "message/global",
    "message/global-headers",
    "text/rfc822-headers",
)
_parser = BytesParser(policy=compat32)


class TooManyParts(ValueError):
    """A mail that no report is like: it isn't parsed."""


@dataclass(frozen=True)
class MailParts:
    """A returned mail, taken apart."""

    top: Message
    #: The fields of its delivery report: first those of the mail, then those of each recipient.
    delivery_fields: tuple[Message, ...] = ()
    feedback: Message | None = None  #: the fields of a complaint (RFC 5965)
    returned: tuple[Message, ...] = ()  #: our own mail, or its headers
    text: str = ""  #: the words for a person


def take_apart(raw: bytes) -> MailParts:
    """Return the parts of a mail's first `MAX_MAIL` bytes; raise `TooManyParts`."""
    raw = raw[:MAX_MAIL].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lower = raw.lower()
    if any(lower.count(mark) > most for mark, most in _MOST):
        raise TooManyParts
    if any(len(match[0]) > _MAX_HEADER for match in _HEADER.finditer(raw)):
        raise TooManyParts
    top = _parser.parsebytes(raw)
    parts = list(_leaves(top))
    blocks = [list(_blocks(part)) for part in parts if part.get_content_type() in _REPORTS]
    complaints = [part for part in parts if part.get_content_type() == _COMPLAINT]
    texts = (_text(part) for part in parts if part.get_content_type() == "text/plain")
    return MailParts(
        top=top,
        delivery_fields=tuple(blocks[0]) if blocks else (),
        feedback=next((fields for part in complaints for fields in _blocks(part)), None),
        returned=tuple(mail for part in parts if (mail := _returned(part)) is not None),
        text=next((text for text in texts if text.strip()), ""),
    )


def field_of(fields: Message, name: str) -> str:
    """Return a field in one line, without control characters; empty where there is none."""
    value = fields.get(name)
    words = "" if value is None else str(value)[:MAX_TEXT]
    return " ".join("".join(c if c.isprintable() else " " for c in words).split())


def _leaves(mail: Message) -> Iterator[Message]:
    """Yield the parts that are no multipart, without those of a mail that is itself a part."""
    if mail.get_content_maintype() != "multipart":
        yield mail
        return
    for part in mail.get_payload() if mail.is_multipart() else ():
        if isinstance(part, Message):
            yield from _leaves(part)


def _blocks(part: Message) -> Iterator[Message]:
    """Yield the blocks of fields of a report; the parser makes the first or each into a message."""
    content = part.get_payload()
    for block in content if isinstance(content, list) else ():
        if isinstance(block, Message):
            yield block
            for more in _text(block).split("\n\n"):
                if more.strip():
                    yield _parser.parsebytes(more.strip().encode("utf-8", "replace"))


def _returned(part: Message) -> Message | None:
    kind = part.get_content_type()
    if kind not in _RETURNED:
        return None
    content = part.get_payload()
    if isinstance(content, list):
        return content[0] if content and isinstance(content[0], Message) else None
    headers = _text(part).lstrip("\n").encode("utf-8", "replace")
    return _parser.parsebytes(headers, headersonly=True)


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
