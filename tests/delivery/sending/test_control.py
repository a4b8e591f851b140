"""Control of a send: pause, resume, cancel and decide at any moment."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlmodel import select

from digest.db import Database
from digest.delivery.counts import DeliveryCounts
from digest.delivery.models import Batch, Decision
from digest.delivery.sending import control
from digest.delivery.sending.control import DoubtResolution
from digest.delivery.sending.dispatcher import dispatch
from digest.issues.models import Issue, IssueState
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, Halted, InDoubt, NotSent, Refused
from tests.conftest import NOW
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.sending.test_dispatcher import counted, state


def cancel(database: Database) -> None:
    with database.write() as session:
        control.cancel(session, session.exec(select(Issue)).one(), "wrong subject")


def decide(database: Database, verdict: DoubtResolution) -> None:
    with database.write() as session:
        for batch in session.exec(select(Batch).where(Batch.state == "in-doubt")).all():
            control.resolve(session, batch.key, verdict, by="Ada", why="the log", now=NOW)


def without_detail(counts: DeliveryCounts) -> tuple[int, int, int, int]:
    return counts.accepted, counts.excluded, counts.pending, counts.in_doubt


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Accepted(), (3, 3, 0, 0)),
        (NotSent(detail="no connection"), (0, 6, 0, 0)),
        (Halted(detail="bad key"), (0, 6, 0, 0)),
        (Refused(too_large=True), (0, 6, 0, 0)),
        (InDoubt(detail="no answer"), (0, 3, 0, 3)),
    ],
    ids=["accepted", "not-sent", "halted", "split", "in-doubt"],
)
def test_what_comes_back_unsent_after_a_cancellation_stays_unsent(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    answer: Answer,
    expected: tuple[int, int, int, int],
) -> None:
    make_readers(6)

    def cancelled_meanwhile(mailing: Mailing) -> Answer:
        cancel(database)
        return answer

    sending = make_sending(MemoryTransport(answer=cancelled_meanwhile))
    counts = dispatch(sending, concurrency=1)
    assert counts.balances
    assert without_detail(counts) == expected
    assert state(database, sending.edition_id) is IssueState.CANCELLED


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [(DoubtResolution.UNSENT, (0, 6, 0, 0)), (DoubtResolution.ACCEPTED, (3, 3, 0, 0))],
)
def test_a_doubt_of_a_cancelled_issue_is_decided_without_sending(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    verdict: DoubtResolution,
    expected: tuple[int, int, int, int],
) -> None:
    make_readers(6)

    def doubted_and_cancelled(mailing: Mailing) -> Answer:
        cancel(database)
        return InDoubt(detail="no answer")

    sending = make_sending(MemoryTransport(answer=doubted_and_cancelled))
    dispatch(sending, concurrency=1)
    decide(database, verdict)
    assert without_detail(counted(database, sending.edition_id)) == expected


def test_an_issue_is_sent_once_its_last_doubt_is_decided(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(3)
    sending = make_sending(MemoryTransport(answer=lambda _: InDoubt(detail="no answer")))
    dispatch(sending, concurrency=1)
    decide(database, DoubtResolution.ACCEPTED)
    assert state(database, sending.edition_id) is IssueState.SENT
    with database.read() as session:
        decision = session.exec(select(Decision)).one()
    assert (decision.by, decision.why, decision.verdict) == ("Ada", "the log", "accepted")


def test_a_pause_between_claim_and_start_keeps_the_batch_unsent(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(6)
    transport = MemoryTransport()

    def pause_once_claimed(step: str) -> None:
        if step == "claimed":
            with database.write() as session:
                control.pause(session, session.exec(select(Issue)).one(), "a typo", NOW)

    sending = make_sending(transport)
    counts = dispatch(replace(sending, step=pause_once_claimed), concurrency=1)
    assert (transport.addresses(), counts.pending) == ([], 6)
    with database.write() as session:
        control.resume(session, session.exec(select(Issue)).one(), NOW)
    assert dispatch(sending, concurrency=1).accepted == 6
