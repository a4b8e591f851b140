"""The number that is shown before an issue is planned: it is what the plan freezes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, literal, text
from sqlmodel import Session, col

from digest.db import Database
from digest.delivery.models import Batch, BatchState, Delivery, DeliveryStatus
from digest.delivery.sending.audience_size import (
    ExpectedAudience,
    count_audience,
    expected_audience,
)
from digest.delivery.sending.planning import batch_row, plan_deliveries
from digest.issues.models import Edition, Issue, IssueState, Placement
from subscribers.models import Standing, Subscriber, Subscription
from tests.delivery.conftest import MakeReaders
from tests.delivery.sending.test_planning import carry
from tests.history.query_plans import seen_statements

WEEK, DAY = "2026-W48", timedelta(days=1)
#: What is planned beside the issue before it: its state, its week, and whether it is corrected.
KINDS = {
    "a week's": (IssueState.SENT, "2026-W47", False),
    "for a cancelled week": (IssueState.CANCELLED, WEEK, False),
    "a correction": (IssueState.SENT, "2026-W47", True),
}


@dataclass(frozen=True)
class Reader:
    """A reader, and what became of the copy of the issue before."""

    standing: Standing = Standing.CONFIRMED
    suppressed: str | None = None
    pause_ends: timedelta | None = None  #: from now
    topics: str | None = None  #: as JSON
    newsletter: str = "weekly"
    copy: BatchState | None = BatchState.ACCEPTED
    news: DeliveryStatus | None = None


READERS = st.builds(
    Reader,
    standing=st.sampled_from(Standing),
    suppressed=st.sampled_from([None, None, "complaint", "moved"]),
    pause_ends=st.sampled_from([None, -DAY, DAY]),
    topics=st.sampled_from([None, "null", "[]", '["audio"]', '["video"]', '["video", "audio"]']),
    newsletter=st.sampled_from(["weekly", "weekly", "monthly"]),
    copy=st.sampled_from([None, BatchState.ACCEPTED, BatchState.IN_DOUBT, BatchState.CANCELLED]),
    news=st.sampled_from([None, DeliveryStatus.DELIVERED, DeliveryStatus.BOUNCED]),
)


@pytest.fixture
def issues(
    database: Database, make_issue: Callable[[], tuple[int, int]], now: datetime
) -> tuple[int, int]:
    """The issue before, and one about audio that may be planned: an edition each."""
    first, before = make_issue()
    with database.write() as session:
        earlier = session.get_one(Issue, first)
        earlier.period, earlier.prepared_at = "2026-W47", now
        session.flush()
        issue = Issue(newsletter_id=1, number=2, period=WEEK, state=IssueState.BUILT, built_at=now)
        session.add(issue)
        session.flush()
        edition = Edition(
            issue_id=issue.id or 0, subject="S", html="H", text="T", fingerprint="g", frozen_at=now
        )
        session.add(edition)
        session.flush()
        ids = issue.id or 0, edition.id or 0
    carry(database, ids[0], now, ("Audio", "Audio"))
    return before, ids[1]


def enrol(session: Session, readers: list[Reader], edition: int, now: datetime) -> None:
    """Add readers, each with a copy in a batch of its own."""
    run = session.connection().execute
    for number, reader in enumerate(readers, start=1):
        address = f"reader-{number}@example.org"
        row = {"id": number, "address": address, "address_key": address, "created_at": now}
        run(insert(Subscriber), {**row, "language": "en", "suppressed": reader.suppressed})
        subscription = Subscription(
            subscriber_id=number,
            newsletter=reader.newsletter,
            standing=reader.standing,
            since=now,
            paused_until=None if reader.pause_ends is None else now + reader.pause_ends,
        )
        session.add(subscription)
        session.flush()
        run(
            text("UPDATE subscription SET topics = CAST(:topics AS JSON) WHERE id = :id")
            if session.get_bind().dialect.name == "postgresql"
            else text("UPDATE subscription SET topics = :topics WHERE id = :id"),
            {"topics": reader.topics, "id": subscription.id},
        )
        if reader.copy is not None:
            news = {"news": reader.news, "news_at": 0}
            run(
                insert(Delivery),
                {"id": number, "edition_id": edition, "subscriber_id": number, **news},
            )
            batch = batch_row(edition, number, number, number, 1, seat=0)
            run(insert(Batch), {**batch, "state": reader.copy})


@given(
    readers=st.lists(READERS, max_size=12),
    kind=st.sampled_from(sorted(KINDS)),
    has_topics=st.booleans(),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_size_that_is_told_is_the_size_that_is_frozen(
    database: Database,
    issues: tuple[int, int],
    now: datetime,
    readers: list[Reader],
    kind: str,
    has_topics: bool,
) -> None:
    before, after = issues
    with database.write() as session:
        enrol(session, [Reader(), *readers], before, now)
        edition = session.get_one(Edition, after)
        issue = session.get_one(Issue, edition.issue_id)
        earlier = session.get_one(Issue, session.get_one(Edition, before).issue_id)
        earlier.state, earlier.period, is_correction = KINDS[kind]
        issue.corrects_issue_id = earlier.id if is_correction else None
        session.connection().execute(
            delete(Placement).where(col(Placement.issue_id) == issue.id, literal(not has_topics))
        )
        session.flush()
        told = count_audience(session, issue, "weekly", now)
        frozen = plan_deliveries(
            session, issue=issue, edition=edition, newsletter="weekly", batch_size=5, now=now
        )
        session.rollback()
    readers_planned = frozen.candidates - frozen.excluded
    assert told == ExpectedAudience(readers=readers_planned, excluded=frozen.excluded)


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.parametrize("about", [None, ["audio"]])
def test_only_who_may_be_left_out_is_looked_up(
    database: Database, make_readers: MakeReaders, now: datetime, about: list[str] | None
) -> None:
    make_readers(40)
    make_readers(100, standing=Standing.UNSUBSCRIBED)
    make_readers(2, standing=Standing.PAUSED)
    make_readers(3, suppressed="complaint")
    with seen_statements(database) as seen, database.read() as session:
        assert expected_audience(session, "weekly", about, now).excluded == 5
    [(statement, bound)] = seen.first.items()
    explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
    with database.read() as session:
        # As where the list is long: a short one is read whole.
        session.connection().exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = session.connection().exec_driver_sql(explain, bound).scalar_one()[0]["Plan"]
    looked_up = sum(rows_of("subscriber", plan))
    assert looked_up == 2 + 2 * 3  # the suppressed are found by their index first


def rows_of(table: str, plan: dict[str, Any]) -> Iterator[int]:
    """Yield how many rows of a table each node of a plan has read."""
    if plan.get("Relation Name") == table:
        yield (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    for below in plan.get("Plans", []):
        yield from rows_of(table, below)
