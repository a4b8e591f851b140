"""The status of an issue without provider events: a hint at the webhook."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from digest.db import Database
from digest.delivery.models import Delivery, DeliveryStatus
from digest.delivery.reporting.status import issue_status
from digest.delivery.sending.dispatcher import dispatch
from digest.issues.models import Edition, Issue
from digest.mail.memory import MemoryTransport
from digest.mail.transport import InDoubt
from tests.delivery.conftest import MakeReaders, MakeSending


@pytest.fixture
def sent(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> Database:
    make_readers(2)
    dispatch(make_sending())
    with database.write() as session:
        session.exec(select(Issue)).one().sent_at = now
    return database


def problems(database: Database, now: datetime) -> list[str]:
    with database.read() as session:
        issue = session.exec(select(Issue)).one()
        where = issue_status(session, issue, session.exec(select(Edition)).one(), now)
    return [problem.what for problem in where.problems]


def test_an_hour_of_silence_is_a_problem(sent: Database, now: datetime) -> None:
    assert problems(sent, now + timedelta(minutes=59)) == []
    assert [
        "no event has arrived" in what for what in problems(sent, now + timedelta(hours=1))
    ] == [True]


def test_any_event_ends_it(sent: Database, now: datetime) -> None:
    with sent.write() as session:
        first = session.exec(select(Delivery).limit(1)).one()
        first.news = DeliveryStatus.PROCESSED
    assert problems(sent, now + timedelta(days=3)) == []


def test_a_mail_server_s_silence_is_no_problem(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(2)
    dispatch(make_sending(MemoryTransport(one_by_one=True)))
    with database.write() as session:
        session.exec(select(Issue)).one().sent_at = now
    assert problems(database, now + timedelta(days=3)) == []


def test_a_mail_server_s_silence_proves_nothing_of_a_doubt(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(2)
    unsure = MemoryTransport(answer=lambda _: InDoubt(detail="no answer"), one_by_one=True)
    dispatch(make_sending(unsure))
    with database.read() as session:
        issue = session.exec(select(Issue)).one()
        edition = session.exec(select(Edition)).one()
        [doubt] = issue_status(session, issue, edition, now + timedelta(days=3)).problems
    assert "silence proves nothing" in str(doubt.evidence)
    assert str(doubt.next_step).startswith("look for its mails in the mail server's log")
