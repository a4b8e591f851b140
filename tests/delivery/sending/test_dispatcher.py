"""The dispatcher: a whole edition, once to each reader, with refusals and retries."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlmodel import Session

from digest.db import Database
from digest.delivery.counts import DeliveryCounts, count_deliveries
from digest.delivery.sending.circuit_breaker import BreakerLimits
from digest.delivery.sending.dispatcher import dispatch
from digest.delivery.sending.settlement import RetryPolicy
from digest.delivery.sending.worker_processes import StopSignal
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, Halted, InDoubt, NotSent, Refused
from subscribers.models import Standing, Subscriber, Subscription
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.fake_sleep import InstantWaits


def counted(database: Database, edition_id: int) -> DeliveryCounts:
    with database.read() as session:
        return count_deliveries(session, edition_id)


def state(database: Database, edition_id: int) -> IssueState:
    with database.read() as session:
        return session.get_one(Issue, session.get_one(Edition, edition_id).issue_id).state


def test_every_reader_gets_one_copy(make_readers: MakeReaders, make_sending: MakeSending) -> None:
    make_readers(10)
    transport = MemoryTransport()
    counts = dispatch(make_sending(transport))
    assert sorted(Counter(transport.addresses()).values()) == [1] * 10
    assert (counts.candidates, counts.accepted, counts.pending) == (10, 10, 0)


def test_an_issue_is_sent_when_nothing_is_left(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(4)
    sending = make_sending()
    dispatch(sending)
    assert state(database, sending.edition_id) is IssueState.SENT


def test_sending_again_mails_nobody(make_readers: MakeReaders, make_sending: MakeSending) -> None:
    make_readers(4)
    transport = MemoryTransport()
    sending = make_sending(transport)
    dispatch(sending)
    dispatch(sending)
    assert len(transport.addresses()) == 4


def test_who_may_not_be_mailed_is_counted_with_the_reason(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(2)
    make_readers(1, suppressed="complaint")
    make_readers(1, standing=Standing.PENDING)
    transport = MemoryTransport()
    counts = dispatch(make_sending(transport))
    assert (counts.candidates, counts.accepted, counts.excluded) == (3, 2, 1)


def test_G01_who_leaves_after_the_freeze_is_not_mailed(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    first, *_ = make_readers(4)
    transport = MemoryTransport()
    sending = make_sending(transport)
    with database.write() as session:
        session.get_one(Subscription, first).standing = Standing.UNSUBSCRIBED
    counts = dispatch(sending)
    assert (counts.accepted, counts.excluded) == (3, 1)
    assert len(transport.addresses()) == 3


def test_G03_who_is_erased_after_the_freeze_still_counts(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    first, *_ = make_readers(4)
    sending = make_sending()
    with database.write() as session:
        session.delete(session.get_one(Subscription, first))
        session.delete(session.get_one(Subscriber, first))
    counts = dispatch(sending)
    assert counts.balances
    assert (counts.candidates, counts.accepted, counts.excluded) == (4, 3, 1)


def test_B03_a_named_address_is_set_aside_and_the_rest_go_once(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(5)

    def dislike_the_second(mailing: Mailing) -> Answer:
        bad = [i for i, r in enumerate(mailing.recipients) if r.address.endswith("-1@example.org")]
        return Refused(recipients=dict.fromkeys(bad, "not valid")) if bad else Accepted()

    transport = MemoryTransport(answer=dislike_the_second)
    counts = dispatch(make_sending(transport, batch_size=5))
    assert (counts.accepted, counts.refused) == (4, 1)
    assert max(Counter(transport.addresses()).values()) == 1


def test_B04_a_refusal_that_names_nobody_is_searched_by_halves(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(8)

    def dislike_the_second(mailing: Mailing) -> Answer:
        bad = any(r.address.endswith("-1@example.org") for r in mailing.recipients)
        return Refused(detail="bad request") if bad else Accepted()

    transport = MemoryTransport(answer=dislike_the_second)
    counts = dispatch(make_sending(transport, batch_size=8))
    assert counts.balances
    assert (counts.accepted, counts.refused) == (7, 1)


def test_B07_a_request_too_large_is_split(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(8)
    transport = MemoryTransport(
        answer=lambda m: Refused(too_large=True) if len(m.recipients) > 2 else Accepted()
    )
    counts = dispatch(make_sending(transport, batch_size=8))
    assert (counts.accepted, counts.refused) == (8, 0)


def test_what_is_in_doubt_is_never_sent_again(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(6)
    tried: list[str] = []

    def doubt_the_first(mailing: Mailing) -> Answer:
        tried.extend(r.address for r in mailing.recipients)
        return InDoubt(detail="no answer") if len(tried) == 3 else Accepted()

    sending = make_sending(MemoryTransport(answer=doubt_the_first))
    dispatch(sending)
    counts = dispatch(sending)
    assert (counts.accepted, counts.in_doubt) == (3, 3)
    assert max(Counter(tried).values()) == 1
    assert state(database, sending.edition_id) is IssueState.PREPARED


def test_B06_a_refused_key_stops_the_issue_at_once(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(9)
    calls: list[int] = []

    def refuse(mailing: Mailing) -> Answer:
        calls.append(1)
        return Halted(status=401, detail="the key is bad")

    sending = make_sending(MemoryTransport(answer=refuse))
    counts = dispatch(sending, concurrency=1)
    assert len(calls) == 1
    assert (counts.pending, state(database, sending.edition_id)) == (9, IssueState.PAUSED)


def test_B11_what_was_not_sent_is_tried_again_up_to_a_ceiling(
    make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(2)
    calls: list[int] = []

    def unreachable(mailing: Mailing) -> Answer:
        calls.append(1)
        return NotSent(detail="no connection")

    stop_event = InstantWaits()
    sending = replace(
        make_sending(MemoryTransport(answer=unreachable)),
        clock=lambda: now + timedelta(seconds=sum(stop_event.waits)),
        retry_policy=RetryPolicy(
            most_tries=8, first_wait=0.0, breaker_limits=BreakerLimits(first_unsent=0.0)
        ),
    )
    counts = dispatch(sending, concurrency=1, stop_signal=StopSignal(stopping=stop_event))
    assert len(calls) == 8
    assert (counts.pending, counts.parked) == (2, 2)


def test_a_rate_limit_is_no_failure(make_readers: MakeReaders, make_sending: MakeSending) -> None:
    make_readers(2)
    calls: list[int] = []

    def slow_down_first(mailing: Mailing) -> Answer:
        calls.append(1)
        limited = NotSent(detail="slow down", status=429, wait=0.0, counts=False)
        return limited if len(calls) < 20 else Accepted()

    counts = dispatch(make_sending(MemoryTransport(answer=slow_down_first)), concurrency=1)
    assert counts.accepted == 2


def test_counts_balance_at_every_step(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(7)
    make_readers(1, suppressed="manual")
    seen: list[bool] = []
    sending = make_sending()
    watched = sending.__class__(
        **{
            **sending.__dict__,
            "step": lambda _: seen.append(counted(database, sending.edition_id).balances),
        }
    )
    dispatch(watched, concurrency=1)
    assert seen == [True] * 12


@dataclass
class StaggeredStore:
    """A store that blocks the first sender until the other has ended."""

    database: Database
    senders: list[threading.Thread] = field(default_factory=list)
    looked: threading.Event = field(default_factory=threading.Event)  #: the other
    alone: bool = False

    def read(self) -> AbstractContextManager[Session]:
        return self.database.read()

    @contextmanager
    def write(self) -> Iterator[Session]:
        here = threading.current_thread()
        if here.name.startswith("sender") and here not in self.senders:
            self.senders.append(here)
            if len(self.senders) == 1:
                self.looked.wait(10)
                self.senders[-1].join(10)
                self.alone = not self.senders[-1].is_alive()
            else:
                self.looked.set()
        with self.database.write() as session:
            yield session


def test_nobody_waits_for_a_sender_that_only_looks_for_work(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(3)
    sending = make_sending()
    dispatch(sending, concurrency=1)
    store = StaggeredStore(database)
    dispatch(replace(sending, store=store), concurrency=2)
    assert store.alone
