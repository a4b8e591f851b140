"""A worker on PostgreSQL that is killed at each step of its jobs (D11)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import URL
from sqlmodel import select

from digest.app.installation import App, open_app
from digest.db import Database
from digest.delivery.counts import DeliveryCounts, count_deliveries
from digest.delivery.sending import plan_deliveries, recover
from digest.issues.models import Edition, Issue
from digest.process_id import alive
from digest.settings import load
from tests.stories.killing import installation
from tests.stories.killing.child_process import Nursery, nursery
from tests.worker.conftest import fill

pytestmark = pytest.mark.postgres

READERS = 3


@pytest.fixture
def children() -> Iterator[Nursery]:
    with nursery() as started:
        yield started


@pytest.fixture
def place(postgres_database: Database, tmp_path: Path) -> dict[str, str]:
    """Where a worker finds its database, the outbox folder, and the restore guard's file."""
    url: URL = postgres_database.url
    return {
        "url": url.render_as_string(hide_password=False),
        "outbox": str(tmp_path / "outbox"),
        "epoch": str(tmp_path / "epoch"),
    }


@pytest.fixture
def app(place: dict[str, str]) -> Iterator[App]:
    """An installation with an issue for three readers, each in a batch of their own."""
    settings = {"database_url": place["url"], "epoch_file": Path(place["epoch"])}
    app = open_app(load({}, secret=installation.SECRET, outbox=Path(place["outbox"]), **settings))
    with app.database.write() as session:
        fill(session, READERS)
    plan(app)
    yield app
    app.database.close()


def plan(app: App) -> None:
    now = datetime.now(UTC)
    with app.database.write() as session:
        plan_deliveries(
            session,
            issue=session.exec(select(Issue)).one(),
            edition=session.exec(select(Edition)).one(),
            newsletter="weekly",
            batch_size=1,
            now=now,
        )
        app.job_queue.enqueue_batches(session, now)


def minute(app: App) -> None:
    """Move on what the dead held, and find the jobs that were lost with them."""
    now = datetime.now(UTC)
    with app.database.write() as session:
        recover(session, edition_id=1, now=now, alive=alive)
        app.job_queue.enqueue_batches(session, now)


def seen(app: App) -> DeliveryCounts:
    with app.database.read() as session:
        return count_deliveries(session, 1)


def copies(outbox: Path) -> Counter[str]:
    """Return how many mails each reader got."""
    return Counter(
        line
        for path in outbox.glob("*/*.eml")
        for line in path.read_text("utf-8").splitlines()
        if line.startswith("To: ")
    )


#: Where a worker dies in a job: batches in doubt and mails sent after two such deaths, and the
#: mails in the end.
STEPS = {
    "before the claim is on disk": (0, 0, READERS),
    "claimed": (0, 0, READERS),
    "before the start is on disk": (0, 0, READERS),
    "started": (2, 0, READERS - 2),
    "answered, before it is settled": (2, 2, READERS),
    "settled": (0, 2, READERS),
}


@pytest.mark.parametrize("step", STEPS)
def test_D11_two_workers_killed_at_each_step_of_a_job_leave_each_reader_one_mail_or_a_doubt(
    app: App, place: dict[str, str], children: Nursery, step: str
) -> None:
    doubts, sent, at_the_end = STEPS[step]
    outbox = Path(place["outbox"])
    for _ in range(2):
        assert children.run("work", die_at=[*STEPS].index(step) + 1, **place).killed
        minute(app)
    assert copies(outbox).total() == sent
    children.run("work", **place)
    counts = seen(app)
    assert (counts.accepted, counts.in_doubt, counts.pending) == (READERS - doubts, doubts, 0)
    assert copies(outbox).total() == len(copies(outbox)) == at_the_end
