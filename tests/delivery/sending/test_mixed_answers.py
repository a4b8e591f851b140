"""A request whose readers fared differently: each run of them is a batch of its own afterwards."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from digest.db import Database
from digest.delivery.counts import DeliveryCounts
from digest.delivery.events.replay import replay
from digest.delivery.events.status_updates import apply_events
from digest.delivery.models import Attempt, Batch, BatchState, Decision, Delivery
from digest.delivery.pace import free_at
from digest.delivery.sending import control
from digest.delivery.sending.batch_worker import EditionSend, send_batch, settle_and_claim
from digest.delivery.sending.control import DoubtResolution
from digest.delivery.sending.dispatcher import dispatch, recover_dead_senders
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.provider_events import EventKind, ProviderEvent
from digest.mail.transport import (
    Accepted,
    Answer,
    Halted,
    InDoubt,
    Mixed,
    NotSent,
    Refused,
    SingleAnswer,
)
from subscribers.models import SendOutcome
from subscribers.tokens import Hashes
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.sending.test_dispatcher import counted

YES = Accepted(status=250)
NO = Refused(status=550, detail="550 5.1.1 no such user")
LATER = NotSent(status=451, detail="451 4.3.0 try again")
PUT_OFF = NotSent(status=450, detail="450 4.2.0 greylisted", about_recipient=True)
UNTRIED = NotSent(detail="the connection ended before it", wait=0.0, counts=False)
SLOWER = NotSent(status=421, detail="421 4.7.0 too fast", wait=60.0, counts=False)
LOST = InDoubt(detail="no answer to the mail")
STOP = Halted(status=550, detail="550 5.7.1 the sender is refused")

Fares = Callable[..., DeliveryCounts]


@pytest.fixture
def transport() -> MemoryTransport:
    return MemoryTransport(one_by_one=True)


@pytest.fixture
def sending(
    make_readers: MakeReaders, make_sending: MakeSending, transport: MemoryTransport
) -> EditionSend:
    make_readers(6)
    return make_sending(transport, batch_size=6)


@pytest.fixture
def fares(sending: EditionSend, transport: MemoryTransport, database: Database) -> Fares:
    """Return a function that sends one batch, whose readers fare so."""

    def fare(*answers: SingleAnswer) -> DeliveryCounts:
        transport.answer = lambda _: Mixed(answers=answers)
        _, claimed = settle_and_claim(sending, None, more=True)
        assert claimed is not None
        settle_and_claim(sending, send_batch(sending, claimed), more=False)
        counts = counted(database, sending.edition_id)
        assert counts.balances
        return counts

    return fare


def parts(database: Database) -> list[tuple[BatchState, int]]:
    with database.read() as session:
        rows = session.exec(
            select(Batch).where(Batch.state != BatchState.SPLIT).order_by(col(Batch.first_delivery))
        ).all()
    return [(row.state, row.size) for row in rows]


def the_issue(database: Database, sending: EditionSend) -> Issue:
    with database.read() as session:
        edition = session.get_one(Edition, sending.edition_id)
        return session.get_one(Issue, edition.issue_id)


def test_runs_of_the_same_answer_become_batches(database: Database, fares: Fares) -> None:
    counts = fares(YES, YES, LATER, LATER, LOST, YES)
    assert parts(database) == [
        (BatchState.ACCEPTED, 2),
        (BatchState.PENDING, 2),
        (BatchState.IN_DOUBT, 1),
        (BatchState.ACCEPTED, 1),
    ]
    assert (counts.accepted, counts.pending, counts.in_doubt) == (3, 2, 1)


def test_a_refused_reader_is_marked_by_name_and_divides_nothing(
    database: Database, fares: Fares
) -> None:
    counts = fares(YES, NO, YES, NO, YES, YES)
    assert parts(database) == [(BatchState.ACCEPTED, 4)]
    assert (counts.accepted, counts.refused) == (4, 2)
    with database.read() as session:
        reasons = session.exec(select(Delivery.reason).where(col(Delivery.reason).is_not(None)))
        assert set(reasons) == {NO.detail}


def test_the_ranges_of_the_parts_hold_every_reader_once(database: Database, fares: Fares) -> None:
    fares(LOST, NO, NO, YES, LATER, NO)
    with database.read() as session:
        whole = session.exec(select(Batch).where(Batch.state == BatchState.SPLIT)).one()
        rows = session.exec(
            select(Batch).where(Batch.state != BatchState.SPLIT).order_by(col(Batch.first_delivery))
        ).all()
    assert rows[0].first_delivery == whole.first_delivery
    assert rows[-1].last_delivery == whole.last_delivery
    for before, after in itertools.pairwise(rows):
        assert after.first_delivery == before.last_delivery + 1
    assert {row.root for row in rows} == {whole.root}


def test_what_waits_goes_out_once_and_the_doubt_stays(
    database: Database, fares: Fares, sending: EditionSend, transport: MemoryTransport
) -> None:
    fares(YES, YES, LATER, UNTRIED, LOST, YES)
    transport.answer = lambda _: YES
    counts = dispatch(replace(sending, clock=lambda: sending.clock() + timedelta(minutes=5)))
    assert (counts.accepted, counts.in_doubt, counts.pending) == (5, 1, 0)
    assert len(transport.addresses()) == len(set(transport.addresses())) == 5


@pytest.mark.parametrize(
    ("verdict", "accepted"), [(DoubtResolution.ACCEPTED, 5), (DoubtResolution.UNSENT, 6)]
)
def test_a_person_decides_on_the_reader_in_doubt_alone(
    database: Database,
    fares: Fares,
    sending: EditionSend,
    transport: MemoryTransport,
    verdict: DoubtResolution,
    accepted: int,
    now: datetime,
) -> None:
    fares(YES, YES, YES, YES, YES, LOST)
    with database.write() as session:
        [key] = control.in_doubt(session, session.get_one(Edition, sending.edition_id))
        control.resolve(session, key, verdict, by="Ann", why="asked the relay", now=now)
    transport.answer = lambda _: YES
    counts = dispatch(sending)
    assert len(transport.addresses()) == accepted
    assert (counts.accepted, counts.in_doubt) == (6, 0)
    assert the_issue(database, sending).state is IssueState.SENT


def test_a_halt_pauses_the_issue_and_keeps_what_was_accepted(
    database: Database, fares: Fares, sending: EditionSend
) -> None:
    counts = fares(YES, YES, STOP, UNTRIED, UNTRIED, UNTRIED)
    issue = the_issue(database, sending)
    assert (issue.state, issue.note) == (IssueState.PAUSED, STOP.detail)
    assert (counts.accepted, counts.pending) == (2, 4)


def test_a_pause_that_one_answer_asks_for_holds_every_machine(
    database: Database, sending: EditionSend, fares: Fares
) -> None:
    fares(YES, YES, YES, SLOWER, SLOWER, SLOWER)
    with database.read() as session:
        held_until = free_at(session, sending.pace, sending.clock())
    assert held_until is not None
    assert held_until >= sending.clock() + timedelta(seconds=60)


def test_an_accepted_reader_closes_the_breaker(database: Database, fares: Fares) -> None:
    from digest.delivery.models import CircuitBreaker

    fares(LOST, UNTRIED, UNTRIED, UNTRIED, UNTRIED, UNTRIED)
    with database.read() as session:
        assert session.exec(select(CircuitBreaker.failures)).all() == [1]
    with database.write() as session:
        for batch in session.exec(select(Batch).where(Batch.state == BatchState.PENDING)):
            batch.not_before = None
    fares(YES, LATER, LATER, LATER, LATER)
    with database.read() as session:
        assert session.exec(select(CircuitBreaker.failures)).all() == []


def test_a_reader_who_is_put_off_again_and_again_is_refused_by_name(
    database: Database, sending: EditionSend, transport: MemoryTransport, now: datetime
) -> None:
    """The issue isn't held up, and the breaker isn't opened, by one mailbox."""
    clock = [now]

    def answer(mailing: Mailing) -> Answer:
        clock[0] += timedelta(minutes=20)
        if len(mailing.recipients) == 6:
            return Mixed(answers=[YES, YES, PUT_OFF, YES, YES, YES])
        return PUT_OFF

    transport.answer = answer
    counts = dispatch(replace(sending, clock=lambda: clock[0]), concurrency=1)
    assert (counts.accepted, counts.refused, counts.pending) == (5, 1, 0)
    assert the_issue(database, sending).state is IssueState.SENT
    with database.read() as session:
        attempts = session.exec(select(Attempt.outcome)).all()
        reasons = session.exec(select(Delivery.reason).where(col(Delivery.reason).is_not(None)))
        assert reasons.all() == [PUT_OFF.detail]
    assert attempts.count(SendOutcome.NOT_SENT) == sending.retry_policy.most_put_off - 1


def bounce(database: Database, number: int, *, attempt: str | None = None) -> None:
    """Apply a bounce of the delivery at *number* of the first attempt."""
    with database.write() as session:
        deliveries = session.exec(select(Delivery.id).order_by(col(Delivery.id))).all()
        first = session.exec(select(Attempt.key).order_by(col(Attempt.claimed_at))).first()
        event = ProviderEvent(
            EventKind.BOUNCED, 1_796_000_000, str(deliveries[number]), attempt or first
        )
        apply_events(session, [event])


def killed(database: Database, sending: EditionSend, now: datetime) -> None:
    """Let a sender die while its request is under way, and recover what it held."""
    _, claimed = settle_and_claim(sending, None, more=True)
    assert claimed is not None
    send_batch(sending, claimed)  # nothing is settled
    recover_dead_senders(replace(sending, clock=lambda: now + timedelta(hours=1)), lambda _: False)


def test_an_event_proves_its_own_copy_and_leaves_the_others_in_doubt(
    database: Database, sending: EditionSend, now: datetime
) -> None:
    killed(database, sending, now)
    assert parts(database) == [(BatchState.IN_DOUBT, 6)]
    bounce(database, 2)
    assert parts(database) == [
        (BatchState.IN_DOUBT, 2),
        (BatchState.ACCEPTED, 1),
        (BatchState.IN_DOUBT, 3),
    ]
    bounce(database, 0)
    counts = counted(database, sending.edition_id)
    assert (counts.accepted, counts.in_doubt, counts.bounced) == (2, 4, 2)
    assert counts.balances


def test_events_that_are_applied_again_settle_single_copies(
    database: Database, sending: EditionSend, now: datetime
) -> None:
    """As after a restore of the batches alone."""
    killed(database, sending, now)
    bounce(database, 2)
    with database.write() as session:
        whole = session.exec(select(Batch).where(Batch.state == BatchState.SPLIT)).one()
        whole.state, whole.size = BatchState.IN_DOUBT, 6
        whole.attempt = session.exec(select(Attempt.key)).one()
        for part in session.exec(select(Batch).where(Batch.id != whole.id)):
            session.delete(part)
    done = replay(database, hashes=Hashes(["a secret for tests only, long enough"]), now=now)
    assert done.settled == 1
    assert [size for state, size in parts(database) if state is BatchState.IN_DOUBT] == [2, 3]


def test_an_event_before_the_doubt_counts_once_there_is_one(
    database: Database, sending: EditionSend, now: datetime
) -> None:
    """A bounce may come while the request is still under way, and its sender dies then."""
    _, claimed = settle_and_claim(sending, None, more=True)
    assert claimed is not None
    send_batch(sending, claimed)
    bounce(database, 5)
    assert parts(database) == [(BatchState.STARTED, 6)]
    recover_dead_senders(replace(sending, clock=lambda: now + timedelta(hours=1)), lambda _: False)
    assert parts(database) == [(BatchState.IN_DOUBT, 5), (BatchState.ACCEPTED, 1)]


def test_a_copy_that_a_person_took_for_unsent_is_not_sent_again_once_it_bounces(
    database: Database, sending: EditionSend, transport: MemoryTransport, now: datetime
) -> None:
    killed(database, sending, now)
    transport.accepted.clear()  # nobody got it, but one
    with database.write() as session:
        [key] = control.in_doubt(session, session.get_one(Edition, sending.edition_id))
        control.resolve(session, key, DoubtResolution.UNSENT, by="Ann", why="log", now=now)
    bounce(database, 3)
    counts = dispatch(sending)
    assert len(transport.addresses()) == 5
    assert (counts.accepted, counts.pending, counts.in_doubt) == (6, 0, 0)
    with database.read() as session:
        assert session.exec(select(Decision.contradicted)).all() == [0]


def test_a_late_answer_settles_what_is_still_open_of_it(
    database: Database, sending: EditionSend, transport: MemoryTransport, now: datetime
) -> None:
    """The sender slept, and an event has divided its batch meanwhile."""
    transport.answer = lambda _: Mixed(answers=[YES, YES, YES, YES, NO, LOST])
    _, claimed = settle_and_claim(sending, None, more=True)
    assert claimed is not None
    late = send_batch(sending, claimed)
    recover_dead_senders(replace(sending, clock=lambda: now + timedelta(hours=1)), lambda _: False)
    bounce(database, 1)
    settled, _ = settle_and_claim(sending, late, more=False)
    assert settled is not None
    assert settled.outcome == "superseded"
    assert parts(database) == [
        (BatchState.ACCEPTED, 1),
        (BatchState.ACCEPTED, 1),
        (BatchState.ACCEPTED, 2),
        (BatchState.IN_DOUBT, 2),
    ]
