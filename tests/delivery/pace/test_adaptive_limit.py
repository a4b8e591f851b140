"""The number of requests under way: when it grows, and when it is halved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.pace import AdaptiveLimit
from digest.delivery.pace.adaptive_limit import REST
from digest.mail.transport import Accepted, Answer, Halted, InDoubt, Mixed, NotSent, Refused

SLOW_DOWN = NotSent(status=429, detail="slow down", wait=1.0, counts=False)
NO_TURN = NotSent(detail="its turn didn't come", wait=0.0, counts=False)
GREYLISTED = NotSent(status=451, detail="later", about_recipient=True)


class Clocked:
    """A limit, and the rounds of requests that it lets go one after the other."""

    def __init__(self, most: int) -> None:
        self.limit = AdaptiveLimit(most, now=0.0)
        self.now = 0.0

    def round(self, *answers: Answer, seconds: float = 0.3) -> int:
        """Answer as many requests as may go, the first with *answers*; return how many may then."""
        began, requests = self.now, self.limit.requests
        self.now += seconds
        for answer in [*answers, *[Accepted()] * (requests - len(answers))]:
            self.limit.note(answer, began=began, ended=self.now)
        return self.limit.requests


@pytest.mark.parametrize(
    ("most", "grows"), [(1, [1, 1, 1]), (2, [2, 2, 2]), (8, [4, 8, 8]), (11, [4, 8, 11, 11])]
)
def test_each_round_doubles_the_requests_up_to_the_limit_that_was_set(
    most: int, grows: list[int]
) -> None:
    sends = Clocked(most)
    assert [sends.round() for _ in grows] == grows


@pytest.mark.parametrize(
    "answer",
    [
        SLOW_DOWN,
        InDoubt(status=503, detail="the provider answered 503"),
        InDoubt(detail="no answer to the request (TimeoutError)"),
        NotSent(detail="no connection (TimeoutError)"),
        Mixed(answers=[Accepted(), NotSent(status=421, detail="too many connections")]),
    ],
)
def test_an_answer_that_asks_for_less_halves_the_requests(answer: Answer) -> None:
    sends = Clocked(8)
    assert [sends.round() for _ in range(2)] == [4, 8]
    assert sends.round(answer) == 4
    assert [sends.round(answer) for _ in range(4)] == [2, 1, 1, 1]  # never none
    assert [sends.round() for _ in range(8)] == [2, 3, 4, 5, 6, 7, 8, 8]  # one at a time


@pytest.mark.parametrize(
    "answer",
    [
        Refused(status=400, detail="an address"),
        Halted(status=401, detail="the key"),
        NO_TURN,
        Mixed(answers=[Accepted(), GREYLISTED, NO_TURN]),
    ],
)
def test_an_answer_about_something_else_halves_nothing(answer: Answer) -> None:
    assert Clocked(8).round(answer) == 4


def test_a_round_of_refusals_halves_the_requests_once() -> None:
    sends = Clocked(16)
    assert [sends.round() for _ in range(3)] == [4, 8, 16]
    assert sends.round(*[SLOW_DOWN] * 16) == 8


def test_what_was_under_way_when_it_was_halved_says_nothing_of_the_limit_since() -> None:
    limit = AdaptiveLimit(8, now=0.0)
    limit.note(SLOW_DOWN, began=0.0, ended=1.0)
    for _ in range(9):
        limit.note(Accepted(), began=0.5, ended=2.0)
    limit.note(SLOW_DOWN, began=0.9, ended=2.0)
    assert limit.requests == 1
    limit.note(Accepted(), began=2.0, ended=3.0)
    assert limit.requests == 2


def test_a_step_that_brings_nothing_is_taken_back_and_tried_again_later() -> None:
    """With twice as many requests each takes twice as long, until the provider is faster."""
    sends = Clocked(8)
    assert (sends.round(seconds=0.1), sends.round(seconds=0.2)) == (4, 2)
    assert [sends.round(seconds=0.1) for _ in range(REST)] == [2] * REST
    assert [sends.round(seconds=0.1) for _ in range(3)] == [4, 8, 8]


def test_a_step_that_brings_half_of_what_it_promises_is_kept() -> None:
    sends = Clocked(8)
    assert (sends.round(seconds=0.1), sends.round(seconds=0.13)) == (4, 8)


def test_a_provider_that_becomes_slower_takes_no_more_than_one_step_back() -> None:
    sends = Clocked(8)
    assert [sends.round(seconds=0.1) for _ in range(3)] == [4, 8, 8]
    assert [sends.round(seconds=2.0) for _ in range(3)] == [8, 8, 8]


def test_one_quick_round_does_not_keep_the_limit_low_for_a_whole_send() -> None:
    sends = Clocked(8)
    sends.round(SLOW_DOWN)
    assert sends.round(Refused(status=400, detail="an address"), seconds=0.02) == 2
    assert sends.round() == 1
    assert [sends.round() for _ in range(30)][-1] == 8


@given(
    most=st.integers(1, 64),
    answers=st.lists(
        st.tuples(st.sampled_from([Accepted(), SLOW_DOWN]), st.floats(0, 5), st.floats(0, 5))
    ),
)
def test_whatever_is_answered_the_limit_is_between_one_and_what_was_set(
    most: int, answers: list[tuple[Answer, float, float]]
) -> None:
    limit, now = AdaptiveLimit(most, now=0.0), 0.0
    for answer, later, took in answers:
        now += later
        limit.note(answer, began=now - took, ended=now)
        assert 1 <= limit.requests <= most
