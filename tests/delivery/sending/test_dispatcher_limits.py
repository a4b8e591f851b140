"""Limits of the dispatcher: the first wave, pause, cancellation, stop, and the seed copy."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from digest.db import Database
from digest.delivery.counts import count_deliveries
from digest.delivery.models import Batch, BatchState, Delivery, DeliveryStatus, Rollout
from digest.delivery.reporting.status import Problem, issue_status
from digest.delivery.sending import control, rollout
from digest.delivery.sending.batch_worker import EditionSend, send_batch, settle_and_claim
from digest.delivery.sending.confirmation import confirm_acceptance, known_attempts
from digest.delivery.sending.dispatcher import dispatch
from digest.delivery.sending.worker_processes import StopSignal
from digest.issues.models import Edition, Issue, IssueState
from digest.letters.internal_mail import CANARY_BATCH, send_seed_copy
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, Halted, InDoubt, Refused
from subscribers.letter_queue import note_events
from subscribers.models import LetterToSend, Standing, Subscriber, Subscription
from tests.conftest import NOW
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.fake_sleep import InstantWaits


def the_issue(database: Database) -> Issue:
    with database.read() as session:
        return session.exec(select(Issue)).one()


def problems(database: Database, now: datetime) -> tuple[Problem, ...]:
    with database.read() as session:
        issue = session.exec(select(Issue)).one()
        return issue_status(session, issue, session.exec(select(Edition)).one(), now).problems


def with_wave(database: Database, sending: EditionSend, readers: int, seconds: int) -> None:
    with database.write() as session:
        rollout.start_rollout(session, sending.edition_id, readers=readers, wait_seconds=seconds)


def one_turn(sending: EditionSend) -> None:
    """Send what may be sent now, without waiting for the first wave's judgement."""
    dispatch(sending, concurrency=1, longest_wait=0)


def a_clock(start: datetime) -> tuple[Callable[[], datetime], Callable[[timedelta], None]]:
    moment = [start]

    def move(by: timedelta) -> None:
        moment[0] += by

    return lambda: moment[0], move


def test_the_first_wave_goes_alone(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(9)
    transport = MemoryTransport()
    sending = make_sending(transport)
    with_wave(database, sending, readers=3, seconds=600)
    one_turn(sending)
    assert len(transport.addresses()) == 3
    assert "first wave" in problems(database, now)[0].what


def test_the_rest_follows_when_nothing_was_wrong(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(9)
    transport = MemoryTransport()
    clock, move = a_clock(now)
    sending = replace(make_sending(transport), clock=clock)
    with_wave(database, sending, readers=3, seconds=600)
    one_turn(sending)
    move(timedelta(minutes=11))
    dispatch(sending)
    assert len(transport.addresses()) == 9
    assert the_issue(database).state is IssueState.SENT


@pytest.mark.parametrize("started", [False, True], ids=["claimed", "started"])
def test_the_first_wave_is_not_judged_while_a_batch_of_it_is_held(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    now: datetime,
    started: bool,
) -> None:
    make_readers(9)
    sending = make_sending()
    with_wave(database, sending, readers=3, seconds=0)
    _, claim = settle_and_claim(sending, None, more=True)
    assert claim is not None
    if started:
        send_batch(sending, claim)
    with database.write() as session:
        rollout.judge_rollout(session, sending.edition_id, now)
        found = session.exec(select(Rollout)).one()
        assert (found.judge_at, found.passed_at) == (None, None)


@pytest.mark.parametrize("news", [DeliveryStatus.BOUNCED, DeliveryStatus.DROPPED])
def test_too_many_bounces_in_the_first_wave_pause_the_issue(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    now: datetime,
    news: DeliveryStatus,
) -> None:
    make_readers(9)
    transport = MemoryTransport()
    clock, move = a_clock(now)
    sending = replace(make_sending(transport), clock=clock)
    with_wave(database, sending, readers=3, seconds=600)
    one_turn(sending)
    with database.write() as session:
        first = session.exec(select(Delivery)).first()
        assert first is not None
        first.news = news
        session.add(first)
    move(timedelta(minutes=11))
    dispatch(sending)
    issue = the_issue(database)
    assert (len(transport.addresses()), issue.state) == (3, IssueState.PAUSED)
    assert "1 bounced" in issue.note


def in_no_time(sending: EditionSend, start: datetime) -> tuple[EditionSend, InstantWaits]:
    """Make waits take no time, and advance the clock by each wait."""
    stop_event = InstantWaits()
    return replace(
        sending, clock=lambda: start + timedelta(seconds=sum(stop_event.waits))
    ), stop_event


@pytest.mark.parametrize("readers", [1, 4, 5, 9])
def test_the_first_wave_is_as_large_as_asked_whatever_the_size_of_a_batch(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    readers: int,
) -> None:
    make_readers(2, suppressed="complaint")
    make_readers(20)
    transport = MemoryTransport()
    sending = make_sending(transport, batch_size=4, first_wave=readers)
    with_wave(database, sending, readers=readers, seconds=600)
    one_turn(sending)
    assert len(transport.addresses()) == readers
    with database.read() as session:
        counts = count_deliveries(session, sending.edition_id)
    assert counts.balances
    assert (counts.candidates, counts.excluded) == (22, 2)


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_send_that_waited_for_the_first_wave_sends_the_rest_in_the_same_run(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    now: datetime,
    concurrency: int,
) -> None:
    make_readers(9)
    sending, stop_event = in_no_time(make_sending(first_wave=3), now)
    with_wave(database, sending, readers=3, seconds=60)
    counts = dispatch(sending, concurrency=concurrency, stop_signal=StopSignal(stopping=stop_event))
    assert (counts.accepted, counts.pending) == (9, 0)
    assert the_issue(database).state is IssueState.SENT


def test_a_first_wave_that_is_everybody_makes_nobody_wait(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(6)
    sending, stop_event = in_no_time(make_sending(first_wave=10), now)
    with_wave(database, sending, readers=10, seconds=600)
    counts = dispatch(sending, concurrency=1, stop_signal=StopSignal(stopping=stop_event))
    assert (counts.accepted, sum(stop_event.waits)) == (6, 0)
    assert problems(database, now) == ()


def leave(session: Session) -> None:
    for row in session.exec(select(Subscription)):
        row.standing = Standing.UNSUBSCRIBED


def bounce(session: Session) -> None:
    for row in session.exec(select(Subscriber)):
        row.suppressed = "hard-bounce"


def vanish(session: Session) -> None:
    session.connection().execute(delete(Subscription))
    session.connection().execute(delete(Subscriber))


def be_refused(session: Session) -> None:
    """Refuse the rest, as the provider does by name in an earlier request."""
    session.connection().execute(
        update(Batch)
        .where(col(Batch.state) == BatchState.PENDING)
        .values(state=BatchState.EMPTY, size=0)
    )


@pytest.mark.parametrize("what_happens", [leave, bounce, vanish, be_refused])
def test_a_first_wave_makes_nobody_wait_once_nobody_is_left(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    now: datetime,
    what_happens: Callable[[Session], None],
) -> None:
    make_readers(9)
    sending, stop_event = in_no_time(make_sending(first_wave=3), now)
    with_wave(database, sending, readers=3, seconds=600)
    one_turn(sending)
    with database.write() as session:
        what_happens(session)
    counts = dispatch(sending, concurrency=1, stop_signal=StopSignal(stopping=stop_event))
    assert (counts.accepted, counts.pending) == (3, 0)
    assert sum(stop_event.waits) < 1
    assert the_issue(database).state is IssueState.SENT


def test_one_reader_who_is_left_still_waits_for_the_first_wave(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(9)
    transport = MemoryTransport()
    sending, _ = in_no_time(make_sending(transport, first_wave=3), now)
    with_wave(database, sending, readers=3, seconds=600)
    one_turn(sending)
    with database.write() as session:
        last = session.exec(select(Delivery).order_by(col(Delivery.id).desc())).first()
        assert last is not None
        for row in session.exec(select(Subscription)):
            if row.subscriber_id != last.subscriber_id:
                row.standing = Standing.UNSUBSCRIBED
    one_turn(sending)
    assert len(transport.addresses()) == 3


@pytest.mark.parametrize(
    "answer", [InDoubt(detail="503"), Refused(recipients={0: "no", 1: "no", 2: "no"})],
    ids=["in doubt", "refused"],
)  # fmt: skip
def test_a_first_wave_that_nobody_is_known_to_have_got_holds_the_rest_back(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    now: datetime,
    answer: Answer,
) -> None:
    make_readers(9)
    transport = MemoryTransport(answer=lambda _: answer)
    sending, stop_event = in_no_time(make_sending(transport, first_wave=3), now)
    with_wave(database, sending, readers=3, seconds=60)
    counts = dispatch(sending, concurrency=1, stop_signal=StopSignal(stopping=stop_event))
    issue = the_issue(database)
    assert (issue.state, counts.pending) == (IssueState.PAUSED, 6)
    assert issue.note.startswith("of the first 3 readers 0 are known to be accepted")


def test_a_first_wave_of_which_an_event_proved_that_it_was_accepted_passes(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(9)
    answers: list[Answer] = [InDoubt(detail="503")]
    transport = MemoryTransport(answer=lambda _: answers.pop() if answers else Accepted())
    sending, stop_event = in_no_time(make_sending(transport, first_wave=3), now)
    with_wave(database, sending, readers=3, seconds=60)

    def prove_it() -> None:
        with database.write() as session:
            doubt = session.exec(select(Batch).where(Batch.state == BatchState.IN_DOUBT)).first()
            if doubt is not None:
                key = doubt.attempt or ""
                confirm_acceptance(
                    session, known_attempts(session, [key]), {key: int(now.timestamp())}
                )

    stop_event.meanwhile = prove_it
    counts = dispatch(sending, concurrency=1, stop_signal=StopSignal(stopping=stop_event))
    assert (counts.accepted, counts.pending) == (9, 0)


@pytest.mark.parametrize("past", [False, True], ids=["plain", "past the wave"])
def test_resume_keeps_the_first_wave_unless_a_person_lets_the_rest_go(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    now: datetime,
    past: bool,
) -> None:
    make_readers(6)
    transport = MemoryTransport()
    sending = make_sending(transport)
    with_wave(database, sending, readers=3, seconds=600)
    one_turn(sending)
    with database.write() as session:
        issue = session.exec(select(Issue)).one()
        control.pause(session, issue, "to look at it", NOW)
        control.resume(session, issue, now, past_first_wave=past)
    one_turn(sending)
    assert len(transport.addresses()) == (6 if past else 3)


def test_a_first_wave_taken_for_unsent_goes_alone_again_and_has_its_whole_time(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(9)
    transport = MemoryTransport(answer=lambda _: InDoubt(detail="503"))
    sending, stop_event = in_no_time(make_sending(transport, first_wave=3), now)
    with_wave(database, sending, readers=3, seconds=60)
    dispatch(sending, concurrency=1, stop_signal=StopSignal(stopping=stop_event))
    with database.write() as session:
        edition = session.exec(select(Edition)).one()
        for key in control.in_doubt(session, edition):
            unsent = control.DoubtResolution.UNSENT
            control.resolve(session, key, unsent, by="A", why="B", now=sending.clock())
        control.resume(session, session.exec(select(Issue)).one(), sending.clock())
    again = sum(stop_event.waits)
    seen: list[float] = []

    def accept(_: Mailing) -> Answer:
        seen.append(sum(stop_event.waits) - again)
        return Accepted()

    transport.answer = accept
    counts = dispatch(sending, concurrency=1, stop_signal=StopSignal(stopping=stop_event))
    assert counts.accepted == 9
    assert (seen[0], len(seen)) == (0, 3)
    assert min(seen[1:]) >= 60


def test_a_first_wave_that_was_refused_whole_pauses_the_issue_at_once(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(9)
    nobody = Refused(recipients={0: "no", 1: "no", 2: "no"})
    transport = MemoryTransport(answer=lambda _: nobody)
    sending, stop_event = in_no_time(make_sending(transport, first_wave=3), now)
    with_wave(database, sending, readers=3, seconds=600)
    dispatch(sending, concurrency=1, stop_signal=StopSignal(stopping=stop_event))
    assert (the_issue(database).state, sum(stop_event.waits)) == (IssueState.PAUSED, 0)
    assert "digest resume 1 --past-first-wave" in problems(database, now)[0].next_step


def test_a_pause_in_the_middle_lets_nothing_more_start(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(9)
    transport = MemoryTransport()

    def pause_at_the_first(step: str) -> None:
        if step == "started":
            with database.write() as session:
                control.pause(session, session.exec(select(Issue)).one(), "enough", NOW)

    sending = replace(make_sending(transport), step=pause_at_the_first)
    counts = dispatch(sending, concurrency=1)
    assert (counts.accepted, counts.pending, len(transport.addresses())) == (3, 6, 3)


def test_a_pause_between_claim_and_start_connects_nothing(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(3)
    transport = MemoryTransport()

    def pause_when_claimed(step: str) -> None:
        if step == "claimed":
            with database.write() as session:
                control.pause(session, session.exec(select(Issue)).one(), "enough", NOW)

    sending = replace(make_sending(transport), step=pause_when_claimed)
    counts = dispatch(sending, concurrency=1)
    assert (transport.addresses(), counts.pending) == ([], 3)
    with database.read() as session:
        assert session.exec(select(Batch)).one().state is BatchState.PENDING


def test_what_was_cancelled_stays_unsent_and_still_counts(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(6)
    sending = make_sending(MemoryTransport(answer=lambda _: Halted(status=401, detail="key")))
    dispatch(sending, concurrency=1)
    with database.write() as session:
        control.cancel(session, session.exec(select(Issue)).one(), "wrong list")
    dispatch(sending)
    with database.read() as session:
        counts = count_deliveries(session, sending.edition_id)
    assert counts.balances
    assert (counts.excluded, counts.pending) == (6, 0)


def test_A11_a_stop_claims_nothing_more_and_finishes_what_is_under_way(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(9)
    stop_signal = StopSignal()

    def stop_during(mailing: Mailing) -> Answer:
        stop_signal.stop()
        return Accepted()

    counts = dispatch(make_sending(MemoryTransport(answer=stop_during)),
                      concurrency=1, stop_signal=stop_signal)  # fmt: skip
    assert (counts.accepted, counts.pending, counts.in_doubt) == (3, 6, 0)


def test_A11_what_outlasts_the_grace_is_left_in_doubt(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(6)
    stop_signal = StopSignal(grace=0.0)
    never = threading.Event()

    def hang(mailing: Mailing) -> Answer:
        stop_signal.stop()
        never.wait(5)
        return Accepted()

    counts = dispatch(
        make_sending(MemoryTransport(answer=hang)), concurrency=1, stop_signal=stop_signal
    )
    never.set()
    for thread in threading.enumerate():  # its connection must not outlive the store
        if thread.name.startswith("sender-"):
            thread.join(10)
    assert (counts.in_doubt, counts.under_way, counts.pending) == (3, 3, 3)


def test_the_seed_copy_is_sent_once_an_edition(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(1)
    transport = MemoryTransport()
    sending = make_sending(transport)
    done = [send_seed_copy(sending, "canary@example.com") for _ in range(2)]
    assert (done, transport.addresses()) == ([True, False], ["canary@example.com"])
    assert transport.accepted[0].batch == CANARY_BATCH


def test_the_seed_copy_is_no_candidate(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(2)
    sending = make_sending()
    send_seed_copy(sending, "canary@example.com")
    assert dispatch(sending).candidates == 2


def test_silence_is_weighed_by_what_was_heard_of_the_seed_copy(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(1)
    sending = make_sending(MemoryTransport(answer=lambda _: InDoubt(detail="no answer")))
    send_seed_copy(sending, "canary@example.com")
    dispatch(sending)
    before = problems(database, now)[0].evidence
    with database.write() as session:
        canary = session.exec(select(LetterToSend)).one()
        note_events(session, [canary.attempt], now + timedelta(seconds=14))
    after = problems(database, now + timedelta(minutes=5))[0].evidence
    late = problems(database, now + timedelta(hours=26))[0].evidence
    assert before is not None
    assert before.endswith("silence proves nothing")
    assert after is not None
    assert after.endswith("and of the canary after 14 s; none of this batch yet")
    assert late is not None
    assert late.endswith("probably never accepted")
