"""Proof of work by the ALTCHA protocol: which solutions are accepted."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from subscribers.abuse_prevention.proof_of_work import ProofOfWork
from subscribers.errors import BadProof

SECRET = "a secret for these tests, long enough"
HOUR = timedelta(hours=1)


def proof(*secrets: str, number: int = 321) -> ProofOfWork:
    return ProofOfWork(
        secrets=secrets or (SECRET,), most=500, number=lambda _: number, salt=lambda: "0f" * 12
    )


def solve(challenge: dict[str, Any], changed: Mapping[str, object] | None = None) -> str:
    """Answer a challenge as ALTCHA's own widget does."""
    salt = challenge["salt"]
    number = next(
        number
        for number in range(challenge["maxnumber"] + 1)
        if sha256(f"{salt}{number}".encode()).hexdigest() == challenge["challenge"]
    )
    names = ("algorithm", "challenge", "salt", "signature")
    answer = {name: challenge[name] for name in names} | {"number": number} | dict(changed or {})
    return b64encode(json.dumps(answer).encode()).decode()


def test_who_finds_the_number_is_let_in(now: datetime) -> None:
    challenge = proof().challenge(now + HOUR)
    assert proof().check(solve(challenge), now) == challenge["challenge"]


def test_a_challenge_has_the_parts_the_protocol_names(now: datetime) -> None:
    challenge = proof().challenge(now + HOUR)
    assert list(challenge) == ["algorithm", "challenge", "salt", "maxnumber", "signature"]
    assert challenge["salt"] == f"{'0f' * 12}?expires={int((now + HOUR).timestamp())}&"


def test_the_number_itself_is_nowhere_in_a_challenge(now: datetime) -> None:
    assert "321" not in json.dumps(proof(number=321).challenge(now + HOUR) | {"salt": ""})[:60]


def test_two_challenges_are_never_the_same(now: datetime) -> None:
    made = ProofOfWork(secrets=[SECRET], most=500)
    assert len({made.challenge(now + HOUR)["challenge"] for _ in range(50)}) == 50


@pytest.mark.parametrize(
    "changed",
    [
        {"number": 320},
        {"number": "321"},
        {"number": True},
        {"number": -1},
        {"number": 10**200},
        {"algorithm": "SHA-1"},
        {"challenge": "0" * 64},
        {"challenge": None},
        {"signature": "0" * 64},
        {"signature": "é"},
        {"signature": None},
        {"salt": "0f" * 12},
        {"salt": 7},
    ],
)
def test_an_answer_with_one_part_changed_is_refused(
    now: datetime, changed: dict[str, object]
) -> None:
    with pytest.raises(BadProof):
        proof().check(solve(proof().challenge(now + HOUR), changed), now)


DEEP = b64encode(b"[" * 600).decode()


@pytest.mark.parametrize(
    "payload", ["", "none", "e30=", "W10=", "bnVsbA==", "////", "é", "a" * 2000, DEEP]
)
def test_what_is_no_answer_at_all_is_refused(now: datetime, payload: str) -> None:
    with pytest.raises(BadProof):
        proof().check(payload, now)


def test_an_answer_comes_too_late_when_the_challenge_has_run_out(now: datetime) -> None:
    answer = solve(proof().challenge(now + HOUR))
    assert proof().check(answer, now + HOUR)
    with pytest.raises(BadProof):
        proof().check(answer, now + HOUR + timedelta(seconds=1))


def test_digits_moved_from_number_to_moment_make_no_longer_challenge(now: datetime) -> None:
    answer = json.loads(b64decode(solve(proof().challenge(now + HOUR))))
    salt = answer["salt"].removesuffix("&")
    moved = {**answer, "salt": f"{salt}3&", "number": 21}
    with pytest.raises(BadProof):
        proof().check(b64encode(json.dumps(moved).encode()).decode(), now)


def test_a_challenge_of_an_earlier_secret_holds_and_a_stranger_s_does_not(now: datetime) -> None:
    answer = solve(proof("an earlier secret, long enough").challenge(now + HOUR))
    assert proof(SECRET, "an earlier secret, long enough").check(answer, now)
    with pytest.raises(BadProof):
        proof(SECRET).check(answer, now)


def test_no_secret_is_in_the_repr() -> None:
    assert SECRET not in repr(proof())
