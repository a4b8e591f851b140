"""Process death at each step of a batch, without killing a process (fault matrix, A)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from digest.db import Database
from digest.delivery.models import Attempt, Batch, BatchState, Decision
from digest.delivery.reporting.status import issue_status
from digest.delivery.sending import control
from digest.delivery.sending.batch_worker import (
    EditionSend,
    UnsettledResponse,
    send_batch,
    settle_and_claim,
)
from digest.delivery.sending.confirmation import confirm_acceptance, known_attempts
from digest.delivery.sending.control import DoubtResolution
from digest.delivery.sending.dispatcher import dispatch, recover_dead_senders
from digest.issues.models import Edition, Issue
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, Halted, InDoubt, NotSent, Refused
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.sending.test_dispatcher import counted


def overtaken(sending: EditionSend, at: str, now: datetime) -> EditionSend:
    """Return it as a sender that freezes after a step, until its lease is over and it is robbed."""
    later = replace(sending, clock=lambda: now + timedelta(hours=1))
    done: list[str] = []

    def step(name: str) -> None:
        if name == at and not done:
            done.append(name)
            recover_dead_senders(later, lambda _: None)

    return replace(sending, step=step)


def test_A13_a_sender_that_wakes_after_its_claim_was_taken_back_gives_up(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3)
    transport = MemoryTransport()
    sending = make_sending(transport)
    counts = dispatch(overtaken(sending, "claimed", now), concurrency=1)
    assert (counts.accepted, len(transport.accepted)) == (3, 1)


def test_A13_a_sender_that_wakes_after_its_start_was_taken_back_does_not_connect(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3)
    transport = MemoryTransport()
    sending = make_sending(transport)
    seen: list[int] = []
    frozen = overtaken(sending, "started", now)

    def step(name: str) -> None:
        frozen.step(name)
        seen.append(counted(database, sending.edition_id).in_doubt)

    counts = dispatch(replace(sending, step=step), concurrency=1)
    # It was in doubt; then its own sender said that nothing had left, and it went out once.
    assert 3 in seen
    assert [request.attempt for request in transport.accepted] == [_attempts(database)[1]]
    assert (counts.accepted, counts.in_doubt, len(transport.accepted)) == (3, 0, 1)


LATE: list[Answer] = [
    NotSent(detail="no connection"),
    Refused(detail="no"),
    Halted(detail="bad key"),
    InDoubt(detail="no answer"),
    Accepted(),
]


@pytest.mark.parametrize("late", LATE, ids=lambda answer: type(answer).__name__.lower())
def test_A13_a_late_answer_says_nothing_of_the_attempt_that_came_after(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    now: datetime,
    late: Answer,
) -> None:
    make_readers(3)
    sending = make_sending(MemoryTransport(answer=lambda _: late))
    first = handed_over(sending)
    recover_dead_senders(replace(sending, clock=lambda: now + timedelta(hours=1)), lambda _: None)
    with database.write() as session:
        key = session.exec(select(Batch)).one().key
        control.resolve(session, key, DoubtResolution.UNSENT, by="Ada", why="the log", now=now)
    second = handed_over(sending)
    settled, _ = settle_and_claim(sending, first, more=False)
    with database.read() as session:
        batch = session.exec(select(Batch)).one()
    assert settled is not None
    assert (settled.outcome, batch.state) == ("superseded", BatchState.STARTED)
    assert batch.attempt == second.claim.attempt


@pytest.mark.parametrize(("again", "copies"), [(False, 0), (True, 3)], ids=["in time", "too late"])
def test_A13_a_late_202_proves_a_decision_wrong(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    now: datetime,
    again: bool,
    copies: int,
) -> None:
    make_readers(3)
    transport = MemoryTransport()
    sending = make_sending(transport)
    first = handed_over(sending)
    recover_dead_senders(replace(sending, clock=lambda: now + timedelta(hours=1)), lambda _: None)
    with database.write() as session:
        key = session.exec(select(Batch)).one().key
        control.resolve(session, key, DoubtResolution.UNSENT, by="Ada", why="the log", now=now)
    if again:
        dispatch(sending, concurrency=1)
    settle_and_claim(sending, first, more=False)
    dispatch(sending, concurrency=1)
    with database.read() as session:
        assert session.exec(select(Decision.contradicted)).one() == copies
        assert session.exec(select(Batch.state)).one() is BatchState.ACCEPTED
        issue, edition = session.exec(select(Issue)).one(), session.exec(select(Edition)).one()
        [problem] = issue_status(session, issue, edition, now).problems
    assert len(transport.accepted) == (2 if again else 1)
    assert problem.what.startswith("3 readers got two copies" if again else "nobody got two copies")


@pytest.mark.parametrize("second", LATE, ids=lambda answer: type(answer).__name__.lower())
def test_A13_once_a_decision_is_proved_wrong_no_third_copy_leaves(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    now: datetime,
    second: Answer,
) -> None:
    make_readers(3)
    transport = MemoryTransport()
    sending = make_sending(transport)
    first = handed_over(sending)
    recover_dead_senders(replace(sending, clock=lambda: now + timedelta(hours=1)), lambda _: None)
    with database.write() as session:
        key = session.exec(select(Batch)).one().key
        control.resolve(session, key, DoubtResolution.UNSENT, by="Ada", why="the log", now=now)
    again = handed_over(sending)
    settle_and_claim(
        sending, first, more=False
    )  # the late 202, while the second request is on its way
    settle_and_claim(sending, replace(again, answer=second), more=False)
    dispatch(sending, concurrency=1)
    with database.read() as session:
        assert session.exec(select(Batch.state)).one() is BatchState.ACCEPTED
        assert session.exec(select(Decision.contradicted)).one() == 3
    assert len(transport.accepted) == 2


@pytest.mark.parametrize("dies", [False, True], ids=["doubtful answer", "its sender dies"])
def test_A13_a_second_copy_that_may_have_left_is_reported(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    now: datetime,
    dies: bool,
) -> None:
    make_readers(3)
    sending = make_sending(MemoryTransport())
    late = replace(sending, clock=lambda: now + timedelta(hours=1))
    first = handed_over(sending)
    recover_dead_senders(late, lambda _: None)
    with database.write() as session:
        key = session.exec(select(Batch)).one().key
        control.resolve(session, key, DoubtResolution.UNSENT, by="Ada", why="the log", now=now)
    again = handed_over(sending)
    if not dies:
        settle_and_claim(sending, replace(again, answer=InDoubt(detail="no answer")), more=False)
    settle_and_claim(sending, first, more=False)
    recover_dead_senders(late, lambda _: None)
    with database.read() as session:
        assert session.exec(select(Batch.state)).one() is BatchState.ACCEPTED
        assert session.exec(select(Decision.contradicted)).one() == 3


@pytest.mark.parametrize("answer", LATE, ids=lambda answer: type(answer).__name__.lower())
def test_B08_only_after_acceptance_is_the_next_claimed_at_once(
    make_readers: MakeReaders, make_sending: MakeSending, answer: Answer
) -> None:
    make_readers(9)
    sending = make_sending()
    handed = handed_over(sending)
    _, taken = settle_and_claim(sending, replace(handed, answer=answer), more=True)
    # Whoever leaves while the engine waits must be left out of what it claims afterwards.
    assert (taken is not None) == isinstance(answer, Accepted)


def test_A13_a_sender_that_wakes_leaves_alone_what_another_has_claimed(
    make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3)
    transport = MemoryTransport()
    sending = make_sending(transport)
    _, claimed = settle_and_claim(sending, None, more=True)
    recover_dead_senders(replace(sending, clock=lambda: now + timedelta(hours=1)), lambda _: None)
    _, theirs = settle_and_claim(replace(sending, owner="another"), None, more=True)
    assert claimed is not None
    assert theirs is not None
    assert send_batch(sending, claimed) is None
    handed = send_batch(sending, theirs)
    assert handed is not None
    settle_and_claim(sending, handed, more=False)
    assert [request.attempt for request in transport.accepted] == [theirs.attempt]


def _attempts(database: Database) -> list[str]:
    """Return the keys of all attempts, in the order they were made."""
    with database.read() as session:
        return list(session.exec(select(Attempt.key).order_by(col(Attempt.number))))


class ProcessDied(BaseException):
    """The death of the process: no code of the engine may catch it."""


def dies_after(sending: EditionSend, step: str) -> None:
    """Send until that step is durable for the first time, then die."""

    def die(name: str) -> None:
        if name == step:
            raise ProcessDied

    with pytest.raises(ProcessDied):
        dispatch(replace(sending, step=die), concurrency=1)


@pytest.mark.parametrize(("step", "doubts"), [("claimed", 0), ("started", 3)])
def test_A03_dead_before_connecting_is_unsent_until_the_start_is_on_record(
    make_readers: MakeReaders, make_sending: MakeSending, step: str, doubts: int
) -> None:
    make_readers(6)
    transport = MemoryTransport()
    sending = make_sending(transport)
    dies_after(sending, step)
    assert transport.accepted == []
    counts = dispatch(sending, concurrency=1, is_alive=lambda _: False)
    assert (counts.in_doubt, counts.accepted, counts.pending) == (doubts, 6 - doubts, 0)
    assert len(set(transport.addresses())) == len(transport.addresses()) == 6 - doubts


def test_A06_dead_after_the_202_was_read_is_in_doubt_until_an_event_proves_it(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3)
    transport = MemoryTransport()
    sending = make_sending(transport)
    dies_after(sending, "answered")
    counts = dispatch(sending, concurrency=1, is_alive=lambda _: False)
    assert (counts.in_doubt, counts.accepted, len(transport.accepted)) == (3, 0, 1)
    with database.write() as session:
        [attempt] = _attempts(database)
        confirm_acceptance(
            session, known_attempts(session, [attempt]), {attempt: int(now.timestamp())}
        )
    counts = dispatch(sending, concurrency=1)
    assert (counts.in_doubt, counts.accepted, len(transport.accepted)) == (0, 3, 1)


def test_A07_dead_after_acceptance_is_on_record_goes_on_with_the_next(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(9)
    transport = MemoryTransport()
    sending = make_sending(transport)
    dies_after(sending, "settled")
    counts = dispatch(sending, concurrency=1, is_alive=lambda _: False)
    assert (counts.in_doubt, counts.accepted) == (0, 9)
    assert len(set(transport.addresses())) == len(transport.addresses()) == 9


def handed_over(sending: EditionSend) -> UnsettledResponse:
    """Claim, start and send a batch; its answer isn't recorded yet."""
    _, claim = settle_and_claim(sending, None, more=True)
    assert claim is not None
    handed = send_batch(sending, claim)
    assert handed is not None
    return handed
