"""What an answer comes to, and how long is waited."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from digest.webhooks.webhook_retries import (
    GIVE_UP,
    LONGEST_ASKED,
    PAUSES,
    pause_after,
    rest_after,
    result_of,
)


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_every_status_of_success_is_a_delivery(status: int, now: datetime) -> None:
    assert result_of(status, {}, now).delivered


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (302, "it answered 302 Found, and redirects aren't followed"),
        (400, "it answered 400 Bad Request"),
        (500, "it answered 500 Internal Server Error"),
        (599, "it answered 599"),
    ],
)
def test_every_other_status_is_told_in_words(status: int, said: str, now: datetime) -> None:
    result = result_of(status, {}, now)
    assert (result.delivered, result.gone, result.said) == (False, False, said)


def test_gone_is_gone(now: datetime) -> None:
    assert result_of(410, {}, now).gone


@pytest.mark.parametrize(
    ("header", "rest"),
    [
        ("120", timedelta(minutes=2)),
        ("Tue, 24 Nov 2026 09:10:00 GMT", timedelta(minutes=10)),
        ("Tue, 24 Nov 2026 08:10:00 GMT", timedelta()),
        ("9" * 50, LONGEST_ASKED),
        ("²", None),
        ("soon", None),
        ("", None),
    ],
)
def test_an_endpoint_may_ask_for_a_rest(header: str, rest: timedelta | None, now: datetime) -> None:
    assert result_of(429, {"retry-after": header}, now).rest == rest
    assert result_of(500, {"retry-after": header}, now).rest is None


def test_the_pauses_grow_and_together_last_longer_than_a_message_is_tried_for() -> None:
    pauses = [pause_after(tries, lambda: 0.5) for tries in range(1, 20)]
    assert pauses == sorted(pauses)
    assert sum(PAUSES, timedelta()) > GIVE_UP


def test_a_pause_is_a_tenth_shorter_or_longer_by_chance() -> None:
    assert pause_after(2, lambda: 0.0) == timedelta(minutes=4.5)
    assert pause_after(2, lambda: 1.0) == timedelta(minutes=5.5)


def test_an_endpoint_rests_after_three_failures_for_up_to_an_hour() -> None:
    minutes = [rest_after(failures, None) for failures in (1, 2, 3, 4, 5, 60)]
    expected = [None, None, *(timedelta(minutes=each) for each in (1, 2, 4, 60))]
    assert minutes == expected
    assert rest_after(1, timedelta(hours=2)) == rest_after(5, timedelta(hours=2))
