"""The batch worker: internal faults leave a batch unsent before connecting, in doubt after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from digest.db import Database
from digest.delivery.counts import count_deliveries
from digest.delivery.models import Attempt, Batch, BatchState
from digest.delivery.reporting.exclusions import excluded_readers
from digest.delivery.sending.batch_worker import (
    EditionSend,
    UnsettledResponse,
    rehearse,
    send_batch,
    settle_and_claim,
)
from digest.delivery.sending.control import cancel
from digest.delivery.sending.dispatcher import dispatch, recover_dead_senders
from digest.delivery.sending.restore_guard import RestoreGuardFile, begin
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Answer, PreparedRequest
from subscribers.models import Subscriber
from tests.delivery.conftest import MakeReaders, MakeSending

READERS = 6
BATCHES = 2


@pytest.fixture
def transport() -> MemoryTransport:
    return MemoryTransport()


@pytest.fixture
def sending(
    make_readers: MakeReaders, make_sending: MakeSending, transport: MemoryTransport
) -> EditionSend:
    make_readers(READERS)
    return make_sending(transport)


@dataclass
class RaisingTransport:
    """A transport that raises where the contract forbids it."""

    inner: MemoryTransport
    fault: Exception
    calls: int = 0

    def prepare(self, mailing: Mailing) -> PreparedRequest:
        return self.inner.prepare(mailing)

    def hand_over(self, request: PreparedRequest) -> Answer:
        self.calls += 1
        raise self.fault


class UnpreparedTransport(RaisingTransport):
    """A transport that can't prepare a request."""

    def prepare(self, mailing: Mailing) -> PreparedRequest:
        raise self.fault


def issue_of(database: Database, sending: EditionSend) -> Issue:
    with database.read() as session:
        return session.get_one(Issue, session.get_one(Edition, sending.edition_id).issue_id)


def test_I3_a_fault_of_the_way_out_is_one_doubt_and_pauses_the_issue(
    database: Database, sending: EditionSend, transport: MemoryTransport
) -> None:
    broken = RaisingTransport(transport, ValueError("to one@example.org"))
    counts = dispatch(replace(sending, transport=broken), concurrency=1)
    assert (broken.calls, counts.in_doubt, counts.pending) == (1, 3, 3)
    issue = issue_of(database, sending)
    assert issue.state is IssueState.PAUSED
    assert "an internal fault (ValueError in test_batch_worker.py, line " in issue.note
    assert "one@example.org" not in issue.note


def test_I13_a_fault_before_the_request_is_made_leaves_no_doubt_and_pauses_the_issue(
    database: Database, sending: EditionSend, transport: MemoryTransport
) -> None:
    broken = UnpreparedTransport(transport, TypeError("to one@example.org"))
    counts = dispatch(replace(sending, transport=broken), concurrency=1)
    assert (counts.in_doubt, counts.pending) == (0, READERS)
    issue = issue_of(database, sending)
    assert issue.state is IssueState.PAUSED
    assert issue.note.startswith("nothing was sent: an internal fault (TypeError in ")


def test_I3_an_epoch_file_that_cannot_be_written_leaves_no_doubt(
    database: Database, sending: EditionSend, transport: MemoryTransport, tmp_path: Path
) -> None:
    file = RestoreGuardFile(tmp_path / "digest.epoch")
    begin(database, file)
    file.path.unlink()
    file.path.mkdir()  # no mode keeps the tests' own user from writing
    counts = dispatch(replace(sending, on_start=file.note), concurrency=1)
    assert (counts.in_doubt, counts.pending, transport.accepted) == (0, READERS, [])
    issue = issue_of(database, sending)
    assert issue.state is IssueState.PAUSED
    assert "digest.epoch: Is a directory" in issue.note


@dataclass
class LossyStore:
    """A store that loses the database's answer to one write, once it is armed."""

    inner: Database
    reached: bool  #: whether the database had got it
    lose: bool = False

    def read(self) -> AbstractContextManager[Session]:
        return self.inner.read()

    @contextmanager
    def write(self) -> Iterator[Session]:
        lost, self.lose = self.lose, False
        with self.inner.write() as session:
            yield session
            if lost and not self.reached:
                raise gone()
        if lost:
            raise gone()


def gone() -> OperationalError:
    return OperationalError("COMMIT", {}, Exception("server closed the connection"))


@pytest.mark.parametrize("reached", [True, False], ids=["reached", "not reached"])
def test_D06_a_start_whose_answer_was_lost_is_unsent_and_goes_out_once(
    database: Database, sending: EditionSend, transport: MemoryTransport, reached: bool
) -> None:
    store = LossyStore(database, reached)
    claimed: list[str] = []

    def lose_the_start(name: str) -> None:
        if name == "claimed" and not claimed:
            store.lose = True
            claimed.append(name)

    losing = replace(sending, store=store, step=lose_the_start)
    counts = dispatch(losing, concurrency=1)
    assert (counts.accepted, counts.in_doubt, counts.pending) == (READERS, 0, 0)
    assert len(transport.addresses()) == len(set(transport.addresses())) == READERS
    with database.read() as session:
        outcomes = session.exec(select(Attempt.outcome)).all()
    assert sorted(map(str, outcomes)) == ["accepted", "accepted", "not-sent"]


def test_a_database_that_went_away_is_reported_in_its_own_words(
    database: Database,
    sending: EditionSend,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = LossyStore(database, reached=False)

    once = {"claimed", "answered"}

    def lose_each_once(name: str) -> None:
        if name in once:
            once.discard(name)
            store.lose = True

    dispatch(replace(sending, store=store, step=lose_each_once), concurrency=1)
    with database.read() as session:
        details = session.exec(select(Attempt.detail).where(Attempt.outcome == "not-sent")).one()
    message = "the database became unavailable (server closed the connection)"
    assert details == f"nothing was sent: {message}"
    assert f"a response can't be recorded yet: {message}" in caplog.messages


def misspell(database: Database, *names: str) -> None:
    """Store malformed addresses, as an earlier version or a manual edit may have left them."""
    with database.write() as session:
        for name in names:
            subscriber = Subscriber.address == f"{name}@example.org"
            session.exec(
                select(Subscriber).where(subscriber)
            ).one().address = f"{name}@ü..example.com"


def test_I2_one_address_no_mail_can_bear_leaves_out_that_reader_alone(
    database: Database, sending: EditionSend, transport: MemoryTransport
) -> None:
    misspell(database, "confirmed-free-1")
    counts = dispatch(sending, concurrency=1)
    assert (counts.accepted, counts.excluded, counts.pending) == (READERS - 1, 1, 0)
    assert len(transport.accepted) == BATCHES
    with database.read() as session:
        [(_, reason, address)] = excluded_readers(session, sending.edition_id)
    assert reason == "no mail can be addressed to it: dots must stand between other characters"
    assert address == "confirmed-free-1@ü..example.com"


def test_I2_a_batch_of_such_addresses_is_empty_and_the_next_goes(
    database: Database, sending: EditionSend, transport: MemoryTransport
) -> None:
    misspell(database, *(f"confirmed-free-{n}" for n in range(3)))
    counts = dispatch(sending, concurrency=1)
    assert (counts.accepted, counts.excluded, counts.pending) == (3, 3, 0)
    assert issue_of(database, sending).state is IssueState.SENT


def test_A13_a_batch_that_was_taken_back_meanwhile_leaves_nobody_out(
    database: Database, sending: EditionSend
) -> None:
    misspell(database, "confirmed-free-1")
    done: list[str] = []

    def call_it_off(name: str) -> None:
        if name == "claimed" and not done:
            done.append(name)
            with database.write() as session:
                cancel(session, session.exec(select(Issue)).one(), "enough")

    counts = dispatch(replace(sending, step=call_it_off), concurrency=1)
    assert (counts.accepted, counts.excluded, counts.balances) == (0, READERS, True)
    with database.read() as session:
        reasons = {reason for _, reason, _ in excluded_readers(session, sending.edition_id)}
    assert reasons == {"the issue was cancelled"}


def compiled_by(database: Database) -> Counter[str]:
    """The statements that are compiled from now on; each is counted when its text is made."""
    made: Counter[str] = Counter()
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, _p, context, _many: made.update(
            [statement] if context.cache_hit.name == "CACHE_MISS" else []
        ),
    )
    return made


def test_a_rehearsal_sends_and_records_nothing(
    database: Database, sending: EditionSend, transport: MemoryTransport
) -> None:
    rehearse(sending)
    with database.read() as session:
        batches = session.exec(select(Batch.state)).all()
        attempts = session.exec(select(Attempt)).all()
        counts = count_deliveries(session, sending.edition_id)
    assert (batches, attempts, transport.accepted) == ([BatchState.PENDING] * BATCHES, [], [])
    assert (counts.pending, counts.accepted) == (READERS, 0)


def test_a_rehearsal_leaves_a_fault_to_the_send_that_meets_it(sending: EditionSend) -> None:
    def fail(_readers: object) -> NoReturn:
        raise ValueError("no address")

    rehearse(replace(sending, recipients=fail))
    assert send_next(sending) is not None


def send_next(sending: EditionSend) -> UnsettledResponse | None:
    _, claimed = settle_and_claim(sending, None, more=True)
    assert claimed is not None
    return send_batch(sending, claimed)


def test_a_send_compiles_no_statement_that_was_compiled_before(
    database: Database, sending: EditionSend
) -> None:
    rehearse(sending)
    made = compiled_by(database)
    recover_dead_senders(sending)
    settle_and_claim(sending, send_next(sending), more=False)
    assert made == Counter()
