"""Event retention: pruning, erasure and replay keep the counts and drop the names."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from digest.db import Database
from digest.delivery.erasure import erase as forget_reader
from digest.delivery.events.replay import replay
from digest.delivery.models import (
    Attempt,
    Batch,
    Delivery,
    DeliveryOutcome,
    FrozenNumbers,
    MailEvent,
    PseudonymSalt,
)
from digest.delivery.reporting.event_retention import forget_erased_readers, prune_events
from digest.delivery.reporting.statistics import EditionStatistics, edition_statistics
from digest.delivery.sending.batch_worker import EditionSend
from digest.issues.models import Edition, Tracking
from digest.mail.provider_events import EventKind as Kind
from subscribers.lifecycle import erase
from subscribers.models import Subscriber
from subscribers.store import Evidence
from subscribers.tokens import Hashes
from tests.delivery.conftest import SECRET
from tests.delivery.reporting.test_statistics import report_events, sent

__all__ = ["sent"]
HASHES = Hashes([SECRET])
URL = {"url": "https://e.example/1"}
TOLD: list[tuple[Kind, int, int, dict[str, Any]]] = [
    (Kind.DELIVERED, 0, 0, {}),
    (Kind.DELIVERED, 1, 61, {}),
    (Kind.OPENED, 0, 9, {"machine": True}),
    (Kind.CLICKED, 0, 300, URL),
    (Kind.CLICKED, 1, 62, URL),
    (Kind.BOUNCED, 2, 0, {"cause": "Invalid Address"}),
]


@pytest.fixture
def reported(database: Database, sent: EditionSend, now: datetime) -> EditionSend:
    report_events(database, now, *TOLD)
    return sent


def count(database: Database, edition: int) -> EditionStatistics:
    with database.read() as session:
        return edition_statistics(session, edition)


def kept(database: Database) -> list[int]:
    with database.read() as session:
        return list(session.exec(select(MailEvent.delivery_id)).all())


def test_pruning_loses_no_number(database: Database, reported: EditionSend, now: datetime) -> None:
    before = count(database, reported.edition_id)
    done = prune_events(database, before=now + timedelta(days=1), now=now)
    assert (done.pruned, kept(database)) == (1, [])
    assert count(database, reported.edition_id) == before
    assert prune_events(database, before=now + timedelta(days=1), now=now).pruned == 0


def test_young_events_are_not_pruned(
    database: Database, reported: EditionSend, now: datetime
) -> None:
    assert prune_events(database, before=now - timedelta(days=1), now=now).pruned == 0
    assert len(kept(database)) == len(TOLD)


def test_an_event_repeated_after_pruning_counts_no_second_time(
    database: Database, reported: EditionSend, now: datetime
) -> None:
    before = count(database, reported.edition_id)
    prune_events(database, before=now + timedelta(days=1), now=now)
    report_events(database, now, *TOLD)
    assert count(database, reported.edition_id) == before
    assert kept(database) == []


def test_C03_a_late_complaint_still_counts_and_suppresses_after_pruning(
    database: Database, reported: EditionSend, now: datetime
) -> None:
    prune_events(database, before=now + timedelta(days=1), now=now)
    report_events(database, now, (Kind.COMPLAINED, 1, 999, {}))
    assert count(database, reported.edition_id).complained == 1
    with database.read() as session:
        suppressed = [s.suppressed for s in session.exec(select(Subscriber)).all()]
    assert suppressed.count("complaint") == 1


def erase_first(database: Database, now: datetime) -> int:
    with database.write() as session:
        delivery = session.exec(select(Delivery).order_by(col(Delivery.id))).first()
        assert delivery is not None
        erase(session, delivery.subscriber_id, Evidence(channel="operator"), HASHES, now)
        return delivery.id or 0


@pytest.mark.parametrize("mode", [Tracking.READER, Tracking.ANONYMOUS])
def test_erasure_removes_a_readers_events_and_keeps_the_counts(
    database: Database, sent: EditionSend, now: datetime, mode: Tracking
) -> None:
    with database.write() as session:
        session.exec(select(Edition)).one().tracking = mode
    report_events(database, now, *TOLD)
    before, numbers_before = kept(database), count(database, sent.edition_id)
    delivery = erase_first(database, now)
    assert forget_erased_readers(database) == 1
    gone = set(before) - set(kept(database))
    assert delivery in gone
    assert len(gone) == (1 if mode is Tracking.READER else 2)
    after = count(database, sent.edition_id)
    assert (after.clicked_surely, after.clicked_all, after.opened_machines, after.delivered) == (
        numbers_before.clicked_surely,
        numbers_before.clicked_all,
        numbers_before.opened_machines,
        numbers_before.delivered,
    )
    assert forget_erased_readers(database) == 0


def test_later_events_of_an_erased_reader_are_not_recorded(
    database: Database, reported: EditionSend, now: datetime
) -> None:
    before = count(database, reported.edition_id)
    delivery = erase_first(database, now)
    forget_erased_readers(database)
    report_events(database, now, (Kind.CLICKED, 0, 900, URL), *TOLD)
    assert delivery not in kept(database)
    assert count(database, reported.edition_id).clicks_all == before.clicks_all


def test_erasure_takes_a_refused_reader_out_of_the_provider_s_words(
    database: Database, reported: EditionSend, now: datetime
) -> None:
    address, note = "ann.vq@example.org", "400: ann.vq at example.org (Ann) is no mailbox"
    clean = "400: … at … (…) is no mailbox"
    with database.write() as session:
        delivery = session.exec(select(Delivery).order_by(col(Delivery.id))).first()
        assert delivery is not None
        delivery.outcome, delivery.reason = DeliveryOutcome.REFUSED, note
        for batch in session.exec(select(Batch)).all():
            batch.note = note
        for attempt in session.exec(select(Attempt)).all():
            attempt.detail = note
    with database.write() as session:
        forget_reader(session, delivery.subscriber_id, address)
    with database.read() as session:
        batches = session.exec(select(Batch.note).order_by(col(Batch.id))).all()
        attempts = session.exec(select(Attempt.detail).order_by(col(Attempt.batch_id))).all()
        reasons = session.exec(select(Delivery.reason).where(col(Delivery.reason).is_not(None)))
        assert (batches, attempts) == ([clean], [clean])
        assert reasons.all() == [clean]


def test_freezing_cuts_what_ties_anonymous_events_to_readers(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    with database.write() as session:
        session.exec(select(Edition)).one().tracking = Tracking.ANONYMOUS
    report_events(database, now, (Kind.CLICKED, 0, 300, URL))
    prune_events(database, before=now + timedelta(days=1), now=now)
    with database.read() as session:
        assert session.exec(select(PseudonymSalt)).all() == []
        assert len(session.exec(select(FrozenNumbers)).all()) == 1


def state(database: Database) -> list[tuple[object, ...]]:
    queries = (
        "SELECT id, news, news_at FROM delivery ORDER BY id",
        "SELECT id, suppressed FROM subscriber ORDER BY id",
        "SELECT id, state, attempt FROM batch ORDER BY id",
        "SELECT address_hash, reason FROM suppression ORDER BY address_hash",
    )
    with database.read() as session:
        connection = session.connection()
        return [tuple(row) for query in queries for row in connection.exec_driver_sql(query).all()]


def test_replay_reads_the_stored_events_into_the_same_state(
    database: Database, reported: EditionSend, now: datetime
) -> None:
    before = state(database)
    with database.write() as session:
        for spoil in (
            "UPDATE delivery SET news = NULL, news_at = NULL",
            "UPDATE subscriber SET suppressed = NULL",
            "DELETE FROM suppression",
            "UPDATE batch SET state = 'in-doubt'",
        ):
            session.connection().exec_driver_sql(spoil)
    assert state(database) != before
    done = replay(database, hashes=HASHES, now=now)
    assert (done.events, done.suppressed, done.settled) == (len(TOLD), 1, 1)
    assert state(database) == before


def test_replay_changes_nothing_where_nothing_is_wrong(
    database: Database, reported: EditionSend, now: datetime
) -> None:
    before = state(database)
    done = replay(database, hashes=HASHES, now=now)
    assert (done.suppressed, done.left, done.settled) == (0, 0, 0)
    assert state(database) == before
