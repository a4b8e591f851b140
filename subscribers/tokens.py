"""Signed links, each good for one purpose, and keyed hashes of addresses."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import blake2b
from hmac import compare_digest
from typing import NamedTuple
from zlib import crc32

from subscribers.errors import BadToken

MIN_SECRET = 32  # characters
MAX_TOKEN = 400  # characters; longer ones aren't ours and aren't looked at
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_MAC_BYTES = 15  # 120 bits; a multiple of three, so that base64 needs no padding


class Purpose(StrEnum):
    """What a link may do; a token for one purpose is worthless for another."""

    CONFIRM = "confirm"  #: prove that an address wants the newsletter
    UNSUBSCRIBE = "unsubscribe"  #: leave one newsletter
    RETURN = "return"  #: take back having just left
    PREFERENCES = "preferences"  #: see and change one's own standing
    CHANGE = "change"  #: prove that the new address wants to take over
    DECLINE = "decline"  #: say that one didn't ask for a letter
    FORM = "form"  #: fill in a sign-up form that came from here, not too fast


class Tokens:
    """Makes and reads tokens; the first secret signs, every one is accepted.

    A token is ``<mac><subject>``: 20 characters of base64url, and in base64url the subject, hidden
    under a mask that follows from the mac: nobody reads from a link how many readers there are.
    Tokens carry no time and never expire by themselves (a mail's unsubscribe link must work for
    as long as the mail exists); a purpose that needs a limit puts the time into its subject.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        _check(secrets)
        self._keys = {
            purpose: tuple(_Keys(secret, purpose) for secret in secrets) for purpose in Purpose
        }

    def signer(self, purpose: Purpose) -> Callable[[str], str]:
        """Return the function that makes this purpose's tokens, about 2 µs each."""
        keys = self._keys[purpose][0]

        def sign(subject: str) -> str:
            raw = subject.encode()
            mac = keys.mac(raw)
            packed = b2a_base64(mac + keys.masked(raw, mac), newline=False)
            return packed.translate(_URL_SAFE, b"=").decode()

        return sign

    def sign(self, purpose: Purpose, subject: str) -> str:
        """Make one token."""
        return self.signer(purpose)(subject)

    def read(self, purpose: Purpose, token: str) -> str:
        """Return the subject of a token; raises `BadToken` unless it was made for *purpose*."""
        packed = _unpack(token)
        mac, hidden = packed[:_MAC_BYTES], packed[_MAC_BYTES:]
        found = None
        for keys in self._keys[purpose]:  # every one is tried, so that time tells nothing
            raw = keys.masked(hidden, mac)
            if compare_digest(mac, keys.mac(raw)):
                found = raw
        if found is None:
            raise BadToken
        return found.decode()


class _Keys:
    """One secret's two keys for one purpose: one signs, the other hides (SIV)."""

    def __init__(self, secret: str, purpose: Purpose) -> None:
        self._mac = blake2b(key=_derive(secret, purpose.value), digest_size=_MAC_BYTES)
        self._mask = blake2b(key=_derive(secret, f"mask {purpose.value}"))

    def mac(self, raw: bytes) -> bytes:
        """Return the signature of a subject."""
        keyed = self._mac.copy()  # cheaper than taking the key in anew for each reader
        keyed.update(raw)
        return keyed.digest()

    def masked(self, raw: bytes, mac: bytes) -> bytes:
        """Hide a subject, or show it again."""
        keyed = self._mask.copy()
        keyed.update(mac)
        mask = keyed.digest()
        size = len(raw)
        while len(mask) < size:  # only a very long name needs more than 64 bytes
            keyed.update(mac)
            mask += keyed.digest()
        plain = int.from_bytes(raw, "big") ^ int.from_bytes(mask[:size], "big")
        return plain.to_bytes(size, "big")


class Hashes:
    """Keyed hashes of texts, by which a suppressed address is known after it has been erased.

    The first secret makes the hash that is stored; a look-up asks for every one, so that a new
    secret doesn't forget whom the earlier ones knew.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        _check(secrets)
        self._keys = tuple(_derive(secret, "suppression") for secret in secrets)

    def first(self, text: str) -> str:
        """Return the hash to store; 32 hex digits, about 1 µs."""
        return blake2b(text.encode(), key=self._keys[0], digest_size=16).hexdigest()

    def every(self, text: str) -> list[str]:
        """Return the hash under each secret, the one to store first."""
        raw = text.encode()
        return [blake2b(raw, key=key, digest_size=16).hexdigest() for key in self._keys]


def mark_of(secret: str) -> str:
    """Return what a secret is recognised by; 32 hex digits that tell nothing of it."""
    return _derive(secret, "known secret").hex()[:32]


def _check(secrets: Sequence[str]) -> None:
    if not secrets or any(len(secret) < MIN_SECRET for secret in secrets):
        raise ValueError(f"secrets of at least {MIN_SECRET} characters are needed")


def _unpack(token: str) -> bytes:
    if len(token) > MAX_TOKEN:
        raise BadToken
    try:
        packed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (UnicodeEncodeError, Base64Error, ValueError):
        raise BadToken from None
    # The decoder skips foreign characters and ignores spare bits: only one spelling is ours.
    if urlsafe_b64encode(packed).decode().rstrip("=") != token:
        raise BadToken
    return packed


def _derive(secret: str, name: str) -> bytes:
    return blake2b(secret.encode(), person=name.encode()[:16], digest_size=32).digest()


class LinkTarget(NamedTuple):
    """A reader and a newsletter."""

    subscriber_id: int
    newsletter: str


class DatedTarget(NamedTuple):
    """A reader, a newsletter, and the moment the link was made for."""

    subscriber_id: int
    newsletter: str
    at: datetime


class Unasked(NamedTuple):
    """A letter that its reader may not have asked for, by what it was caused by."""

    mailbox: str  #: the keyed hash by which the mailbox is known
    newsletter: str
    subscriber_id: int = 0  #: who signed up; 0 where it was a wish to move there
    change_id: int = 0  #: that wish


@dataclass(frozen=True)
class Links:
    """Makes links and reads the tokens in them; every reading raises `BadToken`."""

    base_url: str
    tokens: Tokens = field(repr=False)

    def unsubscribe(self, who: LinkTarget) -> str:
        """Return where a reader leaves a newsletter, by page or by one click."""
        return f"{self.base_url}/u/{self.tokens.sign(Purpose.UNSUBSCRIBE, _pair(who))}"

    def preferences(self, who: LinkTarget, address: str) -> str:
        """Return where a reader sees and changes their own standing, as long as it's at *address*.

        Old mails stay behind in a mailbox that somebody moved away from.
        """
        subject = own_page(who.subscriber_id, who.newsletter, address)
        return f"{self.base_url}/p/{self.tokens.sign(Purpose.PREFERENCES, subject)}"

    def confirm(self, asked: DatedTarget) -> str:
        """Return where a sign-up is confirmed."""
        return f"{self.base_url}/c/{self.tokens.sign(Purpose.CONFIRM, _triple(asked))}"

    def sign_up(self, newsletter: str) -> str:
        """Return where anybody signs up."""
        return f"{self.base_url}/subscribe?newsletter={newsletter}"

    def change(self, change_id: int, at: datetime) -> str:
        """Return where a new address is confirmed, from the new one."""
        subject = f"{change_id}:{int(at.timestamp())}"
        return f"{self.base_url}/a/{self.tokens.sign(Purpose.CHANGE, subject)}"

    def decline(self, unasked: Unasked) -> str:
        """Return where whoever got a letter says that they didn't ask for it."""
        mailbox, newsletter, number, change = unasked
        subject = f"{mailbox}:{number}:{change}:{newsletter}"
        return f"{self.base_url}/n/{self.tokens.sign(Purpose.DECLINE, subject)}"

    def returning(self, asked: DatedTarget) -> str:
        """Return the token by which a reader takes back having left at that moment."""
        return self.tokens.sign(Purpose.RETURN, _triple(asked))

    def read_unsubscribe(self, token: str) -> LinkTarget:
        """Tell who leaves what."""
        return _read_pair(self.tokens.read(Purpose.UNSUBSCRIBE, token))

    def read_preferences(self, token: str) -> tuple[LinkTarget, str]:
        """Tell whose preferences these are, and the mark of the address they were mailed to."""
        pair, _, mark = self.tokens.read(Purpose.PREFERENCES, token).rpartition(":")
        return _read_pair(pair), mark

    def read_confirm(self, token: str) -> DatedTarget:
        """Tell who confirms what, and when they asked."""
        return _read_triple(self.tokens.read(Purpose.CONFIRM, token))

    def read_returning(self, token: str) -> DatedTarget:
        """Tell who takes back having left what, and when they left."""
        return _read_triple(self.tokens.read(Purpose.RETURN, token))

    def read_decline(self, token: str) -> Unasked:
        """Tell which letter wasn't asked for."""
        subject = self.tokens.read(Purpose.DECLINE, token)
        mailbox, number, change, newsletter = subject.split(":", 3)
        return Unasked(mailbox, newsletter, int(number), int(change))

    def read_change(self, token: str) -> tuple[int, datetime]:
        """Tell which change of address this confirms, and when it was asked for."""
        number, _, at = self.tokens.read(Purpose.CHANGE, token).partition(":")
        return int(number), _moment(at)


def own_page(subscriber_id: int, newsletter: str, address: str) -> str:
    """Return the subject of a token for a reader's own page; about 0.3 µs."""
    return f"{subscriber_id}:{newsletter}:{address_mark(address)}"


def address_mark(address: str) -> str:
    """Tell addresses of one reader apart; no secret, and a token hides it anyway."""
    return f"{crc32(address.encode()):08x}"


def _pair(who: LinkTarget) -> str:
    return f"{who.subscriber_id}:{who.newsletter}"


def _triple(asked: DatedTarget) -> str:
    return f"{asked.subscriber_id}:{asked.newsletter}:{int(asked.at.timestamp())}"


def _read_pair(subject: str) -> LinkTarget:
    number, _, newsletter = subject.partition(":")
    if not number.isdecimal() or not newsletter:
        raise BadToken
    return LinkTarget(int(number), newsletter)


def _read_triple(subject: str) -> DatedTarget:
    pair, _, at = subject.rpartition(":")
    return DatedTarget(*_read_pair(pair), _moment(at))


def _moment(seconds: str) -> datetime:
    if not seconds.isdecimal():
        raise BadToken
    return datetime.fromtimestamp(int(seconds), UTC)
