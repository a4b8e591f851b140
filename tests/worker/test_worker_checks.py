"""What `digest doctor` and `digest status` say of the workers and of what waits for them."""

from __future__ import annotations

import pytest

from digest.cli.issue.service_status import worker_line
from digest.doctor import HealthLevel
from digest.doctor.worker_checks import check_workers
from digest.service import worker_facts
from tests.worker.conftest import Works

pytestmark = pytest.mark.postgres
WORKER = "INSERT INTO procrastinate_workers DEFAULT VALUES"


def said(works: Works) -> list[tuple[HealthLevel, str]]:
    return [(check.weight, check.says) for check in check_workers(works.app)]


def line(works: Works) -> str:
    with works.app.database.read() as session:
        return worker_line(worker_facts(session)["workers"])


def test_without_a_worker_it_says_how_much_waits(works: Works) -> None:
    works.planned()
    assert said(works) == [(HealthLevel.WARNING, "none is running, and 3 jobs wait")]
    assert line(works) == "! No worker is running. To start one on any machine: digest worker"


def test_with_workers_it_says_how_many(works: Works) -> None:
    works.do(WORKER)
    works.planned()
    assert said(works) == [(HealthLevel.FINE, "1 is running, and 3 jobs wait")]
    assert line(works) == "1 worker running: 3 jobs waiting, 0 under way"


def test_a_queue_that_nobody_works_on_is_named(works: Works) -> None:
    works.do(WORKER)
    works.planned()
    works.do("UPDATE procrastinate_events SET at = at - interval '10 minutes'")
    assert said(works) == [
        (HealthLevel.WARNING, "a job on the queue send has waited for 10 minutes")
    ]


def test_failed_jobs_are_told(works: Works) -> None:
    works.do(WORKER)
    works.planned()
    works.do("UPDATE procrastinate_jobs SET status = 'doing'")
    works.do("UPDATE procrastinate_jobs SET status = 'failed'")
    assert said(works)[1:] == [(HealthLevel.WARNING, "3 jobs have failed lately")]
