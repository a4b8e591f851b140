"""Counts that are kept: of what is over, they are what counting gives, whatever comes later."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, func
from sqlmodel import col, select

from digest.db import Database
from digest.delivery.counts import count_deliveries
from digest.delivery.events import events_by_kind
from digest.delivery.events.event_handler import handle_events
from digest.delivery.models import (
    Attempt,
    Batch,
    BatchState,
    Delivery,
    DeliveryOutcome,
    MailEvent,
    SettledCounts,
)
from digest.delivery.reporting.event_retention import prune_events
from digest.delivery.reporting.status import issue_status
from digest.delivery.sending.batch_worker import EditionSend
from digest.delivery.sending.control import requeue_refused
from digest.delivery.sending.dispatcher import dispatch
from digest.delivery.settled_counts import (
    QUIET,
    SendingTotals,
    delivery_counts,
    sending_totals,
    settle_counts,
)
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.memory import MemoryTransport
from digest.mail.provider_events import EventKind, ProviderEvent
from digest.mail.transport import InDoubt
from subscribers.tokens import Hashes
from tests.delivery.conftest import SECRET, MakeReaders, MakeSending

LATER = QUIET + timedelta(minutes=1)


@pytest.fixture
def sent(make_readers: MakeReaders, make_sending: MakeSending) -> EditionSend:
    """An edition that was accepted for five readers, in two batches."""
    make_readers(5)
    sending = make_sending()
    dispatch(sending)
    return sending


def settled(database: Database) -> int:
    with database.read() as session:
        return session.exec(select(func.count()).select_from(SettledCounts)).one()


def apply(database: Database, now: datetime, *kinds: EventKind) -> None:
    """Apply events of these kinds, each about another delivery."""
    with database.write() as session:
        attempts = session.exec(select(Attempt).order_by(col(Attempt.batch_id))).all()
        deliveries = session.exec(select(Delivery.id).order_by(col(Delivery.id))).all()
        events = [
            ProviderEvent(kind, int(now.timestamp()), str(number), attempts[n // 3].key)
            for n, (kind, number) in enumerate(zip(kinds, deliveries, strict=False))
        ]
        handle_events(session, events, hashes=Hashes([SECRET]), now=now)


def assert_counts_are_true(database: Database, edition: int) -> None:
    with database.read() as session:
        assert delivery_counts(session, edition) == count_deliveries(session, edition)
        kinds = select(col(MailEvent.kind), func.count()).group_by(col(MailEvent.kind))
        assert events_by_kind(session) == dict(session.exec(kinds).all())


def test_an_issue_that_is_over_is_settled_once_it_was_quiet(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    apply(database, now, EventKind.DELIVERED, EventKind.BOUNCED)
    assert (settle_counts(database, now), settled(database)) == (0, 0)
    assert (settle_counts(database, now + LATER), settle_counts(database, now + LATER)) == (1, 0)
    assert_counts_are_true(database, sent.edition_id)


def test_what_is_settled_is_not_counted_again(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    settle_counts(database, now + LATER)
    with database.write() as session:
        session.connection().execute(delete(Delivery))
    with database.read() as session:
        assert delivery_counts(session, sent.edition_id).accepted == 5


def test_the_totals_are_the_same_before_and_after(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    expected = SendingTotals(
        batches={"accepted": 2}, readers={"accepted": 5}, attempts={"accepted": 2}
    )
    for _ in range(2):
        with database.read() as session:
            assert sending_totals(session) == expected
        settle_counts(database, now + LATER)


def test_a_late_status_opens_the_counts_until_they_are_settled_again(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    apply(database, now, EventKind.DELIVERED)
    settle_counts(database, now + LATER)
    apply(database, now + LATER, EventKind.COMPLAINED, EventKind.BOUNCED)
    assert settled(database) == 0
    assert_counts_are_true(database, sent.edition_id)
    assert settle_counts(database, now + LATER) == 1
    assert_counts_are_true(database, sent.edition_id)


def test_a_late_open_leaves_the_counts_as_they_are(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    apply(database, now, EventKind.DELIVERED)
    settle_counts(database, now + LATER)
    apply(database, now + LATER, EventKind.OPENED)
    apply(database, now, EventKind.DELIVERED)  # told again
    assert settled(database) == 1
    assert_counts_are_true(database, sent.edition_id)


def test_a_batch_in_doubt_keeps_an_issue_from_being_settled(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3)
    sending = make_sending(MemoryTransport(answer=lambda _: InDoubt(detail="no answer")))
    dispatch(sending)
    with database.write() as session:
        issue = session.exec(select(Issue)).one()
        issue.state = IssueState.CANCELLED
    assert settle_counts(database, now + LATER) == 0
    with database.read() as session:
        assert sending_totals(session).readers == {str(BatchState.IN_DOUBT): 3}


def test_an_issue_that_is_offered_again_is_counted_anew(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    with database.write() as session:
        batch = session.exec(select(Batch).order_by(col(Batch.id))).all()[0]
        batch.size -= 1
        session.get_one(Delivery, batch.first_delivery).outcome = DeliveryOutcome.REFUSED
    settle_counts(database, now + LATER)
    assert settled(database) == 1
    with database.write() as session:
        requeue_refused(session, session.exec(select(Issue)).one(), 3)
    assert settled(database) == 0
    assert_counts_are_true(database, sent.edition_id)


def exclude(database: Database, *marks: tuple[DeliveryOutcome, str]) -> None:
    """Leave the first readers out, each with an outcome and a reason."""
    with database.write() as session:
        rows = session.exec(select(Delivery).order_by(col(Delivery.id))).all()
        for row, (outcome, reason) in zip(rows, marks, strict=False):
            row.outcome, row.reason = outcome, reason


def reasons(database: Database, now: datetime) -> list[tuple[DeliveryOutcome, str, int]]:
    """Return why readers were left out, as a status tells it."""
    with database.read() as session:
        issue, edition = session.exec(select(Issue, Edition).join(Edition)).one()
        rows = issue_status(session, issue, edition, now).excluded
    return [(row.outcome, row.reason, row.readers) for row in rows]


def test_reasons_are_told_the_same_once_they_are_settled(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    away, gone = (DeliveryOutcome.EXCLUDED, "paused"), (DeliveryOutcome.EXCLUDED, "unsubscribed")
    exclude(database, gone, away, (DeliveryOutcome.REFUSED, "no such user"), away)
    before = reasons(database, now)
    settle_counts(database, now + LATER)
    assert settled(database) == 1
    assert reasons(database, now) == before
    assert before[0] == (*away, 2)


def test_settled_reasons_are_not_counted_again(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    exclude(database, (DeliveryOutcome.EXCLUDED, "paused"))
    settle_counts(database, now + LATER)
    with database.write() as session:
        session.connection().execute(delete(Delivery))
    assert reasons(database, now) == [(DeliveryOutcome.EXCLUDED, "paused", 1)]


def test_counts_that_an_earlier_version_settled_have_their_reasons_counted(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    exclude(database, (DeliveryOutcome.EXCLUDED, "paused"))
    settle_counts(database, now + LATER)
    with database.write() as session:
        row = session.exec(select(SettledCounts)).one()
        row.counts = {name: part for name, part in row.counts.items() if name != "excluded"}
    assert reasons(database, now) == [(DeliveryOutcome.EXCLUDED, "paused", 1)]


def test_what_a_provider_said_of_a_reader_is_not_kept(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    exclude(database, (DeliveryOutcome.REFUSED, "ada@example.org is unknown"))
    settle_counts(database, now + LATER)
    with database.read() as session:
        assert "ada" not in str(session.exec(select(SettledCounts)).one().counts)


def test_events_are_counted_once_and_forgotten_with_their_issue(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    for _ in range(2):
        apply(database, now, EventKind.DELIVERED, EventKind.DELIVERED, EventKind.BOUNCED)
    assert_counts_are_true(database, sent.edition_id)
    prune_events(database, before=now + LATER, now=now + LATER)
    assert_counts_are_true(database, sent.edition_id)
