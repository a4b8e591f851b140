"""The circuit breaker: outages of the provider or the network, and how a send recovers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from digest.db import Database
from digest.delivery.counts import DeliveryCounts, count_deliveries
from digest.delivery.models import CircuitBreaker
from digest.delivery.reporting.status import Problem
from digest.delivery.sending import control
from digest.delivery.sending.batch_worker import EditionSend, send_batch, settle_and_claim
from digest.delivery.sending.circuit_breaker import BreakerLimits
from digest.delivery.sending.dispatcher import dispatch
from digest.delivery.sending.settlement import RetryPolicy, Settlement
from digest.delivery.sending.worker_processes import StopSignal
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, InDoubt, NotSent
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.fake_sleep import InstantWaits
from tests.delivery.sending.test_dispatcher_limits import problems, the_issue

BROKEN = InDoubt(status=503, detail="the provider answered 503")
MOVED = InDoubt(status=301, detail="the provider answered 301")
NO_WAY = NotSent(detail="no connection (refused)")
MINUTE = 60.0


@dataclass
class OutageSend:
    """A send to a provider that answers as *answer* says; the clock advances only with waits."""

    database: Database
    start: datetime
    sending: EditionSend
    answer: Callable[[float], Answer]  #: by the seconds since the start
    stop_event: InstantWaits = field(default_factory=InstantWaits)
    asked: list[float] = field(default_factory=list)  #: when each request came
    mailed: Counter[str] = field(default_factory=Counter)
    passed: float = 0.0
    speed: float = 10.0  #: how late a nap ends; a process may always wake late

    def __post_init__(self) -> None:
        transport = MemoryTransport(answer=self._answer)
        self.sending = replace(self.sending, transport=transport, clock=self.clock)
        self.stop_event.meanwhile = self._pass

    def _pass(self) -> None:
        self.passed += self.speed * self.stop_event.waits.pop()

    def _answer(self, mailing: Mailing) -> Answer:
        self.asked.append(self.passed)
        answer = self.answer(self.passed)
        if isinstance(answer, Accepted | InDoubt):
            self.mailed.update(recipient.address for recipient in mailing.recipients)
        return answer

    def clock(self) -> datetime:
        return self.start + timedelta(seconds=self.passed)

    def send(
        self, concurrency: int = 1, on_settlement: Callable[[Settlement], None] | None = None
    ) -> DeliveryCounts:
        counts = dispatch(
            self.sending,
            concurrency=concurrency,
            stop_signal=StopSignal(stopping=self.stop_event),
            progress=on_settlement or (lambda _: None),
        )
        assert counts.balances
        assert max(self.mailed.values(), default=0) <= 1  # doubts are never sent again
        return counts

    def stop_after(self, seconds: float) -> None:
        """Stop the send at that time, as a person would."""

        def stop() -> None:
            self._pass()
            if self.passed >= seconds:
                self.stop_event.set()

        self.stop_event.meanwhile = stop

    def told(self) -> list[Problem]:
        return [
            problem for problem in problems(self.database, self.clock()) if problem.batch is None
        ]


MakeDay = Callable[..., OutageSend]


@pytest.fixture
def make_outage(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> MakeDay:
    """Return a function that prepares an issue for so many readers, one a batch."""

    def make(
        answer: Callable[[float], Answer], readers: int = 12, batch_size: int = 1
    ) -> OutageSend:
        make_readers(readers)
        return OutageSend(database, now, make_sending(batch_size=batch_size), answer)

    return make


@pytest.mark.parametrize("answer", [BROKEN, MOVED], ids=["503", "301"])
def test_D2_three_doubts_in_a_row_hold_the_rest_back(make_outage: MakeDay, answer: Answer) -> None:
    day = make_outage(lambda _: answer)
    day.stop_after(50)
    counts = day.send()
    assert (counts.in_doubt, counts.pending) == (3, 9)
    [held] = day.told()
    assert held.what == f"held back: 3 requests in a row failed: {answer.detail}"
    assert "one is tried at 09:01:00 UTC" in held.next_step
    assert "digest resume 1" in held.next_step


def test_one_batch_at_a_time_is_tried_after_pauses_that_grow(make_outage: MakeDay) -> None:
    day = make_outage(lambda _: BROKEN)
    day.stop_after(16 * MINUTE)
    counts = day.send(concurrency=1)
    assert [round(at / MINUTE) for at in day.asked] == [0, 0, 0, 1, 3, 7, 15]
    assert counts.in_doubt == 7


def test_an_accepted_probe_lets_the_rest_go_on(make_outage: MakeDay) -> None:
    day = make_outage(lambda at: BROKEN if at < 2 * MINUTE else Accepted())
    counts = day.send()
    assert (counts.in_doubt, counts.accepted, counts.pending) == (4, 8, 0)
    assert len({round(at) for at in day.asked[4:]}) == 1  # all at once
    with day.database.read() as session:
        assert session.exec(select(CircuitBreaker)).all() == []


def test_an_acceptance_in_between_ends_the_row(make_outage: MakeDay) -> None:
    answers = [BROKEN, BROKEN, Accepted()] * 4
    day = make_outage(lambda _: answers.pop())
    counts = day.send()
    assert (counts.in_doubt, counts.accepted, day.passed) == (8, 4, 0.0)


def test_the_row_is_counted_over_every_process_of_a_send(make_outage: MakeDay) -> None:
    day = make_outage(lambda _: BROKEN)
    others = [replace(day.sending, owner=f"process-{number}") for number in range(4)]
    for other in others:
        taken = settle_and_claim(other, None, more=True)[1]
        handed = send_batch(other, taken) if taken is not None else None
        settle_and_claim(other, handed, more=False)
    counts = counted(day)
    assert (counts.in_doubt, counts.pending) == (3, 9)


def test_only_one_of_several_processes_tries_the_probe(make_outage: MakeDay) -> None:
    day = make_outage(lambda _: BROKEN)
    day.stop_after(30)
    day.send()
    day.passed = 61
    taken = [
        settle_and_claim(replace(day.sending, owner=f"p{n}"), None, more=True)[1] for n in range(3)
    ]
    assert [claimed is not None for claimed in taken] == [True, False, False]
    assert "one is tried now" in day.told()[0].next_step


def test_a_probe_whose_sender_died_is_followed_by_another(make_outage: MakeDay) -> None:
    day = make_outage(lambda at: BROKEN if at < MINUTE else Accepted())
    day.stop_after(30)
    day.send()
    day.passed = 61
    taken = settle_and_claim(replace(day.sending, owner="dead"), None, more=True)[1]
    assert taken is not None
    day.stop_event.clear()
    day.stop_event.meanwhile = day._pass
    counts = day.send()  # the lease is over by then
    assert (counts.in_doubt, counts.accepted) == (3, 9)


def test_a_clock_set_back_puts_no_probe_off_for_long(make_outage: MakeDay) -> None:
    day = make_outage(lambda at: BROKEN if at >= 0 else Accepted())
    day.stop_after(30)
    day.send()
    day.passed = -7 * 86_400
    assert settle_and_claim(day.sending, None, more=True)[1] is not None


def test_after_half_a_day_of_failed_probes_a_person_is_asked(make_outage: MakeDay) -> None:
    day = make_outage(lambda _: BROKEN, readers=40)
    day.speed = 300.0
    limits = BreakerLimits(first_pause=600, give_up=4 * 3600)
    day.sending = replace(
        day.sending, retry_policy=replace(day.sending.retry_policy, breaker_limits=limits)
    )
    counts = day.send()
    issue = the_issue(day.database)
    assert issue.state is IssueState.PAUSED
    assert issue.note == ("nothing was accepted in 4 hours of trying: the provider answered 503")
    assert counts.in_doubt < 10 < counts.pending


def test_a_send_that_rested_for_a_day_is_not_given_up_at_its_first_failure(
    make_outage: MakeDay,
) -> None:
    day = make_outage(lambda _: BROKEN)
    day.stop_after(30)
    day.send()
    day.passed = 86_400.0
    day.stop_after(86_400.0 + 30)
    day.stop_event.clear()
    counts = day.send()
    assert (counts.in_doubt, the_issue(day.database).state) == (4, IssueState.PREPARED)


def test_a_person_may_let_everything_go_on_at_once(make_outage: MakeDay) -> None:
    day = make_outage(lambda at: BROKEN if at < 20 else Accepted())
    day.stop_after(30)
    day.send()
    with day.database.write() as session:
        control.resume(session, session.exec(select(Issue)).one(), day.clock())
    day.stop_event.clear()
    counts = day.send()
    assert (counts.in_doubt, counts.accepted) == (3, 9)
    assert day.told() == []


def test_a_decision_on_a_doubt_lets_the_next_batch_be_tried_at_once(make_outage: MakeDay) -> None:
    day = make_outage(lambda at: BROKEN if at < 20 else Accepted())
    day.stop_after(30)
    day.send()
    with day.database.write() as session:
        key = control.in_doubt(session, session.exec(select(Edition)).one())[0]
        accepted = control.DoubtResolution.ACCEPTED
        control.resolve(session, key, accepted, by="A", why="B", now=day.clock())
    day.stop_event.clear()
    decided = day.passed
    counts = day.send()
    assert (counts.in_doubt, counts.accepted) == (2, 10)
    assert day.asked[3] == decided


def test_who_watches_is_told_when_the_next_is_tried(make_outage: MakeDay) -> None:
    day = make_outage(lambda _: BROKEN)
    day.stop_after(30)
    lines: list[str] = []
    day.send(on_settlement=lambda settled: lines.append(settled.detail))
    assert lines[-1] == "the provider answered 503; one batch is tried at 09:01:00 UTC"


def test_D15_a_night_without_network_loses_nothing_and_asks_nobody(make_outage: MakeDay) -> None:
    hours = 9 * 3600
    day = make_outage(lambda at: NO_WAY if at < hours else Accepted(), readers=30)
    day.speed = 120.0
    counts = day.send()
    assert (counts.accepted, counts.pending) == (30, 0)
    assert hours <= day.asked[-1] < hours + 1200
    assert len(day.asked) < 120  # one batch at a time, after growing pauses


def test_D15_without_network_for_half_a_day_a_person_is_asked(make_outage: MakeDay) -> None:
    day = make_outage(lambda _: NO_WAY)
    day.speed = 120.0
    counts = day.send()
    assert (counts.pending, counts.parked) == (12, 0)
    assert the_issue(day.database).note == (
        "nothing was accepted in 12 hours of trying: no connection (refused)"
    )


def test_D15_a_batch_that_fails_alone_is_tried_for_hours(make_outage: MakeDay) -> None:
    def answer(at: float) -> Answer:
        alone = len(day.asked) == 1 or len(day.asked) > 12
        return NO_WAY if alone and at < 3600 else Accepted()

    day: OutageSend = make_outage(answer)
    counts = day.send()
    assert (counts.accepted, counts.parked) == (12, 0)


def test_D13_a_rate_limit_without_a_time_is_waited_out_longer_each_time(
    make_outage: MakeDay,
) -> None:
    slow_down = NotSent(status=429, detail="the provider asks to slow down", counts=False)
    day = make_outage(lambda _: slow_down)
    day.sending = replace(day.sending, retry_policy=RetryPolicy(jitter=lambda: 0.0))
    day.speed = 1.0
    day.stop_after(300)
    counts = day.send()
    assert (counts.pending, counts.parked) == (12, 0)
    assert len(day.asked) < 10
    [held] = day.told()
    assert "the provider asks to slow down" in held.what


def test_D13_a_rate_limit_for_half_a_day_is_put_before_a_person(make_outage: MakeDay) -> None:
    slow_down = NotSent(status=429, detail="slow down", counts=False)
    day = make_outage(lambda _: slow_down)
    day.sending = replace(day.sending, retry_policy=RetryPolicy(jitter=lambda: 0.0))
    day.speed = 120.0
    day.send()
    assert the_issue(day.database).state is IssueState.PAUSED


@pytest.mark.parametrize("longest", [60.0, math.inf])
def test_who_asks_again_every_minute_is_not_kept_waiting(
    make_outage: MakeDay, longest: float
) -> None:
    day = make_outage(lambda _: BROKEN)
    day.passed = 0.0
    day.stop_after(20 * MINUTE)
    day.sending = replace(
        day.sending, retry_policy=RetryPolicy(breaker_limits=BreakerLimits(first_pause=600))
    )
    dispatch(
        day.sending,
        concurrency=1,
        stop_signal=StopSignal(stopping=day.stop_event),
        longest_wait=longest,
    )
    assert (day.passed == 0.0) == (longest == 60.0)


def counted(day: OutageSend) -> DeliveryCounts:
    with day.database.read() as session:
        return count_deliveries(session, day.sending.edition_id)
