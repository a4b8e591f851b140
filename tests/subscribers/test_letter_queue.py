"""The letter queue: sent, refused, retried, given up, and nothing secret in a repr."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from digest.db import Database
from subscribers import address_change, lifecycle, store, suppression
from subscribers.address.syntax import parse
from subscribers.letter_queue import CUT_OFF, claim, enqueue, send_waiting, settle
from subscribers.models import (
    LetterKind,
    LetterState,
    LetterToSend,
    SendOutcome,
    Standing,
    SuppressionReason,
)
from subscribers.reader_letter import AskedLetter, AskedLink, Letter
from subscribers.store import Evidence
from subscribers.tokens import Hashes, Links, Tokens
from tests.subscribers.conftest import NEWSLETTER, MakeReader

Send = Callable[..., Counter[LetterState]]


@dataclass
class FakeCarrier:
    """Keeps each letter, and returns the outcome it was made with."""

    answer: SendOutcome = SendOutcome.ACCEPTED
    sent: list[Letter] = field(default_factory=list)

    def send(self, letter: Letter) -> SendOutcome:
        self.sent.append(letter)
        return self.answer


@pytest.fixture
def post() -> FakeCarrier:
    return FakeCarrier()


@pytest.fixture
def send(
    database: Database, tokens: Tokens, hashes: Hashes, post: FakeCarrier, now: datetime
) -> Send:
    """Return a function that sends what waits, so many hours later."""
    links = Links("https://news.example.com", tokens)

    def send(after: timedelta = timedelta()) -> Counter[LetterState]:
        return send_waiting(database, post, links, hashes, lambda: now + after)

    return send


@pytest.fixture
def letter(database: Database, make_reader: MakeReader, now: datetime) -> int:
    """A confirmation letter that waits; returns its reader's number."""
    with database.write() as session:
        reader = make_reader(session, standing=Standing.PENDING)
        enqueue(session, reader, NEWSLETTER, LetterKind.CONFIRM, now, language="de")
    return reader


def test_a_letter_has_one_link_and_the_readers_language(
    send: Send, post: FakeCarrier, letter: int
) -> None:
    assert send() == {LetterState.SENT: 1}
    sent = post.sent[0]
    assert sent.action_url.startswith("https://news.example.com/c/")
    assert (sent.address, sent.language) == ("reader@example.com", "de")
    assert sent.unsubscribe_url == ""


def test_I10_no_address_and_no_link_is_in_the_repr(
    send: Send, post: FakeCarrier, letter: int
) -> None:
    send()
    assert "reader@" not in repr(post.sent[0])
    assert "/c/" not in repr(post.sent[0])


def test_a_sent_letter_is_not_sent_again(send: Send, post: FakeCarrier, letter: int) -> None:
    send()
    send()
    assert len(post.sent) == 1


@pytest.mark.parametrize(
    ("answer", "state"),
    [(SendOutcome.REFUSED, LetterState.FAILED), (SendOutcome.IN_DOUBT, LetterState.IN_DOUBT)],
)
def test_a_letter_refused_or_in_doubt_is_not_sent_again(
    send: Send, post: FakeCarrier, letter: int, answer: SendOutcome, state: LetterState
) -> None:
    post.answer = answer
    assert send() == {state: 1}
    assert send() == {}


def test_a_letter_that_must_wait_stops_the_round_and_is_sent_later(
    send: Send, post: FakeCarrier, letter: int, database: Database, now: datetime
) -> None:
    with database.write() as session:
        enqueue(session, letter, NEWSLETTER, LetterKind.CONFIRM, now)
    post.answer = SendOutcome.NOT_SENT
    send()
    assert len(post.sent) == 1
    post.answer = SendOutcome.ACCEPTED
    assert send() == {LetterState.SENT: 2}


@dataclass
class FailingCarrier:
    """A carrier that can't compose letters in German."""

    sent: list[str] = field(default_factory=list)

    def send(self, letter: Letter) -> SendOutcome:
        self.sent.append(letter.address)
        return SendOutcome.UNMADE if letter.language == "de" else SendOutcome.ACCEPTED


def test_a_letter_that_cannot_be_made_waits_and_the_others_go(
    database: Database, tokens: Tokens, hashes: Hashes, make_reader: MakeReader, now: datetime
) -> None:
    with database.write() as session:
        for number, language in enumerate(("en", "de", "en", "de", "en")):
            reader = make_reader(session, f"r{number}@example.com", Standing.PENDING)
            enqueue(session, reader, NEWSLETTER, LetterKind.CONFIRM, now, language=language)
    post = FailingCarrier()
    links = Links("https://news.example.com", tokens)

    done = send_waiting(database, post, links, hashes, lambda: now)

    assert done == {LetterState.SENT: 3, LetterState.WAITING: 1}
    assert [address[:2] for address in post.sent] == ["r0", "r1", "r2", "r4"]
    with database.read() as session:
        states = list(session.scalars(select(col(LetterToSend.state)).order_by("id")))
    assert [state is LetterState.WAITING for state in states] == [False, True, False, True, False]


def test_a_letter_is_given_up_when_its_link_would_have_run_out(send: Send, letter: int) -> None:
    assert send(timedelta(hours=49)) == {LetterState.FAILED: 1}


def test_a_letter_that_waited_long_is_not_in_doubt_when_it_is_just_being_sent(
    send: Send, post: FakeCarrier, letter: int
) -> None:
    assert send(CUT_OFF + timedelta(hours=1)) == {LetterState.SENT: 1}


@pytest.mark.parametrize("kind", [LetterKind.CONFIRM, LetterKind.WELCOME, LetterKind.ALREADY])
def test_who_has_left_meanwhile_gets_no_letter(
    send: Send,
    post: FakeCarrier,
    database: Database,
    make_reader: MakeReader,
    now: datetime,
    kind: LetterKind,
) -> None:
    stood = Standing.PENDING if kind is LetterKind.CONFIRM else Standing.CONFIRMED
    with database.write() as session:
        reader = make_reader(session, standing=stood)
        enqueue(session, reader, NEWSLETTER, kind, now)
    with database.write() as session:
        left = now + timedelta(minutes=1)
        lifecycle.leave(session, reader, NEWSLETTER, Evidence(channel="page"), left)
    assert send(timedelta(hours=1)) == {LetterState.WITHHELD: 1}
    assert post.sent == []


def test_who_left_and_signed_up_again_gets_the_letter(
    send: Send, database: Database, make_reader: MakeReader, now: datetime
) -> None:
    with database.write() as session:
        reader = make_reader(session, standing=Standing.UNSUBSCRIBED)
        enqueue(session, reader, NEWSLETTER, LetterKind.CONFIRM, now + timedelta(minutes=1))
    assert send(timedelta(hours=1)) == {LetterState.SENT: 1}


@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_a_new_address_that_must_not_be_mailed_meanwhile_gets_no_letter(
    send: Send,
    database: Database,
    make_reader: MakeReader,
    hashes: Hashes,
    now: datetime,
    reason: SuppressionReason,
) -> None:
    with database.write() as session:
        reader = make_reader(session)
        address_change.request_change(
            session, reader, NEWSLETTER, parse("new@example.org"), hashes, now
        )
        suppression.suppress(session, "new@example.org", reason, hashes, now)
    may = suppression.may_be_asked(suppression.SuppressionRecord(reason, now), now)
    assert send() == {LetterState.SENT if may else LetterState.WITHHELD: 1}


def test_an_erased_reader_gets_no_letter(
    send: Send, post: FakeCarrier, letter: int, database: Database, hashes: Hashes, now: datetime
) -> None:
    with database.write() as session:
        lifecycle.erase(session, letter, Evidence(channel="page"), hashes, now)
    send()
    assert post.sent == []


def test_a_letter_queued_while_its_reader_before_was_erased_is_not_settled_for_them(
    database: Database, make_reader: MakeReader, letter: int, hashes: Hashes, now: datetime
) -> None:
    with database.write() as session:
        claimed = claim(session, now)
    with database.write() as session:
        lifecycle.erase(session, letter, Evidence(channel="page"), hashes, now)
    with database.write() as session:
        reader = make_reader(session, "next@example.com", Standing.PENDING)
        enqueue(session, reader, NEWSLETTER, LetterKind.CONFIRM, now)
    with database.write() as session:
        settle(session, claimed or 0, SendOutcome.ACCEPTED, now)
    with database.read() as session:
        assert session.scalars(select(col(LetterToSend.state))).all() == [LetterState.WAITING]


def test_an_address_suppressed_since_gets_no_letter(
    send: Send, post: FakeCarrier, letter: int, database: Database, hashes: Hashes, now: datetime
) -> None:
    with database.write() as session:
        reader = store.find_by_id(session, letter)
        assert reader is not None
        key = reader.address_key
        suppression.suppress(session, key, SuppressionReason.COMPLAINT, hashes, now)
    assert send() == {LetterState.WITHHELD: 1}
    assert post.sent == []


@dataclass
class RecordingCarrier:
    """A carrier that reads the stored state of each letter while it sends."""

    database: Database
    seen: list[list[LetterState]] = field(default_factory=list)

    def send(self, _letter: Letter) -> SendOutcome:
        with self.database.read() as session:
            states = session.scalars(select(col(LetterToSend.state)).order_by("id"))
            self.seen.append(list(states))
        return SendOutcome.ACCEPTED


def test_I4_a_letter_is_marked_before_it_goes_and_settled_before_the_next_does(
    database: Database,
    tokens: Tokens,
    hashes: Hashes,
    make_reader: MakeReader,
    now: datetime,
) -> None:
    with database.write() as session:
        for number in range(3):
            reader = make_reader(session, f"reader{number}@example.com", Standing.PENDING)
            enqueue(session, reader, NEWSLETTER, LetterKind.CONFIRM, now)
    post = RecordingCarrier(database)
    links = Links("https://news.example.com", tokens)

    send_waiting(database, post, links, hashes, lambda: now, at_most=2)
    with database.read() as session:
        left = list(session.scalars(select(col(LetterToSend.state)).order_by("id")))

    sent, started, waiting = LetterState.SENT, LetterState.STARTED, LetterState.WAITING
    assert post.seen == [[started, waiting, waiting], [sent, started, waiting]]
    assert left == [sent, sent, waiting]


@dataclass
class FakeVotes:
    """Makes the links to vote with, and keeps what it was asked."""

    answer: AskedLink | None
    asked: list[AskedLetter] = field(default_factory=list)

    def __call__(self, letter: AskedLetter) -> AskedLink | None:
        self.asked.append(letter)
        return self.answer


@pytest.fixture
def votes() -> FakeVotes:
    return FakeVotes(AskedLink("https://news.example.com/v/x?tool-a=ship", "A vs B"))


@pytest.fixture
def send_votes(
    database: Database,
    tokens: Tokens,
    hashes: Hashes,
    post: FakeCarrier,
    votes: FakeVotes,
    now: datetime,
) -> Send:
    """Return a function that sends what waits, with links to vote."""
    links = Links("https://news.example.com", tokens)

    def send() -> Counter[LetterState]:
        return send_waiting(database, post, links, hashes, lambda: now, asked=votes)

    return send


def ask_to_vote(
    database: Database,
    make_reader: MakeReader,
    now: datetime,
    standing: Standing | None = None,
) -> int:
    """Queue a letter that brings a link to vote; return its reader's number."""
    with database.write() as session:
        if standing is None:
            reader = store.add(session, parse("reader@example.com"), now)
        else:
            reader = make_reader(session, standing=standing)
        session.add(
            LetterToSend(
                subscriber_id=reader,
                newsletter=NEWSLETTER,
                kind=LetterKind.VOTE,
                state=LetterState.WAITING,
                language="de",
                asked_at=now,
                since=now,
                asks_for="12 3=ship",
            )
        )
    return reader


def test_a_letter_brings_the_link_that_the_application_makes(
    send_votes: Send,
    post: FakeCarrier,
    votes: FakeVotes,
    database: Database,
    make_reader: MakeReader,
    now: datetime,
) -> None:
    reader = ask_to_vote(database, make_reader, now)
    assert send_votes() == {LetterState.SENT: 1}
    asked = AskedLetter(LetterKind.VOTE, reader, NEWSLETTER, "12 3=ship", now, "de", row_id=1)
    assert votes.asked == [asked]
    [sent] = post.sent
    assert (sent.action_url, sent.about) == (
        "https://news.example.com/v/x?tool-a=ship&lang=de",
        "A vs B",
    )
    assert sent.decline_url.startswith("https://news.example.com/n/")
    assert (sent.unsubscribe_url, sent.preferences_url) == ("", "")


def test_no_letter_goes_for_what_is_gone(
    send_votes: Send,
    post: FakeCarrier,
    votes: FakeVotes,
    database: Database,
    make_reader: MakeReader,
    now: datetime,
) -> None:
    ask_to_vote(database, make_reader, now)
    votes.answer = None
    assert send_votes() == {LetterState.WITHHELD: 1}
    assert post.sent == []


@pytest.mark.parametrize("standing", list(Standing))
def test_anybody_may_get_a_link_to_vote_whatever_their_standing(
    send_votes: Send,
    database: Database,
    make_reader: MakeReader,
    now: datetime,
    standing: Standing,
) -> None:
    ask_to_vote(database, make_reader, now, standing)
    assert send_votes() == {LetterState.SENT: 1}


@pytest.mark.parametrize("declined", [True, False])
def test_who_declined_or_complained_gets_no_link_to_vote(
    send_votes: Send,
    database: Database,
    make_reader: MakeReader,
    hashes: Hashes,
    now: datetime,
    declined: bool,
) -> None:
    ask_to_vote(database, make_reader, now)
    key = "reader@example.com"
    with database.write() as session:
        if declined:
            suppression.decline_mailbox(session, suppression.mailbox_hash(key, hashes), now)
        else:
            suppression.suppress(session, key, SuppressionReason.COMPLAINT, hashes, now)
    assert send_votes() == {LetterState.WITHHELD: 1}


@pytest.mark.parametrize(
    ("standing", "kept"),
    [
        (None, None),
        (Standing.PENDING, None),
        (Standing.CONFIRMED, Standing.CONFIRMED),
        (Standing.PAUSED, Standing.PAUSED),
    ],
)
def test_disowning_a_link_to_vote_undoes_no_older_subscription(
    send_votes: Send,
    post: FakeCarrier,
    database: Database,
    tokens: Tokens,
    make_reader: MakeReader,
    now: datetime,
    standing: Standing | None,
    kept: Standing | None,
) -> None:
    reader = ask_to_vote(database, make_reader, now, standing)
    send_votes()
    links = Links("https://news.example.com", tokens)
    token = post.sent[0].decline_url.rpartition("/")[2].partition("?")[0]
    erased: list[int] = []
    with database.write() as session:
        lifecycle.decline(
            session,
            links.read_decline(token),
            Evidence(channel="page"),
            now,
            elsewhere=lambda _session, number, _address: erased.append(number),
        )
        place = store.standing_with(session, reader, NEWSLETTER)
        known = store.find_by_id(session, reader)
    assert (place and place.standing) == kept
    assert (known is None, erased) == ((True, [reader]) if kept is None else (False, []))
