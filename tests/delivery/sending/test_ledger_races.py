"""Steps of the ledger that two machines take at one moment, on PostgreSQL."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select as select_core
from sqlmodel import Session, col, select

from digest.db import Database
from digest.delivery.counts import count_deliveries
from digest.delivery.models import Attempt, Batch, BatchState, CircuitBreaker, Decision
from digest.delivery.sending import control
from digest.delivery.sending.batch_worker import EditionSend, settle_and_claim
from digest.delivery.sending.confirmation import confirm_acceptance, known_attempts
from digest.delivery.sending.control import DoubtResolution
from digest.delivery.sending.dispatcher import dispatch, mark_sent_if_done
from digest.delivery.sending.queue import Claim, start
from digest.delivery.sending.recovery import recover
from digest.delivery.sending.settlement import settle
from digest.errors import WrongState
from digest.issues.models import Issue, IssueState
from digest.mail.transport import Accepted, InDoubt, NotSent
from subscribers.models import Standing, Subscription
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.lock_waits import meanwhile

pytestmark = pytest.mark.postgres


@pytest.fixture
def database(postgres_database: Database) -> Database:
    """PostgreSQL alone: SQLite has one writer at a time."""
    return postgres_database


@pytest.fixture
def sending(make_readers: MakeReaders, make_sending: MakeSending) -> EditionSend:
    """An issue for four readers in two batches."""
    make_readers(4)
    return make_sending(batch_size=2)


@dataclass(frozen=True)
class Within:
    """A store whose every transaction is part of a session's own."""

    session: Session

    def read(self) -> AbstractContextManager[Session]:
        return nullcontext(self.session)

    write = read


def started(sending: EditionSend, now: datetime) -> Claim:
    """Return a batch whose request is on its way."""
    _, claimed = settle_and_claim(sending, None, more=True)
    assert claimed is not None
    with sending.store.write() as session:
        assert start(session, claimed, request_hash="h", now=now)
    return claimed


def doubted(sending: EditionSend, now: datetime) -> Claim:
    """Return a batch whose request was never answered."""
    claimed = started(sending, now)
    with sending.store.write() as session:
        settled(session, sending, claimed, InDoubt(detail="silence"), now)
    return claimed


def settled(
    session: Session,
    sending: EditionSend,
    claimed: Claim,
    answer: Accepted | InDoubt | NotSent,
    now: datetime,
) -> None:
    settle(
        session,
        batch_id=claimed.batch_id,
        attempt=claimed.attempt,
        readers=[row[0] for row in claimed.readers],
        answer=answer,
        now=now,
        retry_policy=sending.retry_policy,
    )


def proved(session: Session, claimed: Claim) -> None:
    """Take in an event of an attempt."""
    confirm_acceptance(session, known_attempts(session, [claimed.attempt]), {claimed.attempt: 1})


def states(database: Database) -> list[BatchState]:
    with database.read() as session:
        return [batch.state for batch in session.exec(select(Batch).order_by(col(Batch.id)))]


def decide(database: Database, claimed: Claim, now: datetime) -> None:
    with database.write() as session:
        control.resolve(
            session, claimed.batch_key, DoubtResolution.UNSENT, by="Ada", why="the log", now=now
        )


def test_who_waits_in_vain_for_the_only_probe_leaves_the_counts_balanced(
    database: Database, sending: EditionSend, now: datetime
) -> None:
    with database.write() as session:
        session.add(
            CircuitBreaker(
                edition_id=sending.edition_id, failures=3, refusals=0, since=now, reason="",
                probes=1, probe_at=now,
            )
        )  # fmt: skip
        last = session.exec(
            select(Subscription).order_by(col(Subscription.subscriber_id).desc())
        ).first()
        assert last is not None
        last.standing = Standing.UNSUBSCRIBED

    def ours(session: Session) -> None:
        assert settle_and_claim(replace(sending, store=Within(session)), None, more=True)[1]

    def theirs() -> None:
        assert settle_and_claim(sending, None, more=True) == (None, None)

    meanwhile(database, ours, theirs).result()
    with database.read() as session:
        counts = count_deliveries(session, sending.edition_id)
    assert (counts.candidates, counts.excluded, counts.pending) == (4, 1, 3)


def test_a_decision_that_an_event_overtakes_sends_nothing_again(
    database: Database, sending: EditionSend, now: datetime
) -> None:
    claimed = doubted(sending, now)
    other = meanwhile(
        database, lambda session: proved(session, claimed), lambda: decide(database, claimed, now)
    )
    assert isinstance(other.exception(), WrongState)
    assert states(database)[0] is BatchState.ACCEPTED


def test_a_batch_that_an_event_proves_while_it_comes_back_unsent_is_not_sent_again(
    database: Database, sending: EditionSend, now: datetime
) -> None:
    first = doubted(sending, now)
    decide(database, first, now)
    again = started(sending, now)
    assert again.batch_id == first.batch_id

    def theirs() -> None:
        with database.write() as session:
            settled(session, sending, again, NotSent(detail="no connection"), now)

    meanwhile(database, lambda session: proved(session, first), theirs).result()
    assert states(database)[0] is BatchState.ACCEPTED
    with database.read() as session:
        assert session.exec(select(Decision.contradicted)).one() is not None


def test_D08_a_late_answer_and_a_recovery_do_not_lock_each_other_out(
    database: Database, sending: EditionSend, now: datetime
) -> None:
    claimed = started(sending, now)

    def recovery_begins(session: Session) -> None:
        session.connection().execute(
            select_core(col(Batch.id)).where(col(Batch.id) == claimed.batch_id).with_for_update()
        )

    def recovery_ends(session: Session) -> None:
        later = now + timedelta(hours=1)
        recover(session, edition_id=sending.edition_id, now=later, alive=lambda _: None)

    def theirs() -> None:
        with database.write() as session:
            settled(session, sending, claimed, Accepted(), now)

    meanwhile(database, recovery_begins, theirs, recovery_ends).result()
    assert states(database)[0] is BatchState.ACCEPTED
    with database.read() as session:
        assert session.exec(select(Attempt.outcome)).one() == "accepted"


def test_an_issue_that_is_cancelled_as_its_last_batch_is_settled_stays_cancelled(
    database: Database, sending: EditionSend, now: datetime
) -> None:
    dispatch(sending, concurrency=1)
    with database.write() as session:
        issue = session.exec(select(Issue)).one()
        issue.state = IssueState.PREPARED

    def theirs() -> None:
        with database.write() as session:
            mark_sent_if_done(session, sending.edition_id, now)

    def ours(session: Session) -> None:
        control.cancel(session, session.exec(select(Issue)).one(), "wrong")

    meanwhile(database, ours, theirs).result()
    with database.read() as session:
        assert session.exec(select(Issue.state)).one() is IssueState.CANCELLED
