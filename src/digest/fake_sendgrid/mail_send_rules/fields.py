"""Checks of the parts that stand in several places of a body: mailboxes, headers, text maps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from digest.fake_sendgrid.mail_send_rules.violation import CRYPTIC, RuleViolation, about

MAX_ADDRESS = 320
MAX_LOCAL = 64
MAX_TEXTS = 10_000
RESERVED = frozenset(
    ["x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "to", "from", "subject",
     "content-transfer-encoding", "reply-to", "cc", "bcc"]
)  # fmt: skip
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?!\d+\Z){_LABEL}")
_HEADER_NAME = re.compile(r"[!-9;-~]+")
_BREAKS = re.compile(r"[\r\n\x00]")


def is_address(text: object, *, lenient: bool) -> bool:
    """Return whether the provider would accept *text* as an address; *lenient* allows Unicode."""
    if not isinstance(text, str) or len(text) > MAX_ADDRESS or text.find("@") > MAX_LOCAL:
        return False
    if lenient and not text.isascii():
        # Each other letter is replaced by one ASCII letter, so that only the structure is checked.
        text = "".join(c if c.isascii() else "x" if c.isalnum() else " " for c in text)
    return _ADDRESS.fullmatch(text) is not None


def check_mailbox(value: Any, at: str, topic: str, *, lenient: bool) -> Iterator[RuleViolation]:
    """Yield the violations of one ``{email, name?}``."""
    if not isinstance(value, dict):
        yield about(at, "Invalid type. Expected: object.", topic)
        return
    if not is_address(value.get("email"), lenient=lenient):
        yield about(f"{at}.email", "Does not contain a valid address.", topic)
    name = value.get("name")
    if name is None:
        return
    if not isinstance(name, str):
        yield CRYPTIC
    elif ";" in name or "," in name or _BREAKS.search(name):
        yield about(
            f"{at}.name", "The name may not contain a semicolon, comma or line break.", topic
        )


def check_headers(value: Any, at: str) -> Iterator[RuleViolation]:
    """Yield the violations of a headers object: names, reserved names, line breaks."""
    if not isinstance(value, dict):
        yield about(at, "Invalid type. Expected: object.", "headers")
        return
    if len({name.lower() for name in value}) < len(value):
        yield about(at, "Header keys must be unique.", "headers")
    for name, text in value.items():
        if name.lower() in RESERVED:
            yield about(f"{at}.{name}", f"The header {name} is reserved.", "headers")
        elif not _HEADER_NAME.fullmatch(name):
            yield about(at, "Header keys must be ASCII, without spaces.", "headers")
        elif not isinstance(text, str):
            yield CRYPTIC
        elif not text.isascii() or _BREAKS.search(text):
            yield about(f"{at}.{name}", "Header values must be encoded, on one line.", "headers")


def check_texts(value: Any, at: str, topic: str) -> Iterator[RuleViolation]:
    """Yield the violations of a map of text to text, at most 10,000 bytes as JSON."""
    if not isinstance(value, dict):
        yield about(at, "Invalid type. Expected: object.", topic)
        return
    for text in value.values():
        if not isinstance(text, str):
            yield CRYPTIC
            return
    if len(value) > MAX_TEXTS or len(orjson.dumps(value)) > MAX_TEXTS:
        yield about(at, f"The {topic} may not be larger than {MAX_TEXTS:,} bytes.", topic)
