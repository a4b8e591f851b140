"""Fixtures for the service: a newsletter with a cadence, a publisher, and a clock to set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from digest.comparisons.schema import ComparisonDraft, ContenderDraft, VerdictDraft
from digest.comparisons.store import store_draft
from digest.db import Database
from digest.delivery.sending.planning import plan_deliveries
from digest.issues.build import IssueBuilder
from digest.issues.models import Edition, Issue, Newsletter, Slot
from digest.render.rendered import Rendered
from digest.service.publisher import Publisher, ReleaseDecision, advance_slots
from subscribers.models import Standing, Subscriber, Subscription

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday

YES, NO = ReleaseDecision(True, "approved"), ReleaseDecision(False, "not approved")


def draft(number: int) -> ComparisonDraft:
    verdicts = tuple(VerdictDraft(seat=seat, quote=f"Said {seat}.") for seat in (1, 2, 3, 4))
    left, right = (
        ContenderDraft(name=f"{name} {number}", panel_share=75.0, verdicts=verdicts)
        for name in ("Lathe", "Mortar")
    )
    return ComparisonDraft(title=f"Lathe {number} vs Mortar {number}", contenders=(left, right))


@dataclass
class World:
    """One installation in a test: its database, its clock, and whether issues are approved."""

    database: Database
    now: datetime = START
    decision: ReleaseDecision = YES
    issue_builder: IssueBuilder = field(
        default_factory=lambda: IssueBuilder(
            base_url="https://news.example.com",
            render=lambda view: Rendered(subject=f"No. {view.number}", html="<p>", text="t"),
            check=lambda _view, _rendered: [],
        )
    )
    _imported: int = 0

    def desk(self) -> Publisher:
        return Publisher(
            store=self.database,
            issue_builder=self.issue_builder,
            allowed=lambda *_: self.decision,
            freeze=lambda session, issue, edition: plan_deliveries(
                session,
                issue=issue,
                edition=edition,
                newsletter="weekly",
                batch_size=2,
                now=self.now,
            ),
        )

    def add_newsletter(self, **fields: Any) -> None:
        chosen = {"slug": "weekly", "name": "Weekly", "max_per_issue": 1, **fields}
        with self.database.write() as session:
            session.add(Newsletter(**chosen))

    def add_readers(self, number: int) -> None:
        with self.database.write() as session:
            for n in range(number):
                address = f"reader{n}@example.org"
                reader = Subscriber(address=address, address_key=address, created_at=START)
                session.add(reader)
                session.flush()
                session.add(
                    Subscription(
                        subscriber_id=reader.id or 0,
                        newsletter="weekly",
                        standing=Standing.CONFIRMED,
                        since=START,
                    )
                )

    def add_comparisons(self, number: int) -> None:
        with self.database.write() as session:
            for _ in range(number):
                self._imported += 1
                store_draft(session, draft(self._imported), now=self.now)

    def tick(self, at: datetime | None = None) -> str:
        self.now = at or self.now
        return advance_slots(self.desk(), self.now)

    def run(self, until: datetime, step: timedelta = timedelta(hours=12)) -> None:
        """Tick again and again, as a service that is up does, and last at *until*."""
        while self.now < until:
            self.tick(min(self.now + step, until))

    def change(self, **fields: Any) -> None:
        with self.database.write() as session:
            newsletter = session.exec(select(Newsletter)).one()
            for name, value in fields.items():
                setattr(newsletter, name, value)
            session.add(newsletter)

    def turns(self) -> dict[str, Slot]:
        with self.database.read() as session:
            return {slot.period: slot for slot in session.exec(select(Slot)).all()}

    def states(self) -> dict[str, str]:
        return {period: turn.state.value for period, turn in sorted(self.turns().items())}

    def issues(self) -> list[Issue]:
        with self.database.read() as session:
            return list(session.exec(select(Issue).order_by(Issue.period)).all())

    def editions(self) -> list[Edition]:
        with self.database.read() as session:
            return list(session.exec(select(Edition)).all())

    def session(self, act: Callable[[Session, Newsletter], object]) -> None:
        with self.database.write() as session:
            act(session, session.exec(select(Newsletter)).one())


@pytest.fixture
def world(sqlite_database: Database) -> World:
    """One weekly newsletter, Tuesdays at 09:00 UTC, with comparisons for years."""
    made = World(sqlite_database)
    made.add_newsletter()
    made.add_comparisons(8)
    made.add_readers(3)
    made.tick()
    return made
