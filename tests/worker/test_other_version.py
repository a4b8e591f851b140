"""A worker that goes on running while its database is upgraded by a newer version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest

from digest.delivery.sending import StopSignal
from digest.migrations.revision import newest
from digest.service import MINUTE, Job
from digest.worker.batch_jobs import CHECKED_EVERY, BatchJobs
from digest.worker.service_jobs import ServiceJobs
from tests.worker.conftest import Works

pytestmark = pytest.mark.postgres


@dataclass
class Seconds:
    passed: float = 0.0

    def __call__(self) -> float:
        return self.passed


@pytest.fixture
def upgraded(works: Works) -> Iterator[Callable[[], None]]:
    """Return a function that brings the database to a revision this version doesn't know."""
    works.do("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)")
    works.do("INSERT INTO alembic_version VALUES (:now)", now=newest())
    yield lambda: works.do("UPDATE alembic_version SET version_num = '9999'")
    works.do("DROP TABLE alembic_version")


def test_no_batch_is_sent_from_tables_of_a_newer_version(
    works: Works, upgraded: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    first, *others = works.planned()
    seconds = Seconds()
    jobs = BatchJobs(works.app, StopSignal(), seconds)
    jobs.send(first)
    upgraded()
    seconds.passed += CHECKED_EVERY
    for batch in others:
        jobs.send(batch)
    assert works.states() == ["accepted", "pending", "pending"]
    assert caplog.messages == [
        "the database is at revision 9999, which this version doesn't know;"
        " next: run the newer version of Digest that made it"
    ]


def test_no_other_job_runs_on_tables_of_a_newer_version(
    works: Works, upgraded: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[datetime] = []

    def run(now: datetime) -> str:
        ran.append(now)
        return ""

    job = Job(name="letters", every=MINUTE, run=run)
    jobs = ServiceJobs(works.app, {job.name: job})
    jobs.run("letters")
    upgraded()
    jobs.run("letters")
    assert len(ran) == 1
    assert caplog.messages[-1].startswith("letters: the database is at revision 9999")
