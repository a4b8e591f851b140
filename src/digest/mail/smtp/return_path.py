"""Hides how the address that bounces come back to, and the Message-ID, carry our ids.

A bounce reaches the address its mail was sent from, so each mail has one of its own (VERP):
``bounces+TOKEN@news.example``. The token names the attempt and the delivery, and is signed, so a
bounce that somebody made up is told from a real one. The Message-ID carries the same token, for
answers that come back to another address. No reader's address stands in either, only four bytes of
its keyed hash, by which an address that a bounce names is known for the one that was written to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from subscribers.address import parse
from subscribers.errors import BadAddress, BadToken
from subscribers.models import LetterKind
from subscribers.tokens import Hashes, MailTokens

_ID_BYTES, _MARK_BYTES = 16, 4
_SHORTEST, _LONGEST = 44, 60  #: characters of a token
_TOKEN = re.compile(rf"(?<![A-Za-z0-9])([A-Za-z2-7]{{{_SHORTEST},{_LONGEST}}})@")
_KEY = re.compile(r"[0-9a-f]{32}")
#: Numbers of the letters to readers in a token; a number never changes, and 0 is any other mail.
_LETTERS = {
    LetterKind.CONFIRM: 1,
    LetterKind.ALREADY: 2,
    LetterKind.WELCOME: 3,
    LetterKind.CHANGE: 4,
    LetterKind.MOVED: 5,
    LetterKind.VOTE: 6,
    LetterKind.VERDICT_CHANGED: 7,
}
_KINDS = {number: kind for kind, number in _LETTERS.items()}


class MailOrigin(NamedTuple):
    """What a token says of its mail."""

    delivery: str  #: as in `Recipient.delivery`; of mail to nobody's delivery, 16 characters of it
    attempt: str | None  #: ``None`` for a letter
    mark: str = ""  #: of the address the mail was sent to


@dataclass(frozen=True, kw_only=True)
class ReturnPaths:
    """Makes and reads the return paths and Message-IDs of one installation's mail."""

    tokens: MailTokens = field(repr=False)
    hashes: Hashes = field(repr=False)

    def token(self, *, attempt: str, delivery: str, address: str) -> str:
        """Return a mail's token; *attempt* is empty for a letter. It takes some microseconds."""
        mark = bytes.fromhex(self._mark(address))
        return self.tokens.sign(_packed(attempt, delivery) + mark)

    def read(self, token: str) -> MailOrigin:
        """Return what a token says; raise `BadToken` unless it is one of ours."""
        subject = self.tokens.read(token)
        ids, mark = subject[:-_MARK_BYTES], subject[-_MARK_BYTES:]
        if len(ids) <= _ID_BYTES:
            raise BadToken
        return _unpacked(ids)._replace(mark=mark.hex())

    def is_to(self, origin: MailOrigin, address: str) -> bool:
        """Return whether a mail was sent to this address."""
        marks = {found[: 2 * _MARK_BYTES] for found in self.hashes.every(_compared(address))}
        return origin.mark in marks

    def _mark(self, address: str) -> str:
        return self.hashes.first(_compared(address))[: 2 * _MARK_BYTES]


def return_path(base: str, token: str) -> str:
    """Return the address that bounces of one mail come back to, given the installation's *base*."""
    local, _, domain = base.rpartition("@")
    return f"{local}+{token}@{domain}"


def message_id(token: str, domain: str) -> str:
    """Return a mail's Message-ID (RFC 5322, section 3.6.4), with its angle brackets."""
    return f"<{token}@{domain}>"


def tokens_in(text: str) -> Iterator[str]:
    """Yield what may be tokens in a text, in lower case, in the order in which they stand."""
    for match in _TOKEN.finditer(text):
        yield match[1].lower()


def _packed(attempt: str, delivery: str) -> bytes:
    """Return 16 bytes of an id, and a number: even for a delivery, odd for other mail."""
    if _KEY.fullmatch(attempt) and delivery.isdecimal():
        return bytes.fromhex(attempt) + _number(int(delivery) << 1)
    for kind, number in _LETTERS.items():
        key = delivery.removeprefix(f"{kind}-")
        if key != delivery and _KEY.fullmatch(key):
            return bytes.fromhex(key) + _number(number << 1 | 1)
    name = delivery.encode("ascii", "replace")[:_ID_BYTES]
    return name.ljust(_ID_BYTES, b"\0") + _number(1)


def _unpacked(ids: bytes) -> MailOrigin:
    key, number = ids[:_ID_BYTES], int.from_bytes(ids[_ID_BYTES:], "big")
    if not number & 1:
        return MailOrigin(str(number >> 1), key.hex())
    kind = _KINDS.get(number >> 1)
    if kind is not None:
        return MailOrigin(f"{kind}-{key.hex()}", None)
    return MailOrigin(key.rstrip(b"\0").decode("ascii", "replace"), None)


def _number(number: int) -> bytes:
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


def _compared(address: str) -> str:
    with suppress(BadAddress):
        return parse(address).key
    return address.lower()
