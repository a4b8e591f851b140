"""Return paths and Message-IDs: the ids they carry, their length, and that nobody makes one up."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.mail.smtp.return_path import (
    ReturnPaths,
    message_id,
    return_path,
    tokens_in,
)
from digest.settings import MAX_BOUNCE_LOCAL
from subscribers.address import parse
from subscribers.errors import BadToken
from subscribers.models import READERS_LETTERS
from subscribers.tokens import Hashes, MailTokens

OLD, NEW = "an older secret that is long enough", "a newer secret that is long enough"
READER = "Ada.Reader@Example.org"
ATTEMPT = "0123456789abcdef0123456789abcdef"


def paths(*secrets: str) -> ReturnPaths:
    listed = secrets or (NEW,)
    return ReturnPaths(tokens=MailTokens(listed), hashes=Hashes(listed))


def token(delivery: str = "17", attempt: str = ATTEMPT, **by: ReturnPaths) -> str:
    return by.get("by", paths()).token(attempt=attempt, delivery=delivery, address=READER)


@given(st.integers(0, 2**60), st.uuids())
def test_a_token_gives_attempt_and_delivery_back(delivery: int, attempt: object) -> None:
    key = str(attempt).replace("-", "")
    origin = paths().read(token(str(delivery), key))
    assert (origin.delivery, origin.attempt) == (str(delivery), key)


@pytest.mark.parametrize("kind", READERS_LETTERS)
def test_a_letter_s_token_gives_its_name_back(kind: str) -> None:
    name = f"{kind}-{uuid4().hex}"
    origin = paths().read(token(name, ""))
    assert (origin.delivery, origin.attempt) == (name, None)


@pytest.mark.parametrize("name", ["test", "setup", "editor-code-123", "editor-12-reminder-2"])
def test_the_token_of_any_other_mail_gives_the_beginning_of_its_name(name: str) -> None:
    assert paths().read(token(name, "")).delivery == name[:16]


def test_a_mail_server_that_changes_the_case_loses_nothing() -> None:
    assert paths().read(token().upper()) == paths().read(token())


def test_the_longest_address_has_64_octets_before_the_at_sign() -> None:
    longest = token(str(2**39 - 1))
    local = return_path("b" * MAX_BOUNCE_LOCAL + "@news.example", longest).partition("@")[0]
    assert len(local) <= 64


def test_a_return_path_and_a_message_id_are_addresses() -> None:
    address = return_path("bounces@news.example.com", token())
    assert parse(address).text == address
    assert message_id(token(), "news.example.com") == f"<{token()}@news.example.com>"


@pytest.mark.parametrize(
    "text",
    [
        f"To: <bounces+{token()}@news.example>",
        f"Message-ID: <{token()}@news.example>",
        f"Final-Recipient: rfc822;me+bounces+{token().upper()}@NEWS.EXAMPLE",
        f"RCPT TO:<bounces+{token()}@news.example>: 550 no",
    ],
)
def test_a_token_is_found_wherever_an_address_stands(text: str) -> None:
    assert list(tokens_in(text)) == [token()]


def test_a_token_names_nobody_and_knows_its_reader() -> None:
    origin = paths().read(token())
    assert "ada" not in token()
    assert paths().is_to(origin, "ada.reader@example.ORG")
    assert not paths().is_to(origin, "eve@example.org")


def test_an_earlier_secret_reads_and_a_leaked_one_does_not() -> None:
    old = token(by=paths(OLD))
    assert paths(NEW, OLD).read(old).delivery == "17"
    assert paths(NEW, OLD).is_to(paths(NEW, OLD).read(old), READER)
    with pytest.raises(BadToken):
        paths(NEW).read(old)


def test_no_token_with_one_character_changed_is_taken() -> None:
    good, taken = token(), []
    for at in range(len(good)):
        for letter in "abcdefghijklmnopqrstuvwxyz234567":
            other = good[:at] + letter + good[at + 1 :]
            if other != good and is_read(other):
                taken.append(other)
    assert [other for other in taken if paths().read(other) != paths().read(good)] == []


@given(st.text(max_size=200))
def test_any_text_is_a_token_of_ours_or_refused(text: str) -> None:
    assert not is_read(text)
    assert not any(is_read(found) for found in tokens_in(text))


def is_read(text: str) -> bool:
    try:
        paths().read(text)
    except BadToken:
        return False
    return True
