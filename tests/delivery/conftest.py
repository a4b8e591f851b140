"""Fixtures for delivery: an edition ready to be sent, and its readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

import pytest

from digest.db import Database
from digest.delivery.pace import UNLIMITED, Pace
from digest.delivery.sending.batch_worker import EditionSend
from digest.delivery.sending.personalization import recipient_builder
from digest.delivery.sending.planning import Grouping, plan_deliveries
from digest.delivery.sending.settlement import RetryPolicy
from digest.issues.models import Edition, Issue, IssueState, Newsletter
from digest.mail.mailing import Content, Mailbox
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Transport
from subscribers.models import Standing, Subscriber, Subscription
from subscribers.tokens import Tokens

SECRET = "a secret for tests only, long enough"

MakeReaders = Callable[..., list[int]]
MakeSending = Callable[..., EditionSend]


@pytest.fixture
def make_readers(database: Database, now: datetime) -> MakeReaders:
    """Return a function that adds readers of "weekly" and returns their ids."""

    def make(
        number: int,
        *,
        standing: Standing = Standing.CONFIRMED,
        suppressed: str | None = None,
        domain: str = "example.org",
    ) -> list[int]:
        with database.write() as session:
            kind = f"{standing}-{suppressed or 'free'}"
            rows = [
                Subscriber(
                    address=f"{kind}-{n}@{domain}",
                    address_key=f"{kind}-{n}@{domain}",
                    suppressed=suppressed,
                    created_at=now,
                )
                for n in range(number)
            ]
            session.add_all(rows)
            session.flush()
            ids = [row.id for row in rows if row.id is not None]
            session.add_all(
                Subscription(subscriber_id=i, newsletter="weekly", standing=standing, since=now)
                for i in ids
            )
        return ids

    return make


@pytest.fixture
def make_issue(database: Database, now: datetime) -> Callable[[], tuple[int, int]]:
    """Return a function that freezes an issue of "weekly": (issue id, edition id)."""

    def make() -> tuple[int, int]:
        with database.write() as session:
            newsletter = Newsletter(slug="weekly", name="Weekly AI Tool Verdicts")
            session.add(newsletter)
            session.flush()
            assert newsletter.id is not None
            issue = Issue(
                newsletter_id=newsletter.id,
                number=1,
                period="2026-W48",
                state=IssueState.BUILT,
                built_at=now,
            )
            session.add(issue)
            session.flush()
            assert issue.id is not None
            edition = Edition(
                issue_id=issue.id, subject="S", html="<p>H</p>", text="T", fingerprint="f",
                frozen_at=now,
            )  # fmt: skip
            session.add(edition)
            session.flush()
            assert edition.id is not None
            return issue.id, edition.id

    return make


@pytest.fixture
def make_sending(
    database: Database, now: datetime, make_issue: Callable[[], tuple[int, int]]
) -> MakeSending:
    """Return a function that prepares an issue for everybody there is, ready to be sent."""

    def make(
        transport: Transport | None = None,
        *,
        batch_size: int = 3,
        first_wave: int = 0,
        seats: Mapping[int, int] | None = None,
        pace: Pace = UNLIMITED,
    ) -> EditionSend:
        issue_id, edition_id = make_issue()
        with database.write() as session:
            plan_deliveries(
                session,
                issue=session.get_one(Issue, issue_id),
                edition=session.get_one(Edition, edition_id),
                newsletter="weekly",
                batch_size=batch_size,
                first_wave=first_wave,
                groups=Grouping(seats=seats or {}, pace=pace),
                now=now,
            )
        return EditionSend(
            store=database,
            transport=transport or MemoryTransport(),
            clock=lambda: now,
            owner="test",
            edition_id=edition_id,
            pace=pace,
            newsletter="weekly",
            issue="weekly-1",
            content=Content(
                subject="S", html="<p>H</p>", text="T", sender=Mailbox("us@example.com", "Us")
            ),
            recipients=recipient_builder(
                "weekly", base_url="https://news.example.com", tokens=Tokens([SECRET])
            ),
            retry_policy=replace(RetryPolicy(), first_wait=0.0, jitter=lambda: 0.0),
        )

    return make
