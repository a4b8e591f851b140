"""Refusals by the provider: of the mail, of one recipient, or of the account for a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count as count_up

import pytest
from sqlmodel import col, select

from digest.db import Database
from digest.delivery.counts import DeliveryCounts
from digest.delivery.models import Attempt, Batch, Delivery, DeliveryOutcome
from digest.delivery.reporting.status import refused_too_many
from digest.delivery.sending import control
from digest.delivery.sending.batch_worker import EditionSend
from digest.delivery.sending.confirmation import confirm_acceptance, known_attempts
from digest.delivery.sending.dispatcher import dispatch
from digest.delivery.sending.settlement import RetryPolicy
from digest.delivery.sending.worker_processes import StopSignal
from digest.errors import WrongState
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, InDoubt, Refused
from subscribers.models import Standing, Subscription
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.fake_sleep import InstantWaits
from tests.delivery.sending.test_dispatcher_limits import problems, the_issue

Says = Callable[[Mailing], Answer]
TOO_LARGE = Refused(status=413, detail="the request is too large", too_large=True)
NO_REASON = Refused(status=400, detail="the provider gave no reason")


def by_name(mailing: Mailing) -> Answer:
    return Refused(status=400, detail="bad", recipients={0: "bad"})


Send = Callable[..., DeliveryCounts]


@pytest.fixture
def transport() -> MemoryTransport:
    return MemoryTransport()


@pytest.fixture
def sending(make_readers: MakeReaders, make_sending: MakeSending, transport: MemoryTransport
) -> EditionSend:  # fmt: skip
    make_readers(60)
    return make_sending(transport, batch_size=20)


@pytest.fixture
def send(sending: EditionSend, transport: MemoryTransport, now: datetime) -> Send:
    """Return a function that sends while the provider answers so; waiting takes no time."""
    stop_event, ticks = InstantWaits(), count_up(1)

    def clock() -> datetime:
        return now + timedelta(seconds=sum(stop_event.waits), milliseconds=next(ticks))

    def send(says: Says = lambda _: Accepted()) -> DeliveryCounts:
        transport.answer = says
        retry_policy = RetryPolicy(jitter=lambda: 0.0)
        counts = dispatch(
            replace(sending, clock=clock, retry_policy=retry_policy),
            concurrency=1,
            stop_signal=StopSignal(stopping=stop_event),
        )
        assert counts.balances
        assert max(Counter(transport.addresses()).values(), default=0) <= 1
        return counts

    return send


def resume(database: Database, now: datetime) -> None:
    with database.write() as session:
        control.resume(session, session.exec(select(Issue)).one(), now)


def offer_again(database: Database) -> int:
    with database.write() as session:
        return control.requeue_refused(session, session.exec(select(Issue)).one(), 20)


@pytest.mark.parametrize(
    "says", [lambda _: TOO_LARGE, lambda _: NO_REASON, by_name], ids=["413", "no field", "named"]
)
def test_D3_an_issue_that_nobody_gets_is_paused_and_not_sent(
    database: Database, send: Send, now: datetime, says: Says
) -> None:
    asked: list[int] = []

    def count_them(mailing: Mailing) -> Answer:
        asked.append(len(mailing.recipients))
        return says(mailing)

    counts = send(count_them)
    assert the_issue(database).state is IssueState.PAUSED
    assert counts.accepted == 0
    assert counts.pending >= 30
    assert len(asked) <= 30
    assert "digest resume 1" in problems(database, now)[0].next_step


@pytest.mark.parametrize("answer", [TOO_LARGE, NO_REASON], ids=["413", "no field"])
def test_D3_a_refusal_of_everybody_refuses_no_reader_for_good(
    database: Database, send: Send, now: datetime, answer: Answer
) -> None:
    assert send(lambda _: answer).refused == 0
    resume(database, now)
    assert (send().accepted, the_issue(database).state) == (60, IssueState.SENT)


@pytest.mark.parametrize("before", [0, 1, 2], ids=["at first", "after one batch", "at the end"])
def test_D3_a_refusal_of_everybody_for_a_while_loses_nobody(
    database: Database, send: Send, before: int
) -> None:
    asked: list[int] = []

    def twelve_times(mailing: Mailing) -> Answer:
        asked.append(1)
        return NO_REASON if before < len(asked) <= before + 12 else Accepted()

    counts = send(twelve_times)
    assert (counts.accepted, counts.refused, counts.pending) == (60, 0, 0)
    assert the_issue(database).state is IssueState.SENT


@pytest.mark.parametrize("place", [0, 19, 59], ids=["first", "last of a batch", "last of all"])
def test_a_reader_refused_alone_while_others_are_accepted_is_the_one(
    send: Send, place: int
) -> None:
    def dislike_one(mailing: Mailing) -> Answer:
        bad = f"-{place}@example.org"
        return NO_REASON if any(bad in r.address for r in mailing.recipients) else Accepted()

    counts = send(dislike_one)
    assert (counts.accepted, counts.refused, counts.pending) == (59, 1, 0)


def test_a_last_batch_of_one_reader_is_refused_in_the_end(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3)
    stop_event = InstantWaits()

    def dislike_the_last(mailing: Mailing) -> Answer:
        bad = any("-2@example.org" in r.address for r in mailing.recipients)
        return NO_REASON if bad else Accepted()

    sending = replace(
        make_sending(MemoryTransport(answer=dislike_the_last), batch_size=2),
        clock=lambda: now + timedelta(seconds=sum(stop_event.waits)),
    )
    counts = dispatch(sending, concurrency=1, stop_signal=StopSignal(stopping=stop_event))
    assert (counts.accepted, counts.refused, counts.pending) == (2, 1, 0)


def test_one_reader_whose_mail_alone_is_too_large_is_refused_with_the_reason(
    database: Database, send: Send
) -> None:
    def too_large_with_the_last(mailing: Mailing) -> Answer:
        bad = any("-59@example.org" in r.address for r in mailing.recipients)
        return TOO_LARGE if bad else Accepted()

    counts = send(too_large_with_the_last)
    assert (counts.accepted, counts.refused) == (59, 1)
    with database.read() as session:
        refused = select(Delivery.reason).where(Delivery.outcome == DeliveryOutcome.REFUSED)
        assert session.exec(refused).one() == "the request is too large"


def test_D3_an_issue_whose_every_reader_was_named_is_not_sent(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3)
    sending = make_sending(MemoryTransport(answer=by_name))
    counts = dispatch(sending, concurrency=1)
    issue = the_issue(database)
    assert (counts.refused, issue.state) == (3, IssueState.PAUSED)
    assert issue.note == "nobody got it: the provider refused all 3 readers"
    [problem] = problems(database, now)
    assert problem.next_step == "fix this, then: digest send 1 --refused-again"


def some_by_name(number: int) -> Says:
    def says(mailing: Mailing) -> Answer:
        bad = {f"confirmed-free-{n}@example.org" for n in range(number)}
        named = {n: "bad" for n, r in enumerate(mailing.recipients) if r.address in bad}
        return Refused(status=400, recipients=named) if named else Accepted()

    return says


@pytest.mark.parametrize(("number", "too_many"), [(1, False), (2, True)])
def test_D3_more_than_a_few_refused_are_a_problem(
    database: Database, send: Send, now: datetime, number: int, too_many: bool
) -> None:
    counts = send(some_by_name(number))
    assert the_issue(database).state is IssueState.SENT
    assert refused_too_many(counts) is too_many
    rows = [(problem.what, problem.readers) for problem in problems(database, now)]
    message = "the provider refused 3.3% of its readers (limit 2%)"
    assert rows == ([(message, 2)] if too_many else [])


def test_the_refused_are_offered_it_once_more_and_nobody_else_is(
    database: Database, send: Send, transport: MemoryTransport
) -> None:
    send(some_by_name(5))
    attempts = list_attempts(database)
    before = set(transport.addresses())
    assert offer_again(database) == 5
    counts = send()
    assert (counts.accepted, counts.refused, counts.candidates) == (60, 0, 60)
    assert len(set(transport.addresses()) - before) == 5
    assert the_issue(database).state is IssueState.SENT
    assert list_attempts(database)[: len(attempts)] == attempts  # what was said stays on record


def list_attempts(database: Database) -> list[tuple[str, str | None]]:
    with database.read() as session:
        rows = session.exec(select(Attempt).order_by(col(Attempt.batch_id), col(Attempt.number)))
        return [(row.key, row.outcome) for row in rows]


def test_who_left_since_is_not_offered_it_once_more(database: Database, send: Send) -> None:
    send(some_by_name(2))
    with database.write() as session:
        refused = session.exec(
            select(Delivery).where(Delivery.outcome == DeliveryOutcome.REFUSED)
        ).first()
        assert refused is not None
        session.get_one(Subscription, refused.subscriber_id).standing = Standing.UNSUBSCRIBED
    offer_again(database)
    counts = send()
    assert (counts.accepted, counts.refused, counts.excluded) == (59, 0, 1)


def test_who_is_refused_again_stays_refused(database: Database, send: Send) -> None:
    send(some_by_name(2))
    offer_again(database)
    counts = send(some_by_name(2))
    assert (counts.accepted, counts.refused) == (58, 2)
    assert the_issue(database).state is IssueState.SENT


def test_the_refused_are_offered_an_issue_again_that_was_built_twice(
    database: Database, send: Send
) -> None:
    send(some_by_name(2))
    with database.write() as session:
        sent = session.exec(select(Edition)).one()
        sent.revision = 2
        session.flush()
        session.add(Edition(**sent.model_dump(exclude={"id", "revision"}), revision=1))
    assert offer_again(database) == 2
    assert send().accepted == 60


def test_nobody_is_offered_again_what_nobody_was_refused(database: Database, send: Send) -> None:
    send()
    with pytest.raises(WrongState, match="no reader was refused issue 1"):
        offer_again(database)


def test_a_paused_issue_with_readers_who_wait_is_resumed_first(
    database: Database, send: Send
) -> None:
    send(by_name)
    with pytest.raises(WrongState, match="issue 1 is paused"):
        offer_again(database)


def test_who_got_a_copy_by_a_wrong_decision_is_not_offered_another(
    database: Database, send: Send, now: datetime
) -> None:
    doubted: list[str] = []

    def doubt_the_first(mailing: Mailing) -> Answer:
        if not doubted:
            doubted.append(mailing.attempt)
            return InDoubt(detail="503")
        return Accepted()

    send(doubt_the_first)
    with database.write() as session:
        batch = session.exec(select(Batch).where(Batch.attempt == doubted[0])).one()
        control.resolve(
            session, batch.key, control.DoubtResolution.UNSENT, by="A", why="B", now=now
        )
    send(some_by_name(3))
    with database.write() as session:
        confirm_acceptance(
            session, known_attempts(session, doubted), {doubted[0]: int(now.timestamp())}
        )
    with pytest.raises(WrongState, match="no reader was refused"):
        offer_again(database)
