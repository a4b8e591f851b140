"""Fixtures for the job queue: an installation on PostgreSQL with an issue to send."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from digest.app.installation import App, open_app
from digest.db import Database
from digest.delivery.job_queue import JobQueue, QueueName
from digest.delivery.models import Batch
from digest.delivery.sending import StopSignal, control, plan_deliveries
from digest.issues.models import Edition, Issue, IssueState, Newsletter
from digest.settings import load
from digest.worker import run_worker
from subscribers.models import Standing, Subscriber, Subscription

SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Works:
    """An installation whose mail goes to a folder, and the jobs that wait in its database."""

    app: App
    outbox: Path

    def plan(self, session: Session, *, batch_size: int = 1, queue: JobQueue | None = None) -> None:
        issue, edition = session.exec(select(Issue)).one(), session.exec(select(Edition)).one()
        now = self.app.clock()
        plan_deliveries(
            session,
            issue=issue,
            edition=edition,
            newsletter="weekly",
            batch_size=batch_size,
            now=now,
        )
        (queue or self.app.job_queue).enqueue_batches(session, now)

    def planned(self, *, batch_size: int = 1) -> list[int]:
        """Plan the issue; return the ids of its batches."""
        with self.app.database.write() as session:
            self.plan(session, batch_size=batch_size)
        return [batch.id or 0 for batch in self.batches()]

    def resume(self) -> None:
        """Let the issue go on, as a person does who had it paused."""
        with self.app.database.write() as session:
            control.resume(session, session.exec(select(Issue)).one(), self.app.clock())
            self.app.job_queue.enqueue_batches(session, self.app.clock())

    def batches(self) -> list[Batch]:
        with self.app.database.read() as session:
            return list(session.exec(select(Batch).order_by(text("id"))).all())

    def states(self) -> list[str]:
        return [batch.state.value for batch in self.batches()]

    def mails(self) -> list[str]:
        """Return the readers who got a mail, as often as they got one."""
        return sorted(
            line
            for path in self.outbox.glob("*/*.eml")
            for line in path.read_text("utf-8").splitlines()
            if line.startswith("To: ")
        )

    def issue(self) -> Issue:
        with self.app.database.read() as session:
            return session.exec(select(Issue)).one()

    def jobs(self, status: str = "todo") -> list[str]:
        """Return the locks of the jobs that wait, or are in that status."""
        with self.app.database.read() as session:
            return self.jobs_in(session, status)

    def jobs_in(self, session: Session, status: str = "todo") -> list[str]:
        """Return the same as a transaction sees it."""
        locks = text(
            "SELECT queueing_lock FROM procrastinate_jobs"
            " WHERE CAST(status AS text) = :status ORDER BY id"
        )
        return list(session.connection().execute(locks, {"status": status}).scalars())

    def ask(self, query: str, **values: object) -> list[Any]:
        """Return the first column of a query."""
        with self.app.database.read() as session:
            return list(session.connection().execute(text(query), values).scalars())

    def do(self, statement: str, **values: object) -> None:
        with self.app.database.write() as session:
            session.connection().execute(text(statement), values)

    def work(self, *queues: QueueName, concurrency: int = 2) -> None:
        """Run a worker until no job is left that may run now."""
        run_worker(
            self.app,
            queues=queues or (QueueName.SEND,),
            concurrency=concurrency,
            stop_signal=StopSignal(),
            wait=False,
        )


@pytest.fixture
def make_works(postgres_database: Database, tmp_path: Path) -> Iterator[Callable[..., Works]]:
    """Return a function that makes an installation with a built issue for so many readers."""
    opened: list[App] = []

    def make(readers: int = 3) -> Works:
        url = postgres_database.url.render_as_string(hide_password=False)
        place = {"database_url": url, "epoch_file": tmp_path / "epoch"}
        app = open_app(load({}, secret=SECRET, outbox=tmp_path / "outbox", **place))
        opened.append(app)
        with app.database.write() as session:
            fill(session, readers)
        return Works(app, tmp_path / "outbox")

    yield make
    for app in opened:
        app.database.close()


@pytest.fixture
def works(make_works: Callable[..., Works]) -> Works:
    """An installation with a built issue for three readers."""
    return make_works()


def fill(session: Session, readers: int) -> None:
    """Add a newsletter with so many readers, and an issue that was built just now."""
    now = datetime.now(UTC)
    session.add(Newsletter(id=1, slug="weekly", name="Weekly"))
    addresses = [f"reader{number}@example.org" for number in range(1, readers + 1)]
    session.add_all(
        Subscriber(id=number, address=address, address_key=address, created_at=LONG_AGO)
        for number, address in enumerate(addresses, start=1)
    )
    session.flush()
    session.add_all(
        Subscription(
            subscriber_id=number, newsletter="weekly", standing=Standing.CONFIRMED, since=LONG_AGO
        )
        for number in range(1, readers + 1)
    )
    built = IssueState.BUILT
    session.add(
        Issue(id=1, newsletter_id=1, number=1, period="2026-W48", state=built, built_at=now)
    )
    session.flush()
    session.add(
        Edition(
            id=1,
            issue_id=1,
            subject="S",
            html="<p>H</p>",
            text="T",
            fingerprint="f",
            frozen_at=now,
        )
    )
