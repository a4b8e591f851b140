"""Outbox copies told apart from sent mail, and the recipients who were refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from digest.db import Database
from digest.delivery.reporting.exclusions import excluded_readers, exclusion_counts
from digest.delivery.sending.control import (
    DoubtResolution,
    count_outbox_copies,
    discard_outbox_copies,
    resolve,
)
from digest.delivery.sending.dispatcher import dispatch
from digest.errors import WrongState
from digest.issues.models import Issue, IssueState
from digest.mail.memory import MemoryTransport
from digest.mail.outbox import Outbox
from digest.mail.transport import Accepted, Refused
from tests.conftest import NOW
from tests.delivery.conftest import MakeReaders, MakeSending


def test_copies_in_the_folder_are_told_from_mail_that_left(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, tmp_path: Path
) -> None:
    make_readers(4)
    sending = make_sending(Outbox(tmp_path))
    dispatch(sending)
    with database.read() as session:
        assert count_outbox_copies(session, sending.edition_id) == 4


def test_what_was_taken_back_reaches_each_reader_once(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, tmp_path: Path
) -> None:
    make_readers(4)
    sending = make_sending(Outbox(tmp_path))
    dispatch(sending)
    with database.write() as session:
        discard_outbox_copies(session, session.exec(select(Issue)).one(), sending.edition_id)
    provider = MemoryTransport()
    counts = dispatch(replace(sending, transport=provider))
    with database.read() as session:
        assert session.exec(select(Issue)).one().state is IssueState.SENT
        assert count_outbox_copies(session, sending.edition_id) == 0
    assert (len(set(provider.addresses())), len(provider.addresses())) == (4, 4)
    assert counts.accepted == 4


def test_mail_that_left_is_never_taken_back(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(4)
    provider = MemoryTransport()
    sending = make_sending(provider)
    dispatch(sending)
    with database.write() as session:
        discard_outbox_copies(session, session.exec(select(Issue)).one(), sending.edition_id)
    dispatch(sending)
    assert len(provider.addresses()) == 4


def test_who_was_refused_can_be_found_with_the_providers_words(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(3)
    make_readers(2, suppressed="complaint")
    sending = make_sending(
        MemoryTransport(
            answer=lambda m: (
                Refused(recipients={0: "no mailbox"}) if len(m.recipients) == 3 else Accepted()
            )
        )
    )
    dispatch(sending, concurrency=1)
    with database.read() as session:
        rows = [
            (row.outcome, row.reason, row.readers)
            for row in exclusion_counts(session, sending.edition_id)
        ]
        people = excluded_readers(session, sending.edition_id)
    assert rows == [("excluded", "suppressed: complaint", 2), ("refused", "no mailbox", 1)]
    assert ("refused", "no mailbox", "confirmed-free-0@example.org") in people
    assert len(people) == 3


@pytest.mark.parametrize(("by", "why"), [("", "because"), ("me", " ")])
def test_a_decision_nobody_signs_or_explains_is_refused(
    database: Database, by: str, why: str
) -> None:
    with database.write() as session, pytest.raises(WrongState, match="a name and a reason"):
        resolve(session, "abc", DoubtResolution.UNSENT, by=by, why=why, now=NOW)
