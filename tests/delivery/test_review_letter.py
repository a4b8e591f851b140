"""Codes for editors, and the letters that bring them, on each kind of database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from digest.db import Database
from digest.errors import WrongState
from digest.issues import approval, newsletters, review_code, store
from digest.issues.models import Approval, ApprovalChannel, Issue, Newsletter, ReviewCode
from digest.issues.review_code import ReviewSubject
from digest.issues.review_link import mark_of_editor
from digest.letters.review_letter import CodeSending, send_codes
from digest.mail.mailing import Content, Mailbox, Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, InDoubt, NotSent, Refused
from subscribers.models import LetterState
from subscribers.tokens import Tokens
from tests.delivery.conftest import SECRET

ANN = "ann@example.org"
TOKENS = Tokens([SECRET])


@dataclass
class Codes:
    """The codes of one editor for one issue, and the letters that bring them."""

    store: Database
    issue_id: int
    now: datetime
    answer: Answer = field(default_factory=Accepted)
    editors: list[str] = field(default_factory=lambda: [ANN])
    sent: list[Mailing] = field(default_factory=list)

    @property
    def subject(self) -> ReviewSubject:
        mark = mark_of_editor(ANN)
        return ReviewSubject(issue_id=self.issue_id, editor=mark, fingerprint="f")

    def ask(self) -> str:
        """Ask for a code, and return its digits."""
        with self.store.write() as session:
            store.by_id(session, self.issue_id, lock=True)
            code = review_code.ask(session, self.subject, "weekly", self.now)
            return review_code.digits(code, TOKENS)

    def spend(self, given: str, **other: str) -> str:
        """Return why a code is refused; empty where it is right."""
        subject = ReviewSubject(**{**vars(self.subject), **other})
        with self.store.write() as session:
            store.by_id(session, self.issue_id, lock=True)
            return review_code.spend(session, subject, given, TOKENS, self.now)

    def send(self) -> Counter[LetterState]:
        """Send what waits."""
        transport = MemoryTransport(answer=lambda _: self.answer)

        def hand_over(mailing: Mailing) -> Answer:
            self.sent.append(mailing)
            return transport.hand_over(transport.prepare(mailing))

        sending = CodeSending(
            store=self.store,
            hand_over=hand_over,
            tokens=TOKENS,
            editors=self.editors,
            letter=letter,
        )
        return send_codes(sending, lambda: self.now)


def letter(_newsletter: Newsletter, subject: str, words: object) -> Content:
    return Content(subject=subject, html="", text=str(words), sender=Mailbox("us@example.com"))


@pytest.fixture
def codes(database: Database, now: datetime, make_issue: Callable[[], tuple[int, int]]) -> Codes:
    return Codes(database, make_issue()[0], now)


def test_a_code_decides_once(codes: Codes) -> None:
    code = codes.ask()
    assert len(code) == 8
    assert codes.spend(f" {code[:4]}-{code[4:]} ") == ""
    assert "No code is open" in codes.spend(code)


def test_the_digits_are_not_stored_and_another_secret_makes_others(codes: Codes) -> None:
    code = codes.ask()
    with codes.store.read() as session:
        row = session.exec(select(ReviewCode)).one()
        assert code not in str(row.model_dump())
        other = Tokens(["another secret of the tests, long enough"])
        assert review_code.digits(row, other) != code


@pytest.mark.parametrize("other", [{"fingerprint": "g"}, {"editor": "00000000"}])
def test_a_code_is_bound_to_its_editor_and_its_mail(codes: Codes, other: dict[str, str]) -> None:
    code = codes.ask()
    assert codes.spend(code, **other) != ""
    assert codes.spend(code) == ""


def test_wrong_codes_are_counted_although_many_come_at_once(codes: Codes) -> None:
    code = codes.ask()
    with ThreadPoolExecutor(8) as threads:
        refused = list(threads.map(codes.spend, ["0"] * 8))
    assert all(refused)
    assert "No code is open" in codes.spend(code)
    with codes.store.read() as session:
        assert session.exec(select(ReviewCode.tries)).one() == review_code.MOST_WRONG


def test_of_two_who_give_one_code_at_once_one_is_let_in(codes: Codes) -> None:
    code = codes.ask()
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(codes.spend, [code] * 4))
    assert answers.count("") == 1


def test_no_more_codes_are_asked_for_than_allowed_although_many_ask_at_once(codes: Codes) -> None:
    def ask(_: int) -> bool:
        try:
            return bool(codes.ask())
        except WrongState:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(ask, range(8))) == review_code.MOST_CODES
    codes.now += review_code.WINDOW
    assert ask(0)


def test_an_old_code_is_deleted_once_another_is_asked_for(codes: Codes) -> None:
    codes.ask()
    codes.now += timedelta(days=2)
    codes.ask()
    with codes.store.read() as session:
        assert len(session.exec(select(ReviewCode)).all()) == 1


def test_a_code_goes_to_its_editor_alone_and_once(codes: Codes) -> None:
    codes.editors = ["ben@example.org", ANN]
    code = codes.ask()
    assert codes.send() == {LetterState.SENT: 1}
    assert codes.send() == {}
    (mailing,) = codes.sent
    assert [to.address for to in mailing.recipients] == [ANN]
    assert f"{code[:4]} {code[4:]}" in mailing.content.text
    assert code[:4] not in mailing.content.subject


def test_a_code_that_was_surely_not_sent_is_sent_again_while_it_lasts(codes: Codes) -> None:
    codes.ask()
    codes.answer = NotSent(detail="no route")
    assert codes.send() == {LetterState.WAITING: 1}
    codes.answer = Accepted()
    assert codes.send() == {LetterState.SENT: 1}
    codes.ask()
    codes.answer = NotSent(detail="no route")
    codes.send()
    codes.now += review_code.LASTS
    assert codes.send() == {LetterState.WITHHELD: 1}
    assert len(codes.sent) == 3


@pytest.mark.parametrize(
    ("answer", "state"),
    [(InDoubt(detail="cut"), LetterState.IN_DOUBT), (Refused(), LetterState.FAILED)],
)
def test_a_code_in_doubt_or_refused_is_not_sent_again(
    codes: Codes, answer: Answer, state: LetterState
) -> None:
    codes.ask()
    codes.answer = answer
    assert codes.send() == {state: 1}
    assert codes.send() == {}
    with codes.store.read() as session:
        row = session.exec(select(ReviewCode)).one()
        assert review_code.letter_state(session, row) is state


def test_a_used_code_and_one_of_a_former_editor_are_not_sent(codes: Codes) -> None:
    codes.spend(codes.ask())
    codes.editors = ["ben@example.org"]
    codes.ask()
    assert codes.send() == {LetterState.WITHHELD: 2}
    assert codes.sent == []


def test_approvals_at_one_moment_are_all_kept(codes: Codes, now: datetime) -> None:
    with codes.store.write() as session:
        newsletter = session.exec(select(Newsletter)).one()
        newsletters.change(session, newsletter, {"approvals": 2})
        session.add(newsletter)

    def approve(by: str) -> None:
        with codes.store.write() as session:
            issue = session.get_one(Issue, codes.issue_id)
            approval.approve(
                session,
                issue,
                templates="t",
                findings=(),
                by=by,
                now=now,
                channel=ApprovalChannel.LINK,
            )

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(approve, ["Ann", "Ben"]))
    with codes.store.read() as session:
        issue = session.get_one(Issue, codes.issue_id)
        assert approval.require_approved(session, issue, templates="t", findings=())
        assert {entry.by for entry in session.exec(select(Approval)).all()} == {"Ann", "Ben"}
