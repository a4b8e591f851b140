"""Two processes that change one reader at once, on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from digest.db import Database
from subscribers import consent, lifecycle, store, suppression
from subscribers.abuse_prevention.rate_limits import LimitReason, RateLimits
from subscribers.address.syntax import parse
from subscribers.audience import audience
from subscribers.errors import BadImport
from subscribers.importer import ImportReport, bulk_loader, import_run
from subscribers.importer.bulk_loader import ImportBatch
from subscribers.lifecycle import ConfirmResult
from subscribers.models import Standing, SuppressionReason
from subscribers.signup.requests import SignupRequest, record_requests
from subscribers.store import Evidence
from subscribers.tokens import DatedTarget, Hashes
from tests.subscribers.conftest import NEWSLETTER, MakeReader

pytestmark = pytest.mark.postgres

KEY = "reader@example.com"
PAGE = Evidence(channel="page")
Result = TypeVar("Result")


def beside(
    database: Database, first: Callable[[Session], object], second: Callable[[Session], Result]
) -> Result:
    """Run *first*, let *second* wait for it in another session, then commit *first*."""

    def later() -> Result:
        with database.write() as session:
            return second(session)

    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            first(session)
            waiting = pool.submit(later)
            wait_for_a_lock(database)
        return waiting.result(10)


def wait_for_a_lock(database: Database) -> None:
    blocked = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    deadline = time.monotonic() + 10
    with database.read() as watching:
        while not watching.execute(blocked).scalar_one() and time.monotonic() < deadline:
            watching.rollback()
    assert time.monotonic() < deadline, "nothing waits"


@pytest.fixture
def pending(postgres_database: Database, make_reader: MakeReader) -> int:
    with postgres_database.write() as session:
        return make_reader(session, KEY, Standing.PENDING)


@pytest.fixture
def confirm(pending: int, hashes: Hashes, now: datetime) -> Callable[[Session], ConfirmResult]:
    """Return a function that confirms as the button behind the letter's link does."""
    asked = DatedTarget(pending, NEWSLETTER, now)
    return lambda session: lifecycle.confirm(
        session, asked, PAGE, hashes, now + timedelta(minutes=2)
    )


def acts(database: Database, reader: int) -> list[str]:
    with database.read() as session:
        return [entry["act"].value for entry in consent.entries(session, reader)]


def test_who_leaves_while_an_older_link_confirms_has_left(
    postgres_database: Database,
    pending: int,
    confirm: Callable[[Session], ConfirmResult],
    now: datetime,
) -> None:
    left = now + timedelta(minutes=1)
    result = beside(
        postgres_database,
        lambda session: lifecycle.leave(session, pending, NEWSLETTER, PAGE, left),
        confirm,
    )
    assert result is ConfirmResult.LEFT
    assert acts(postgres_database, pending) == ["asked", "withdrawn"]


def test_who_is_erased_while_confirming_is_erased_and_kept_out(
    postgres_database: Database,
    pending: int,
    confirm: Callable[[Session], ConfirmResult],
    hashes: Hashes,
    now: datetime,
) -> None:
    result = beside(
        postgres_database,
        lambda session: lifecycle.erase(session, pending, PAGE, hashes, now),
        confirm,
    )
    assert result is ConfirmResult.GONE
    assert acts(postgres_database, pending) == ["asked", "erased"]
    with postgres_database.read() as session:
        assert suppression.find(session, KEY, hashes) is not None


def test_the_stricter_of_two_reasons_stays_whichever_came_last(
    postgres_database: Database, pending: int, hashes: Hashes, now: datetime
) -> None:
    def suppress(reason: SuppressionReason) -> Callable[[Session], None]:
        return lambda session: suppression.suppress(session, KEY, reason, hashes, now)

    beside(
        postgres_database,
        suppress(SuppressionReason.COMPLAINT),
        suppress(SuppressionReason.HARD_BOUNCE),
    )
    with postgres_database.read() as session:
        record = suppression.find(session, KEY, hashes)
        reader = store.find_by_id(session, pending)
    assert record is not None
    assert reader is not None
    assert (record.reason, reader.suppressed) == (SuppressionReason.COMPLAINT, "complaint")


def test_an_erasure_beside_a_stricter_reason_stays_noted(
    postgres_database: Database, hashes: Hashes, now: datetime
) -> None:
    def suppress(reason: SuppressionReason) -> Callable[[Session], None]:
        return lambda session: suppression.suppress(session, KEY, reason, hashes, now)

    beside(
        postgres_database, suppress(SuppressionReason.MANUAL), suppress(SuppressionReason.ERASED)
    )
    with postgres_database.read() as session:
        record = suppression.find(session, KEY, hashes)
    assert record == suppression.SuppressionRecord(SuppressionReason.MANUAL, now, now)


def test_a_network_s_limit_is_one_for_all_processes(
    postgres_database: Database, hashes: Hashes, now: datetime
) -> None:
    def sign_up(letter: str) -> Callable[[Session], list[LimitReason | None]]:
        wishes = [
            SignupRequest(
                address=parse(f"{letter}{number}@example{number}.com"),
                newsletter=NEWSLETTER,
                form="page",
                wording="Send me it.",
                language="en",
                network="192.0.2.0/24",
            )
            for number in range(15)
        ]
        return lambda session: record_requests(
            session, wishes, limits=RateLimits(), hashes=hashes, now=now
        )

    stops = beside(postgres_database, sign_up("a"), sign_up("b"))
    assert [stop for stop in stops if stop is None] == [None] * 5


def test_who_is_erased_while_a_list_comes_in_is_not_brought_back_by_it(
    postgres_database: Database, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    batch = ImportBatch(NEWSLETTER, kept_wording(postgres_database), "en", "import (plain)", now, 1)
    row = (1, KEY, KEY, hashes.every(KEY))
    with postgres_database.write() as session:
        reader = make_reader(session)
        store.delete_reader(session, reader)
    with postgres_database.write() as coming:
        bulk_loader.prepare(coming, batch)
        bulk_loader.stage(coming, [row], batch)
        assert bulk_loader.refused(coming, [row], batch, rehearsal=False) == []
        with postgres_database.write() as session:
            suppression.suppress(session, KEY, SuppressionReason.ERASED, hashes, now)
        bulk_loader.admit(coming, batch)
        bulk_loader.clear(coming)
    with postgres_database.read() as session:
        rows = session.execute(audience(NEWSLETTER, now)).all()
    assert [row.exclusion for row in rows] == ["suppressed: erased"]


def kept_wording(database: Database) -> str:
    with database.write() as session:
        return consent.keep_wording(session, "They ticked the box.")


def test_of_two_imports_that_claim_the_same_lines_the_second_is_refused(
    postgres_database: Database, now: datetime
) -> None:
    of_one_file = import_run.ImportKey(fingerprint="f", newsletter=NEWSLETTER, ignored=())
    report = ImportReport(layout="plain")
    with postgres_database.write() as session:
        run = import_run.begin(session, of_one_file, "They agreed.", report=report, now=now)
    with pytest.raises(BadImport, match="another import of this list"):
        beside(
            postgres_database,
            lambda session: import_run.claim(session, run, 3),
            lambda session: import_run.claim(session, run, 3),
        )
