"""Readers who unsubscribe, are erased or change address during a send (fault matrix, G)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from sqlmodel import select

from digest.db import Database
from digest.delivery.models import Batch, Delivery
from digest.delivery.sending import control
from digest.delivery.sending.batch_worker import EditionSend
from digest.delivery.sending.control import DoubtResolution
from digest.delivery.sending.dispatcher import dispatch
from digest.delivery.sending.planning import plan_deliveries
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, InDoubt
from subscribers import lifecycle, store, suppression
from subscribers.address.syntax import parse
from subscribers.models import Standing, Subscriber
from subscribers.store import Evidence
from subscribers.tokens import Hashes
from tests.delivery.conftest import SECRET, MakeReaders, MakeSending

READERS = 4
HASHES = Hashes([SECRET])
PAGE = Evidence(channel="page")
Change = Callable[[], None]


@dataclass
class PreparedIssue:
    """An issue prepared for four readers in one batch; `FIRST` is the first reader."""

    database: Database
    sending: EditionSend
    transport: MemoryTransport
    reader: int
    now: datetime

    def leave(self) -> None:
        with self.database.write() as session:
            lifecycle.leave(session, self.reader, "weekly", PAGE, self.now)

    def erase(self) -> None:
        with self.database.write() as session:
            lifecycle.erase(session, self.reader, PAGE, HASHES, self.now)

    def move(self) -> None:
        with self.database.write() as session:
            row = session.get_one(Subscriber, self.reader)
            row.address = row.address_key = "elsewhere@example.org"

    def send(self, *, at: str = "", change: Change | None = None, doubt: bool = False) -> None:
        """Send; *change* runs at step *at*; with *doubt* the first answer is in doubt."""
        changes = [change] if change else []
        answers: list[Answer] = [InDoubt(detail="no answer")] if doubt else []

        def step(name: str) -> None:
            if name == at and changes:
                changes.pop()()

        self.transport.answer = lambda _: answers.pop() if answers else Accepted()
        counts = dispatch(replace(self.sending, step=step), concurrency=1)
        assert counts.balances
        assert counts.candidates == READERS

    def decide(self, verdict: DoubtResolution) -> None:
        with self.database.write() as session:
            batch = session.exec(select(Batch)).one()
            control.resolve(session, batch.key, verdict, by="Ada", why="the log", now=self.now)

    def reason(self) -> str | None:
        with self.database.read() as session:
            statement = select(Delivery.reason).where(Delivery.subscriber_id == self.reader)
            return session.exec(statement).one()

    def next_issue(self) -> list[str]:
        """Freeze and send another issue; returns who got it."""
        with self.database.write() as session:
            session.add(
                Issue(
                    id=2, newsletter_id=1, number=2, period="2026-W49", state=IssueState.BUILT,
                    built_at=self.now,
                )
            )  # fmt: skip
            session.flush()
            session.add(
                Edition(
                    id=2, issue_id=2, subject="S", html="<p>H</p>", text="T", fingerprint="f",
                    frozen_at=self.now,
                )
            )  # fmt: skip
            session.flush()
            plan_deliveries(
                session,
                issue=session.get_one(Issue, 2),
                edition=session.get_one(Edition, 2),
                newsletter="weekly",
                batch_size=10,
                now=self.now,
            )
        later = MemoryTransport()
        dispatch(replace(self.sending, edition_id=2, transport=later), concurrency=1)
        return later.addresses()


@pytest.fixture
def prepared(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> PreparedIssue:
    first, *_ = make_readers(READERS)
    transport = MemoryTransport()
    return PreparedIssue(database, make_sending(transport, batch_size=10), transport, first, now)


FIRST = "confirmed-free-0@example.org"


def test_G01_who_leaves_while_an_earlier_attempt_waits_is_not_in_the_next(
    prepared: PreparedIssue,
) -> None:
    prepared.send(doubt=True)
    prepared.leave()
    prepared.decide(DoubtResolution.UNSENT)
    prepared.send()
    assert FIRST not in prepared.transport.addresses()
    assert prepared.reason() == "unsubscribed"


@pytest.mark.parametrize("at", ["claimed", "started", "answered"])
def test_G02_who_leaves_after_the_claim_gets_this_copy_and_no_later_one(
    prepared: PreparedIssue, at: str
) -> None:
    prepared.send(at=at, change=prepared.leave)
    assert prepared.transport.addresses().count(FIRST) == 1
    assert FIRST not in prepared.next_issue()


@pytest.mark.parametrize("at", ["claimed", "started", "answered", "settled"])
def test_G03_who_is_erased_at_any_step_still_counts(prepared: PreparedIssue, at: str) -> None:
    prepared.send(at=at, change=prepared.erase)
    assert prepared.transport.addresses().count(FIRST) == 1
    assert FIRST not in prepared.next_issue()


def test_G03_who_is_erased_while_in_doubt_is_not_mailed_again(prepared: PreparedIssue) -> None:
    prepared.send(doubt=True)
    prepared.erase()
    prepared.decide(DoubtResolution.UNSENT)
    prepared.send()
    assert FIRST not in prepared.transport.addresses()
    assert prepared.reason() == "erased"


def test_G03_who_was_erased_is_not_mailed_after_an_import_brings_the_address_back(
    prepared: PreparedIssue,
) -> None:
    prepared.send()
    prepared.erase()
    with prepared.database.write() as session:
        key = parse(FIRST).key
        again = store.add(session, parse(FIRST), prepared.now)
        record = suppression.find(session, key, HASHES)  # as an import asks for it
        store.mark_suppressed(session, [key], record.reason if record else None)
        confirmed = Standing.CONFIRMED
        store.join(session, again, "weekly", confirmed, prepared.now, source="import")
    assert FIRST not in prepared.next_issue()


@pytest.mark.parametrize(
    ("at", "expected"),
    [("", "elsewhere@example.org"), ("claimed", FIRST), ("started", FIRST), ("answered", FIRST)],
    ids=["before the claim", "claimed", "started", "answered"],
)
def test_G04_one_address_gets_the_issue_and_never_both(
    prepared: PreparedIssue, at: str, expected: str
) -> None:
    if not at:
        prepared.move()
    prepared.send(at=at, change=prepared.move)
    addresses = {FIRST, "elsewhere@example.org"}
    assert [who for who in prepared.transport.addresses() if who in addresses] == [expected]


def mails_to(mailings: list[Mailing], *addresses: str) -> int:
    return sum(r.address in addresses for mailing in mailings for r in mailing.recipients)


def test_G04_who_moves_while_in_doubt_is_not_mailed_anew_by_itself(prepared: PreparedIssue) -> None:
    prepared.send(doubt=True)
    prepared.move()
    prepared.send()
    assert mails_to(prepared.transport.accepted, FIRST, "elsewhere@example.org") == 0
