"""Tokens: signatures, purposes, key rotation, and hashes."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from timeit import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.errors import BadToken
from subscribers.tokens import Hashes, Purpose, Tokens

OLD, NEW = "an older secret that is long enough", "a newer secret that is long enough"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_token_gives_its_subject_back(purpose: Purpose) -> None:
    tokens = Tokens([NEW])
    assert tokens.read(purpose, tokens.sign(purpose, "17:weekly")) == "17:weekly"


@pytest.mark.parametrize("other", [other for other in Purpose if other is not Purpose.UNSUBSCRIBE])
def test_G07_a_token_is_worthless_for_another_purpose(other: Purpose) -> None:
    tokens = Tokens([NEW])
    token = tokens.sign(Purpose.UNSUBSCRIBE, "17:weekly")
    with pytest.raises(BadToken):
        tokens.read(other, token)


@pytest.mark.parametrize("subject", ["1:w", "17:weekly", "123:weekly"])
def test_G07_no_other_spelling_of_a_token_is_taken(subject: str) -> None:
    tokens = Tokens([NEW])
    token = tokens.sign(Purpose.CONFIRM, subject)
    others = [
        token[:at] + letter + token[at + 1 :]
        for at in range(len(token))
        for letter in ALPHABET
        if letter != token[at]
    ]
    others += [token + "=", token + "A", token[:-1], token + "\n", " " + token, token + "."]
    taken = [other for other in others if reads(tokens, other)]
    assert taken == []


def reads(tokens: Tokens, token: str) -> bool:
    try:
        tokens.read(Purpose.CONFIRM, token)
    except BadToken:
        return False
    return True


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_batch_s_tokens_give_their_subjects_back_in_order(purpose: Purpose) -> None:
    tokens = Tokens([NEW])
    subjects = ["", "9:w", "99:weekly", "100:weekly:89abcdef", "1:" + "w" * 200]
    made = [tokens.batch_signer(purpose)(subjects[:most]) for most in range(6)]
    assert [[tokens.read(purpose, each) for each in batch] for batch in made] == [
        subjects[:most] for most in range(6)
    ]


def test_G07_a_batch_s_tokens_are_worthless_for_another_purpose_or_secret() -> None:
    (token,) = Tokens([OLD]).batch_signer(Purpose.UNSUBSCRIBE)(["17:weekly"])
    assert Tokens([NEW, OLD]).read(Purpose.UNSUBSCRIBE, token) == "17:weekly"
    for other in [each for each in Purpose if each is not Purpose.UNSUBSCRIBE]:
        with pytest.raises(BadToken):
            Tokens([OLD]).read(other, token)
    with pytest.raises(BadToken):
        Tokens([NEW]).read(Purpose.UNSUBSCRIBE, token)


@pytest.mark.parametrize("subject", ["1:w", "1234567:weekly:89abcdef"])
def test_G07_no_other_spelling_of_a_batch_s_token_is_taken(subject: str) -> None:
    tokens = Tokens([NEW])
    (token,) = tokens.batch_signer(Purpose.CONFIRM)([subject])
    others = [
        token[:at] + letter + token[at + 1 :]
        for at in range(len(token))
        for letter in ALPHABET[::7]
        if letter != token[at]
    ]
    others += [token + "=", token + "AAAA", token[:-4], token[:-1], token + "\n", " " + token]
    assert [other for other in others if reads(tokens, other)] == []


def test_a_batch_s_tokens_show_nobody_what_they_are_about_and_differ_everywhere() -> None:
    subjects = [f"{number}:weekly:1795521150" for number in range(99, 103)]
    made = Tokens([NEW]).batch_signer(Purpose.UNSUBSCRIBE)(subjects)
    for token, subject in zip(made, subjects, strict=True):
        packed = urlsafe_b64decode(token)
        assert not any(part.encode() in packed for part in subject.split(":")[1:])
    first, second, *_ = made
    assert len({len(token) for token in made}) == 1
    assert sum(a == b for a, b in zip(first, second, strict=True)) < 8


#: Made by earlier versions: links that are in readers' mails for good.
GOLDEN = [
    (Purpose.UNSUBSCRIBE, "17:weekly", "x-_ZbeZ62RmKLZ2n48xuqPLyWbhmROL0"),
    (
        Purpose.PREFERENCES,
        "1234567:weekly:89abcdef",
        "NbtQkqyfP5mhMDSQuqAmdOG9teigfLi-wzR9zP2ihjULmyERiao",
    ),
    (Purpose.VOTE, "17:42:9:1795478400:", "r3QjXUtRXeUHW_vjyGJPQU3p-3i_r96cExirI8Myvll11w"),
    (Purpose.CONFIRM, "17:weekly:1795521150", "_zyCZlyMvw1In0HbYGODc_3j0Puj4DMIC5wLskvQ_--V_UU"),
    (Purpose.RETURN, "17:weekly:1795521150", "AI2EI2zsH_bYax2MADWsFMd2uucAzkVoCxjEFiZ_WPhO5VU"),
    (
        Purpose.DECLINE,
        "0123456789abcdef0123456789abcdef:17:0:weekly",
        "Cg0oNMivQR1cEZ-PR0PF6M96Rj2Tl_zC5PAgz-nlXb4g55U7yzsUEX4O6FfLB3ifnB07OhftRiJ8HJU",
    ),
    (Purpose.UNSUBSCRIBE, "17:weekly", "QDJ8QCex2xudaOJp5MR6SkzGPbqX8aU6nP2E"),
    (
        Purpose.PREFERENCES,
        "1234567:weekly:89abcdef",
        "_jQ6dXmmuO5olo24QZG5qdwWjRzt1r3Yct19O_7uIgolimjkROYr",
    ),
    (Purpose.VOTE, "17:42:9:1795478400:", "uNX0eYdB8vTHzfRYZjVZ3Q42cbCzjunfG0qJEz9mNJNSt-FL"),
]


@pytest.mark.parametrize(("purpose", "subject", "token"), GOLDEN)
def test_a_token_in_an_old_mail_still_works(purpose: Purpose, subject: str, token: str) -> None:
    assert Tokens([NEW, OLD]).read(purpose, token) == subject


@given(st.text(max_size=500))
def test_H02_any_text_is_a_token_of_ours_or_refused(text: str) -> None:
    assert not reads(Tokens([NEW]), text)


@pytest.mark.parametrize("subject", ["", "3:weekly", "1234567:weekly:1795521150", "9:" + "w" * 200])
def test_a_token_shows_nobody_what_it_is_about(subject: str) -> None:
    tokens = Tokens([NEW])
    token = tokens.sign(Purpose.UNSUBSCRIBE, subject)
    packed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert subject == "" or subject.encode() not in packed
    assert tokens.read(Purpose.UNSUBSCRIBE, token) == subject


def test_two_readers_links_differ_everywhere() -> None:
    tokens = Tokens([NEW])
    first, second = (tokens.sign(Purpose.UNSUBSCRIBE, f"{number}:weekly") for number in (3, 4))
    assert len(first) == len(second)
    assert sum(a == b for a, b in zip(first, second, strict=True)) < 8


def test_a_token_survives_the_rotation_of_keys() -> None:
    token = Tokens([OLD]).sign(Purpose.UNSUBSCRIBE, "17:weekly")
    assert Tokens([NEW, OLD]).read(Purpose.UNSUBSCRIBE, token) == "17:weekly"


def test_a_token_of_a_dropped_secret_is_refused() -> None:
    token = Tokens([OLD]).sign(Purpose.UNSUBSCRIBE, "17:weekly")
    with pytest.raises(BadToken):
        Tokens([NEW]).read(Purpose.UNSUBSCRIBE, token)


def test_short_secrets_are_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        Tokens(["short"])


def test_a_token_costs_microseconds() -> None:
    sign = Tokens([NEW]).signer(Purpose.UNSUBSCRIBE)
    best = min(timeit(lambda: sign("1234567:weekly"), number=2000) for _ in range(5)) / 2000
    assert best < 20e-6  # about 2 µs on an idle machine


def test_a_hash_is_known_under_every_secret() -> None:
    hashes = Hashes([NEW, OLD])
    assert hashes.first("a@example.com") == Hashes([NEW]).first("a@example.com")
    assert hashes.every("a@example.com")[1] == Hashes([OLD]).first("a@example.com")
