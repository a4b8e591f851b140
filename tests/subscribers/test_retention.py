"""Retention: what is deleted, when, and what stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from digest.db import Database
from subscribers import consent, letter_queue, lifecycle, retention, store, suppression
from subscribers.abuse_prevention.rate_limits import RateLimits
from subscribers.address.syntax import parse
from subscribers.models import ConsentAct, LetterKind, Standing, SuppressionReason
from subscribers.retention import PurgeResult, RetentionPeriods
from subscribers.signup import requests
from subscribers.signup.requests import SignupRequest
from subscribers.store import Evidence
from subscribers.tokens import Hashes
from tests.subscribers.conftest import NEWSLETTER, MakeReader

Purge = Callable[..., PurgeResult]
LEFT = "left@example.com"


@pytest.fixture
def purged(database: Database, hashes: Hashes, now: datetime) -> Purge:
    """Return a function that purges so many days from now."""

    def purge(days: int, keep: RetentionPeriods = retention.KEPT) -> PurgeResult:
        return retention.purge(database, hashes, now + timedelta(days=days), keep)

    return purge


def count(database: Database, table: str) -> int:
    with database.read() as session:
        # The part put in is a table's name.
        rows: int = session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608
    return rows


def put(
    database: Database,
    make_reader: MakeReader,
    standing: Standing,
    address: str = "reader@example.com",
) -> int:
    with database.write() as session:
        return make_reader(session, address, standing)


def test_sign_ups_nobody_confirmed_are_forgotten_with_the_address(
    database: Database, make_reader: MakeReader, purged: Purge
) -> None:
    put(database, make_reader, Standing.PENDING)
    assert purged(6).pending == 0
    assert count(database, "subscriber") == 1
    assert purged(8).pending == 1
    assert count(database, "subscriber") == 0


def test_the_retention_period_is_a_setting(
    database: Database, make_reader: MakeReader, purged: Purge
) -> None:
    put(database, make_reader, Standing.PENDING)
    assert purged(29, RetentionPeriods(pending=30)).pending == 0
    assert purged(31, RetentionPeriods(pending=30)).pending == 1


def test_more_than_one_chunk_is_deleted(
    database: Database, make_reader: MakeReader, purged: Purge
) -> None:
    with database.write() as session:
        for number in range(1_201):
            make_reader(session, f"r{number}@example.com", Standing.PENDING)
    assert purged(8).pending == 1_201


def test_one_that_was_asked_for_again_stays(
    database: Database, make_reader: MakeReader, purged: Purge, now: datetime
) -> None:
    reader = put(database, make_reader, Standing.PENDING)
    with database.write() as session:
        letter_queue.enqueue(
            session, reader, NEWSLETTER, LetterKind.CONFIRM, now + timedelta(days=6)
        )
    assert purged(8).pending == 0


def test_one_who_only_asked_for_a_link_goes_once_the_letter_is_old(
    database: Database, purged: Purge, now: datetime
) -> None:
    with database.write() as session:
        reader = store.add(session, parse("voter@example.com"), now)
        later = now + timedelta(days=6)
        letter_queue.enqueue(session, reader, NEWSLETTER, LetterKind.VOTE, later)
    purged(8)
    assert (count(database, "subscriber"), count(database, "letter_to_send")) == (1, 1)
    purged(14)
    assert (count(database, "subscriber"), count(database, "letter_to_send")) == (0, 0)


def test_a_sign_up_that_was_never_processed_is_deleted_too(
    database: Database, hashes: Hashes, purged: Purge, now: datetime
) -> None:
    request = SignupRequest(
        address=parse("reader@example.com"),
        newsletter=NEWSLETTER,
        form="page",
        wording="Send me it.",
        language="en",
        network="192.0.2.0/24",
    )
    with database.write() as session:
        requests.record_requests(session, [request], limits=RateLimits(), hashes=hashes, now=now)
    purged(8)
    assert count(database, "sign_up_asked") == 0


def test_readers_stay_and_so_do_those_who_left_not_long_ago(
    database: Database, make_reader: MakeReader, purged: Purge
) -> None:
    put(database, make_reader, Standing.CONFIRMED)
    put(database, make_reader, Standing.UNSUBSCRIBED, LEFT)
    purged(400)
    assert count(database, "subscriber") == 2


def test_networks_are_deleted_and_the_consent_entries_stay(
    database: Database, make_reader: MakeReader, purged: Purge, now: datetime
) -> None:
    reader = put(database, make_reader, Standing.CONFIRMED)
    evidence = Evidence(channel="form", network="192.0.2.0/24")
    with database.write() as session:
        consent.record(session, reader, NEWSLETTER, ConsentAct.ASKED, evidence, now)
        assert consent.entries(session, reader)[-1]["network"] == "192.0.2.0/24"
    assert purged(91).networks == 1
    with database.read() as session:
        assert consent.entries(session, reader)[-1]["network"] is None
    assert count(database, "consent") == 3


def test_who_left_is_forgotten_with_the_evidence_but_for_a_hash(
    database: Database, make_reader: MakeReader, purged: Purge, hashes: Hashes
) -> None:
    put(database, make_reader, Standing.UNSUBSCRIBED, LEFT)
    assert (purged(1_000).gone, purged(1_000).evidence) == (0, 0)
    assert purged(1_100)[-2:] == (1, 2)
    assert count(database, "subscriber") == 0
    with database.read() as session:
        record = suppression.find(session, LEFT, hashes)
    assert record is not None
    assert record.reason is SuppressionReason.LEFT


def test_who_left_one_newsletter_and_reads_another_stays(
    database: Database, make_reader: MakeReader, purged: Purge, now: datetime
) -> None:
    reader = put(database, make_reader, Standing.UNSUBSCRIBED, LEFT)
    with database.write() as session:
        store.join(session, reader, "monthly", Standing.CONFIRMED, now, source="form")
    assert purged(1_100)[-2:] == (0, 0)


def test_who_asks_to_come_back_stays(
    database: Database, make_reader: MakeReader, purged: Purge, now: datetime
) -> None:
    reader = put(database, make_reader, Standing.UNSUBSCRIBED, LEFT)
    with database.write() as session:
        letter_queue.enqueue(
            session, reader, NEWSLETTER, LetterKind.CONFIRM, now + timedelta(days=1_099)
        )
    assert purged(1_100).gone == 0


def test_the_evidence_of_the_erased_goes_as_late(
    database: Database, make_reader: MakeReader, purged: Purge, hashes: Hashes, now: datetime
) -> None:
    reader = put(database, make_reader, Standing.CONFIRMED)
    with database.write() as session:
        lifecycle.erase(session, reader, Evidence(channel="page"), hashes, now)
    assert purged(1_000).evidence == 0
    assert purged(1_100).evidence == 3


def test_the_evidence_of_a_reader_is_kept_for_good(
    database: Database, make_reader: MakeReader, purged: Purge
) -> None:
    put(database, make_reader, Standing.CONFIRMED)
    assert purged(9_000).evidence == 0
    assert count(database, "consent") == 2
