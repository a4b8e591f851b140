"""Jobs that send batches: each reader once, whatever becomes of the jobs."""

from __future__ import annotations

import pytest

from tests.worker.conftest import Works

pytestmark = pytest.mark.postgres

EVERYBODY = [f"To: reader{number}@example.org" for number in (1, 2, 3)]


def test_a_worker_sends_each_batch_and_leaves_no_job(works: Works) -> None:
    works.planned()
    works.work()
    assert (works.states(), works.mails()) == (["accepted"] * 3, EVERYBODY)
    assert works.ask("SELECT id FROM procrastinate_jobs") == []


def test_a_job_that_runs_twice_sends_nothing_twice(works: Works) -> None:
    works.planned()
    works.do(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
        " SELECT queue_name, task_name, args FROM procrastinate_jobs"
    )
    works.work()
    assert works.mails() == EVERYBODY


def test_the_jobs_of_a_paused_issue_end_and_send_nothing(works: Works) -> None:
    works.planned()
    works.do("UPDATE issue SET state = 'paused'")
    works.work()
    assert (works.states(), works.mails(), works.jobs()) == (["pending"] * 3, [], [])


def test_a_job_of_a_batch_that_is_gone_ends(works: Works) -> None:
    works.planned()
    works.do("UPDATE procrastinate_jobs SET args = '{\"batch_id\": 999}'")
    works.work()
    assert (works.mails(), works.ask("SELECT id FROM procrastinate_jobs")) == ([], [])
