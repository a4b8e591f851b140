"""Planning by several processes at one moment, on PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from digest.db import Database
from digest.delivery.models import Batch, BatchState, Delivery, DeliveryOutcome
from digest.delivery.sending.control import requeue_refused
from digest.delivery.sending.planning import plan_deliveries
from digest.issues import store
from digest.issues.models import Edition, Issue, IssueState, Newsletter
from subscribers.models import Standing, Subscription
from tests.delivery.lock_waits import meanwhile
from tests.service.conftest import World

pytestmark = pytest.mark.postgres

READERS = 50


@pytest.fixture
def world(postgres_database: Database, now: datetime) -> World:
    """A weekly newsletter with readers; the issue due now is drafted and approved."""
    made = World(postgres_database)
    made.add_newsletter()
    made.add_comparisons(2)
    made.add_readers(READERS)
    made.tick()
    made.tick(now - timedelta(hours=1))
    assert [issue.state for issue in made.issues()] == [IssueState.BUILT]
    return made


def freeze(session: Session, issue: Issue, newsletter: str, now: datetime) -> None:
    edition = store.edition_of(session, issue)
    plan_deliveries(
        session, issue=issue, edition=edition, newsletter=newsletter, batch_size=7, now=now
    )


def _add_daily(session: Session, now: datetime) -> None:
    session.add(Newsletter(id=2, slug="daily", name="Daily"))
    for reader in session.exec(select(Subscription)).all():
        session.add(
            Subscription(
                subscriber_id=reader.subscriber_id,
                newsletter="daily",
                standing=Standing.CONFIRMED,
                since=now,
            )
        )
    session.flush()
    issue = Issue(
        newsletter_id=2, number=1, period="2026-W48", state=IssueState.BUILT, built_at=now
    )
    session.add(issue)
    session.flush()
    session.add(
        Edition(
            issue_id=issue.id or 0, subject="S", html="H", text="T", fingerprint="f",
            frozen_at=now,
        )
    )  # fmt: skip


def test_an_issue_that_is_being_sent_by_hand_at_its_moment_is_not_planned_again(
    world: World, now: datetime
) -> None:
    def by_hand(session: Session) -> None:
        freeze(session, store.by_number(session, 1, 1, lock=True), "weekly", now)

    outcome = meanwhile(world.database, by_hand, lambda: world.tick(now)).result()
    assert outcome == "weekly 2026-W48: released (sent by a person)"
    with world.database.read() as session:
        assert len(session.exec(select(Delivery)).all()) == READERS


def test_an_issue_offered_again_while_another_is_planned_shares_no_number(
    world: World, now: datetime
) -> None:
    with world.database.write() as session:
        issue = store.by_number(session, 1, 1, lock=True)
        freeze(session, issue, "weekly", now)
        issue.state = IssueState.SENT
        for batch in session.exec(select(Batch)).all():
            batch.state = BatchState.ACCEPTED
        for delivery in session.exec(select(Delivery).limit(3)).all():
            delivery.outcome = DeliveryOutcome.REFUSED
        _add_daily(session, now)

    def other() -> None:
        with world.database.write() as session:
            freeze(session, store.by_number(session, 2, 1, lock=True), "daily", now)

    def ours(session: Session) -> None:
        assert requeue_refused(session, store.by_number(session, 1, 1, lock=True), 7) == 3

    meanwhile(world.database, ours, other).result()
    with world.database.read() as session:
        assert len(session.exec(select(Delivery)).all()) == 2 * READERS


def test_two_issues_planned_at_one_moment_share_no_number(world: World, now: datetime) -> None:
    with world.database.write() as session:
        _add_daily(session, now)

    def other() -> None:
        with world.database.write() as session:
            freeze(session, store.by_number(session, 2, 1, lock=True), "daily", now)

    def ours(session: Session) -> None:
        freeze(session, store.by_number(session, 1, 1, lock=True), "weekly", now)

    meanwhile(world.database, ours, other).result()
    with world.database.read() as session:
        rows = session.exec(
            select(Batch.edition_id, Batch.first_delivery, Batch.last_delivery).order_by(
                col(Batch.first_delivery)
            )
        ).all()
        deliveries = session.exec(select(Delivery.id).order_by(col(Delivery.id))).all()
    covered = [n for _, first, last in rows for n in range(first, last + 1)]
    assert covered == deliveries
    assert len(covered) == 2 * READERS
