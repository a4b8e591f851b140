"""How links are signed and addresses hashed: BLAKE2b (RFC 7693) with a key for each purpose.

A token is encrypted in the manner of SIV (RFC 5297): the mask over the subject is derived from the
subject's MAC. The links of an issue are made for many readers at once, by `BatchCipher`.
"""

from __future__ import annotations

from base64 import b32decode, b32encode
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Sequence
from enum import StrEnum
from hashlib import blake2b
from hmac import compare_digest
from typing import Any

from subscribers.errors import BadToken
from subscribers.tokens.batch_cipher import BatchCipher

MIN_SECRET = 32  # characters
MAX_TOKEN = 400  # characters; a longer token is refused unread
_URL_SAFE, _PLAIN = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")
_MAC_BYTES = 15  # 120 bits; a multiple of three, so that base64 needs no padding
_SHORT_MAC_BYTES = 6  # 48 bits: a guess takes a mail for each try


class Purpose(StrEnum):
    """What a link may do; a token made for one purpose is refused for any other."""

    CONFIRM = "confirm"  #: confirm a sign-up
    UNSUBSCRIBE = "unsubscribe"  #: leave one newsletter
    RETURN = "return"  #: undo an unsubscription
    PREFERENCES = "preferences"  #: see and change one's own subscription
    CHANGE = "change"  #: confirm a change of address from the new one
    DECLINE = "decline"  #: say that one didn't ask for a letter
    FORM = "form"  #: send a sign-up form that was served here, not too fast
    VOTE = "vote"  #: vote on the tools of one comparison
    REVIEW = "review"  #: see an issue as one of its editors
    REVIEW_CODE = "review code"  #: make the digits of a code, which stand in no link


class Tokens:
    """Make and read tokens; the first secret signs, a token under any of the secrets is accepted.

    A token is ``<mac><subject>`` in base64url (RFC 4648, section 5): 20 characters of MAC, then the
    subject under a mask derived from the MAC, so that a link reveals no subscriber id. In one that
    was made with many others, the MAC has 16 bytes. A token
    carries no time and never expires by itself, since a mail's unsubscribe link must work for as
    long as the mail exists; a purpose that needs a limit puts the time into its subject. Raise
    `ValueError` for no secret, or one shorter than `MIN_SECRET`.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        _check(secrets)
        self._keys = {
            purpose: tuple(_Keys(secret, purpose.value) for secret in secrets)
            for purpose in Purpose
        }
        self._batch_ciphers = {
            purpose: tuple(BatchCipher(_derive(secret, f"batch {purpose}")) for secret in secrets)
            for purpose in Purpose
        }

    def batch_signer(self, purpose: Purpose) -> Callable[[Sequence[str]], list[str]]:
        """Return the function that makes a purpose's tokens from many subjects, all in ASCII."""
        return self._batch_ciphers[purpose][0].seal

    def signer(self, purpose: Purpose) -> Callable[[str], str]:
        """Return the function that makes a purpose's tokens from subjects, about 2 µs each."""
        keys = self._keys[purpose][0]

        def sign(subject: str) -> str:
            raw = subject.encode()
            mac = keys.mac(raw)
            packed = b2a_base64(mac + keys.masked(raw, mac), newline=False)
            return packed.translate(_URL_SAFE, b"=").decode()

        return sign

    def sign(self, purpose: Purpose, subject: str) -> str:
        """Return one token for a subject."""
        return self.signer(purpose)(subject)

    def read(self, purpose: Purpose, token: str) -> str:
        """Return the subject of a token; raise `BadToken` unless it was made for *purpose*."""
        packed = _unpack(token)
        mac, hidden = packed[:_MAC_BYTES], packed[_MAC_BYTES:]
        subject = None
        for keys in self._keys[purpose]:  # all are tried, so that the time doesn't tell which fits
            raw = keys.masked(hidden, mac)
            if compare_digest(mac, keys.mac(raw)):
                subject = raw
        # A form is posted more often than a link is opened, and AES under fresh keys costs 40 µs.
        for cipher in self._batch_ciphers[purpose] if subject is None else ():
            opened = cipher.open(packed)
            subject = opened if opened is not None else subject
        if subject is None:
            raise BadToken
        return subject.decode()


class MailTokens:
    """Make and read the tokens in the addresses that bounces come back to.

    They are like `Tokens`, but in base32 (RFC 4648, section 6) in lower case, since mail servers
    change the case of an address; and with a MAC of 48 bits, since a local part has 64 octets.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        _check(secrets)
        self._keys = tuple(_Keys(secret, "bounce", _SHORT_MAC_BYTES) for secret in secrets)

    def sign(self, subject: bytes) -> str:
        """Return the token for a subject."""
        mac = self._keys[0].mac(subject)
        packed = b32encode(mac + self._keys[0].masked(subject, mac))
        return packed.rstrip(b"=").lower().decode()

    def read(self, token: str) -> bytes:
        """Return the subject of a token, in any case of letters; raise `BadToken`."""
        try:
            packed = b32decode(token.upper().encode("ascii") + b"=" * (-len(token) % 8))
        except (UnicodeEncodeError, Base64Error):
            raise BadToken from None
        mac, hidden = packed[:_SHORT_MAC_BYTES], packed[_SHORT_MAC_BYTES:]
        for keys in self._keys:
            subject = keys.masked(hidden, mac)
            if compare_digest(mac, keys.mac(subject)):
                return subject
        raise BadToken


class _Keys:
    """One secret's two keys for one purpose: one for the MAC, one for the mask."""

    def __init__(self, secret: str, purpose: str, mac_bytes: int = _MAC_BYTES) -> None:
        self._mac = blake2b(key=_derive(secret, purpose), digest_size=mac_bytes)
        self._mask = blake2b(key=_derive(secret, f"mask {purpose}"))

    def mac(self, raw: bytes) -> bytes:
        """Return the MAC of a subject."""
        keyed = self._mac.copy()  # cheaper than hashing the key for each token
        keyed.update(raw)
        return keyed.digest()

    def masked(self, raw: bytes, mac: bytes) -> bytes:
        """Return a subject under the mask of its MAC, or a masked one as it was."""
        keyed = self._mask.copy()
        keyed.update(mac)
        mask = keyed.digest()
        size = len(raw)
        while len(mask) < size:  # only a very long newsletter slug passes 64 bytes
            keyed.update(mac)
            mask += keyed.digest()
        plain = int.from_bytes(raw, "big") ^ int.from_bytes(mask[:size], "big")
        return plain.to_bytes(size, "big")


class Hashes:
    """Keyed hashes of texts, by which an erased address is still recognised as suppressed.

    The first secret makes the hash that is stored. A look-up uses the hashes under every secret, so
    that rows written under an earlier one are still found.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        _check(secrets)
        self._keyed = tuple(
            blake2b(key=_derive(secret, "suppression"), digest_size=16) for secret in secrets
        )

    def first(self, text: str) -> str:
        """Return the hash to store; 32 hex digits, about 0.5 µs."""
        return _hex(self._keyed[0], text.encode())

    def every(self, text: str) -> list[str]:
        """Return the hash under each secret, the one to store first."""
        raw = text.encode()
        return [_hex(keyed, raw) for keyed in self._keyed]


def mark_of(secret: str) -> str:
    """Return the fingerprint of a secret: 32 hex digits that reveal nothing about it."""
    return _derive(secret, "known secret").hex()[:32]


def _hex(keyed: Any, raw: bytes) -> str:
    own = keyed.copy()  # cheaper than hashing the key for each text
    own.update(raw)
    digits: str = own.hexdigest()
    return digits


def _check(secrets: Sequence[str]) -> None:
    if not secrets or any(len(secret) < MIN_SECRET for secret in secrets):
        raise ValueError(f"secrets of at least {MIN_SECRET} characters are needed")


def _unpack(token: str) -> bytes:
    if len(token) > MAX_TOKEN:
        raise BadToken
    try:
        raw = token.encode("ascii")
        packed = a2b_base64(raw.translate(_PLAIN) + b"==")
    except (UnicodeEncodeError, Base64Error):
        raise BadToken from None
    # The decoder skips foreign characters and ignores spare bits; only one spelling is accepted.
    if b2a_base64(packed, newline=False).translate(_URL_SAFE, b"=") != raw:
        raise BadToken
    return packed


def _derive(secret: str, name: str) -> bytes:
    return blake2b(secret.encode(), person=name.encode()[:16], digest_size=32).digest()
