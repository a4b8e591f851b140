"""A small sum that a browser does before it signs somebody up: ALTCHA's protocol, self-hosted.

A challenge is the SHA-256 of a salt and a number nobody is told; whoever asks has to find the
number by trying. What the challenge was made for and how long it holds is in the salt, and our
signature is over the whole. Nothing is stored: that an answer counts once is for who counts.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b, sha256
from hmac import compare_digest, digest
from secrets import randbelow, token_hex

from subscribers.errors import BadProof

ALGORITHM = "SHA-256"
MAX_PAYLOAD = 1_000  # characters; longer ones aren't looked at
_SALT = re.compile(r"[0-9a-f]{24}\?expires=([0-9]{1,12})&\Z", re.ASCII)


def _salt() -> str:
    return token_hex(12)


@dataclass(frozen=True, kw_only=True)
class ProofOfWork:
    """Makes challenges and checks their answers; the first secret signs, every one is accepted."""

    secrets: Sequence[str] = field(repr=False)
    most: int  #: the numbers tried at the most; a browser does some ten thousand a second
    number: Callable[[int], int] = field(default=randbelow, repr=False)
    salt: Callable[[], str] = field(default=_salt, repr=False)

    def challenge(self, until: datetime) -> dict[str, str | int]:
        """Return a challenge in ALTCHA's words, good until that moment."""
        # The sign at the end keeps digits from being moved between salt and number.
        salt = f"{self.salt()}?expires={int(until.timestamp())}&"
        challenge = _hash(salt, self.number(self.most + 1))
        return {
            "algorithm": ALGORITHM,
            "challenge": challenge,
            "salt": salt,
            "maxnumber": self.most,
            "signature": self._sign(self.secrets[0], challenge),
        }

    def check(self, payload: str, now: datetime) -> str:
        """Return the challenge that was answered, to be spent once; raises `BadProof`."""
        facts = _unpack(payload)
        salt, number, challenge = facts.get("salt"), facts.get("number"), facts.get("challenge")
        found = _SALT.match(salt) if isinstance(salt, str) else None
        if found is None or type(number) is not int or not isinstance(challenge, str):
            raise BadProof
        if int(found[1]) < now.timestamp() or facts.get("algorithm") != ALGORITHM:
            raise BadProof
        if not 0 <= number <= self.most or not _same(challenge, _hash(found[0], number)):
            raise BadProof
        if not self._ours(challenge, facts.get("signature")):
            raise BadProof
        return challenge

    def _ours(self, challenge: str, signature: object) -> bool:
        good = False
        for secret in self.secrets:  # every one is tried, so that time tells nothing
            good |= _same(signature, self._sign(secret, challenge))
        return good

    def _sign(self, secret: str, challenge: str) -> str:
        # How much there is to try is signed as well: an easier answer is no answer to a harder one.
        key = blake2b(secret.encode(), person=b"proof of work", digest_size=32).digest()
        return digest(key, f"{self.most}:{challenge}".encode(), "sha256").hex()


def _unpack(payload: str) -> Mapping[str, object]:
    if len(payload) > MAX_PAYLOAD:
        raise BadProof
    try:
        facts = json.loads(b64decode(payload, validate=True))
    except (Base64Error, ValueError, RecursionError):
        raise BadProof from None
    if not isinstance(facts, Mapping):
        raise BadProof
    return facts


def _hash(salt: str, number: int) -> str:
    return sha256(f"{salt}{number}".encode()).hexdigest()


def _same(given: object, right: str) -> bool:
    return isinstance(given, str) and given.isascii() and compare_digest(given, right)
