"""Signed links, each good for one purpose."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from enum import StrEnum
from hashlib import blake2b
from hmac import compare_digest

from subscribers.errors import BadToken

MIN_SECRET = 16  # characters
_MAC_BYTES = 15  # 120 bits; a multiple of three, so that base64 needs no padding


class Purpose(StrEnum):
    """What a link may do; a token for one purpose is worthless for another."""

    CONFIRM = "confirm"  #: prove that an address wants the newsletter
    UNSUBSCRIBE = "unsubscribe"  #: leave one newsletter
    PREFERENCES = "preferences"  #: see and change one's own standing


class Tokens:
    """Makes and reads tokens; the first secret signs, every one is accepted.

    A token is ``<mac><subject>``: 20 characters of base64url and the subject in base64url.
    Tokens carry no time and never expire by themselves (a mail's unsubscribe link must work for
    as long as the mail exists); a purpose that needs a limit puts the time into its subject.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets or any(len(secret) < MIN_SECRET for secret in secrets):
            raise ValueError(f"tokens need secrets of at least {MIN_SECRET} characters")
        self._secrets = tuple(secret.encode() for secret in secrets)

    def signer(self, purpose: Purpose) -> Callable[[str], str]:
        """Return the function that makes this purpose's tokens, about 2 µs each."""
        key = _derive(self._secrets[0], purpose)

        def sign(subject: str) -> str:
            raw = subject.encode()
            mac = blake2b(raw, key=key, digest_size=_MAC_BYTES).digest()
            return urlsafe_b64encode(mac + raw).decode().rstrip("=")

        return sign

    def sign(self, purpose: Purpose, subject: str) -> str:
        """Make one token."""
        return self.signer(purpose)(subject)

    def read(self, purpose: Purpose, token: str) -> str:
        """Return the subject of a token; raises `BadToken` unless it was made for *purpose*."""
        try:
            packed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except (UnicodeEncodeError, Base64Error, ValueError):
            raise BadToken from None
        mac, raw = packed[:_MAC_BYTES], packed[_MAC_BYTES:]
        good = False
        for secret in self._secrets:  # every key is tried, so that time tells nothing
            key = _derive(secret, purpose)
            good |= compare_digest(mac, blake2b(raw, key=key, digest_size=_MAC_BYTES).digest())
        if not good:
            raise BadToken
        return raw.decode()


def keyed_hash(secret: str, text: str) -> str:
    """Hash *text* so that only who has the secret can ask whether it is known; 32 hex digits."""
    key = blake2b(secret.encode(), person=b"suppression", digest_size=32).digest()
    return blake2b(text.encode(), key=key, digest_size=16).hexdigest()


def _derive(secret: bytes, purpose: Purpose) -> bytes:
    return blake2b(secret, person=purpose.value.encode()[:16], digest_size=32).digest()
