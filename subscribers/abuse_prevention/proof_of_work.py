"""The format of the proof of work: ALTCHA's challenges, made and checked without a store.

A challenge is the SHA-256 of a salt and a secret number; the browser finds the number by trying
every one. The salt holds the time the challenge expires, and an HMAC signs the challenge together
with its difficulty. Nothing is stored here: `rate_limits` sees to it that an answer counts once.
The protocol is the first version of ALTCHA (https://altcha.org).
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
MAX_PAYLOAD = 1_000  # characters; a longer payload is refused unread
_SALT = re.compile(r"[0-9a-f]{24}\?expires=([0-9]{1,12})&\Z", re.ASCII)


def _salt() -> str:
    return token_hex(12)


@dataclass(frozen=True, kw_only=True)
class ProofOfWork:
    """Make challenges and check their answers.

    The first secret signs; a signature under any of the secrets is accepted.
    """

    secrets: Sequence[str] = field(repr=False)
    most: int  #: the largest number; a browser tries some ten thousand a second
    number: Callable[[int], int] = field(default=randbelow, repr=False)
    salt: Callable[[], str] = field(default=_salt, repr=False)

    def challenge(self, until: datetime) -> dict[str, str | int]:
        """Return a challenge in ALTCHA's JSON fields that is valid until a moment."""
        # The closing "&" keeps a client from moving digits between salt and number.
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
        """Return the challenge a payload answers; the caller sees to it that it counts once.

        Raise `BadProof` where the answer is wrong, expired, unsigned or for another difficulty.
        """
        answer = _unpack(payload)
        salt, number, challenge = (answer.get(name) for name in ("salt", "number", "challenge"))
        match = _SALT.match(salt) if isinstance(salt, str) else None
        if match is None or type(number) is not int or not isinstance(challenge, str):
            raise BadProof
        if int(match[1]) < now.timestamp() or answer.get("algorithm") != ALGORITHM:
            raise BadProof
        if not 0 <= number <= self.most or not _same(challenge, _hash(match[0], number)):
            raise BadProof
        if not self._is_signed(challenge, answer.get("signature")):
            raise BadProof
        return challenge

    def _is_signed(self, challenge: str, signature: object) -> bool:
        good = False
        for secret in self.secrets:  # all are tried, so that the time reveals nothing
            good |= _same(signature, self._sign(secret, challenge))
        return good

    def _sign(self, secret: str, challenge: str) -> str:
        # The difficulty is signed too, so that an easier answer doesn't pass for a harder one.
        key = blake2b(secret.encode(), person=b"proof of work", digest_size=32).digest()
        return digest(key, f"{self.most}:{challenge}".encode(), "sha256").hex()


def _unpack(payload: str) -> Mapping[str, object]:
    if len(payload) > MAX_PAYLOAD:
        raise BadProof
    try:
        answer = json.loads(b64decode(payload, validate=True))
    except (Base64Error, ValueError, RecursionError):
        raise BadProof from None
    if not isinstance(answer, Mapping):
        raise BadProof
    return answer


def _hash(salt: str, number: int) -> str:
    return sha256(f"{salt}{number}".encode()).hexdigest()


def _same(received: object, right: str) -> bool:
    return isinstance(received, str) and received.isascii() and compare_digest(received, right)
