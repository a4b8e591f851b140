"""Mail to the publisher's own people: seed copies, test copies and notices leave at most once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from digest.db import Database
from digest.errors import DigestError
from digest.letters.internal_mail import send_notice, send_seed_copy, send_test_copy
from digest.mail.mailing import Content, Mailbox, Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, Halted, InDoubt, NotSent, Refused
from subscribers import letter_queue, retention
from subscribers.letter_queue import CUT_OFF, MOST_TRIES
from subscribers.models import LetterKind, LetterState, LetterToSend, SendOutcome
from subscribers.reader_letter import Letter
from subscribers.sql import UnitOfWork
from subscribers.tokens import Hashes, Links, Tokens
from tests.delivery.conftest import SECRET, MakeReaders, MakeSending

BASE = "https://news.example.com"
ABOUT = "weekly/2026-W48/held"
CONTENT = Content(
    subject="S", html="<p>H</p>", text="T", sender=Mailbox("us@example.com"), category="weekly"
)
NOTICE = Mailing(content=CONTENT, recipients=[], issue="editors")


class ProcessDied(BaseException):
    """The death of the process: no code of the engine may catch it."""


@dataclass
class DyingStore:
    """A store whose process dies at one of its commits: before it, or after it is on disk."""

    store: Database
    step: int
    durable: bool
    steps: int = 0

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session whose commit may kill the process."""
        self.steps += 1
        with self.store.write() as session:
            yield session
            if self.steps == self.step and not self.durable:
                raise ProcessDied
        if self.steps == self.step:
            raise ProcessDied

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that only reads."""
        with self.store.read() as session:
            yield session


@dataclass
class NoticeSender:
    """Sends one notice, each time it is called."""

    store: UnitOfWork
    now: datetime
    answer: Answer = field(default_factory=Accepted)
    dies: bool = False
    transport: MemoryTransport = field(init=False)

    def __post_init__(self) -> None:
        self.transport = MemoryTransport(answer=lambda _: self.answer)

    def send(self, store: UnitOfWork | None = None) -> SendOutcome | None:
        """Send it."""
        return send_notice(store or self.store, self.hand_over, NOTICE, "weekly", ABOUT, self.now)

    def hand_over(self, mailing: Mailing) -> Answer:
        """Hand a mailing over; the process may die in it."""
        answer = self.transport.hand_over(self.transport.prepare(mailing))
        if self.dies:
            raise ProcessDied
        return answer


@pytest.fixture
def notices(database: Database, now: datetime) -> NoticeSender:
    return NoticeSender(database, now)


def rows(database: Database) -> list[LetterToSend]:
    with database.read() as session:
        return list(session.exec(select(LetterToSend)).all())


@pytest.mark.parametrize(
    ("step", "durable", "copies"),
    [(1, False, 1), (1, True, 0), (2, False, 1), (2, True, 1)],
    ids=["before the claim", "claimed", "before it is settled", "settled"],
)
def test_killed_at_each_commit_a_notice_leaves_at_most_once(
    notices: NoticeSender, database: Database, step: int, durable: bool, copies: int
) -> None:
    with pytest.raises(ProcessDied):
        notices.send(DyingStore(database, step, durable))
    notices.send()
    notices.send()
    assert len(notices.transport.accepted) == copies


def test_killed_while_it_is_handed_over_a_notice_ends_in_doubt(
    notices: NoticeSender, database: Database, now: datetime
) -> None:
    notices.dies = True
    with pytest.raises(ProcessDied):
        notices.send()
    notices.dies = False
    letter_queue.send_waiting(
        database,
        UnusedCarrier(),
        Links(BASE, Tokens([SECRET])),
        Hashes([SECRET]),
        lambda: now + 2 * CUT_OFF,
    )
    assert notices.send() is None
    assert [row.state for row in rows(database)] == [LetterState.IN_DOUBT]


class UnusedCarrier:
    """A carrier for letters that must not be called."""

    def send(self, letter: Letter) -> SendOutcome:
        """Fail, since no letter waits."""
        raise AssertionError(letter.kind)


def test_I4_a_notice_is_on_record_as_started_before_it_leaves(
    database: Database, now: datetime
) -> None:
    seen: list[LetterState] = []

    def check(_: Mailing) -> Answer:
        seen.extend(row.state for row in rows(database))
        return Accepted()

    send_notice(database, check, NOTICE, "weekly", ABOUT, now)
    assert seen == [LetterState.STARTED]


@pytest.mark.parametrize("answer", [NotSent(detail="no route"), Halted(detail="no key")])
def test_a_notice_that_was_not_sent_is_tried_a_number_of_times(
    notices: NoticeSender, answer: Answer
) -> None:
    notices.answer = answer
    outcomes = [notices.send() for _ in range(MOST_TRIES + 5)]
    assert outcomes == [answer.outcome] * MOST_TRIES + [None] * 5


def test_a_notice_that_was_tried_too_often_counts_as_failed(
    notices: NoticeSender, database: Database
) -> None:
    notices.answer = NotSent(detail="no route")
    states = []
    for _ in range(MOST_TRIES):
        notices.send()
        with database.read() as session:
            states.append(letter_queue.states(session, LetterKind.NOTICE, "weekly")[ABOUT])
    assert states == [LetterState.WAITING] * (MOST_TRIES - 1) + [LetterState.FAILED]


@pytest.mark.parametrize("answer", [Refused(detail="no"), InDoubt(detail="silence")])
def test_a_notice_that_was_refused_or_is_in_doubt_is_not_sent_again(
    notices: NoticeSender, answer: Answer
) -> None:
    notices.answer = answer
    assert [notices.send(), notices.send()] == [answer.outcome, None]


def test_a_notice_that_cannot_be_made_is_never_sent(
    notices: NoticeSender, database: Database, now: datetime
) -> None:
    outcome = send_notice(database, notices.hand_over, None, "weekly", ABOUT, now)
    assert (outcome, notices.send()) == (SendOutcome.UNMADE, None)


@pytest.mark.parametrize("answer", [NotSent(detail="no route"), InDoubt(detail="silence")])
def test_a_seed_copy_is_never_sent_again(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, answer: Answer
) -> None:
    make_readers(1)
    sending = make_sending(MemoryTransport(answer=lambda _: answer))
    assert [send_seed_copy(sending, "seed@example.com") for _ in range(2)] == [True, False]
    [row] = rows(database)
    assert (row.kind, row.newsletter, row.outcome) == (LetterKind.SEED, "weekly", answer.outcome)


def test_a_seed_copy_whose_sender_died_is_never_sent_again(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(1)

    def die(_: Mailing) -> Answer:
        raise ProcessDied

    sending = make_sending(MemoryTransport(answer=die))
    with pytest.raises(ProcessDied):
        send_seed_copy(sending, "seed@example.com")
    transport = MemoryTransport()
    assert send_seed_copy(replace(sending, transport=transport), "seed@example.com") is False
    assert transport.accepted == []


def test_each_test_copy_is_on_record_and_its_address_is_not(
    database: Database, now: datetime
) -> None:
    transport = MemoryTransport()
    for _ in range(2):
        send_test_copy(database, transport, CONTENT, "me@e.org", base_url=BASE, clock=lambda: now)
    kept = [(row.kind, row.newsletter, row.state) for row in rows(database)]
    assert kept == [(LetterKind.TEST, "weekly", LetterState.SENT)] * 2
    assert "me@e.org" not in repr([row.model_dump() for row in rows(database)])
    assert [mailing.content.subject for mailing in transport.accepted] == ["[Test] S"] * 2


def test_a_test_copy_that_is_not_taken_says_so_and_is_not_tried_again(
    database: Database, now: datetime
) -> None:
    transport = MemoryTransport(answer=lambda _: NotSent(detail="no route"))
    with pytest.raises(DigestError, match="no route"):
        send_test_copy(database, transport, CONTENT, "me@e.org", base_url=BASE, clock=lambda: now)
    [row] = rows(database)
    assert (row.state, row.outcome) == (LetterState.FAILED, SendOutcome.NOT_SENT)


def test_test_copies_are_forgotten_and_what_is_sent_once_is_not(
    notices: NoticeSender, database: Database, now: datetime
) -> None:
    notices.send()
    transport = MemoryTransport()
    send_test_copy(database, transport, CONTENT, "me@e.org", base_url=BASE, clock=lambda: now)
    retention.purge(database, Hashes([SECRET]), now + timedelta(days=100))
    assert [row.about for row in rows(database)] == [ABOUT]
    assert notices.send() is None
