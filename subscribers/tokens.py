"""Signed links, each good for one purpose, and keyed hashes of addresses."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from enum import StrEnum
from hashlib import blake2b
from hmac import compare_digest

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
