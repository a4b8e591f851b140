"""Jobs of batches: written with what they are for, once each, and none for what must wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from digest.app.send_start import freeze
from digest.delivery.postgres_job_queue import PostgresJobQueue
from digest.delivery.sending import StopSignal, discard_outbox_copies, dispatch
from digest.delivery.sending.circuit_breaker import BreakerLimits
from digest.issues.models import Edition, Issue
from tests.worker.conftest import Works

pytestmark = pytest.mark.postgres


def test_each_batch_gets_a_job_with_the_plan(works: Works) -> None:
    assert works.jobs() == []
    batches = works.planned()
    assert works.jobs() == [f"send_batch/{batch}" for batch in batches]


def test_a_plan_that_is_rolled_back_leaves_no_job(works: Works) -> None:
    with works.app.database.read() as session:  # which never commits
        works.plan(session)
        assert len(works.jobs_in(session)) == 3
    assert (works.batches(), works.jobs()) == ([], [])


def test_a_job_that_waits_is_enough(works: Works) -> None:
    works.planned()
    with works.app.database.write() as session:
        assert works.app.job_queue.enqueue_batches(session, works.app.clock()) == 0
    assert len(works.jobs()) == 3


def test_a_lost_job_is_found(works: Works) -> None:
    lost = works.planned()[1]
    works.do(
        "DELETE FROM procrastinate_jobs WHERE queueing_lock = :lock", lock=f"send_batch/{lost}"
    )
    with works.app.database.write() as session:
        assert works.app.job_queue.enqueue_batches(session, works.app.clock()) == 1
    assert works.jobs()[-1] == f"send_batch/{lost}"


@pytest.mark.parametrize("state", ["paused", "cancelled", "sent"])
def test_an_issue_that_isn_t_on_its_way_gets_no_jobs(works: Works, state: str) -> None:
    works.planned()
    works.do("DELETE FROM procrastinate_jobs")
    works.do("UPDATE issue SET state = :state", state=state)
    with works.app.database.write() as session:
        assert works.app.job_queue.enqueue_batches(session, works.app.clock()) == 0


def test_the_rest_of_a_first_wave_gets_no_jobs_before_it_passed(works: Works) -> None:
    first, *rest = works.planned()
    works.do("DELETE FROM procrastinate_jobs")
    works.do("INSERT INTO wave (edition_id, last_batch, wait_seconds) VALUES (1, 1, 60)")
    with works.app.database.write() as session:
        works.app.job_queue.enqueue_batches(session, works.app.clock())
    assert works.jobs() == [f"send_batch/{first}"]
    works.do("UPDATE wave SET passed_at = now()")
    with works.app.database.write() as session:
        assert works.app.job_queue.enqueue_batches(session, works.app.clock()) == len(rest)


def test_for_what_waits_for_a_time_there_is_one_look_then(works: Works) -> None:
    works.planned()
    works.do("DELETE FROM procrastinate_jobs")
    now = works.app.clock()
    for batch, seconds in zip(works.batches(), (60, 20, 40), strict=True):
        at = now + timedelta(seconds=seconds)
        works.do("UPDATE batch SET not_before = :at WHERE id = :id", at=at, id=batch.id)
    with works.app.database.write() as session:
        assert works.app.job_queue.enqueue_batches(session, now) == 0
    assert works.jobs() == ["wake/send"]
    assert works.ask("SELECT scheduled_at FROM procrastinate_jobs") == [now + timedelta(seconds=20)]


def test_a_look_that_waits_is_brought_forward_and_never_put_off(works: Works) -> None:
    now = works.app.clock()
    for seconds in (60, 20, 40):
        with works.app.database.write() as session:
            works.app.job_queue.wake(session, "send", at=now + timedelta(seconds=seconds))
    assert works.ask("SELECT scheduled_at FROM procrastinate_jobs") == [now + timedelta(seconds=20)]


def test_while_the_breaker_is_open_one_batch_gets_a_job_once_it_may_be_tried(works: Works) -> None:
    first, *_ = works.planned()
    works.do("DELETE FROM procrastinate_jobs")
    now, pause = works.app.clock(), timedelta(seconds=BreakerLimits().first_pause)
    works.do(
        "INSERT INTO circuit_breaker (edition_id, failures, refusals, since, reason, probes,"
        " probe_at) VALUES (1, 3, 0, :now, '', 1, :until)",
        now=now,
        until=now + pause,
    )
    with works.app.database.write() as session:
        assert works.app.job_queue.enqueue_batches(session, now) == 0
    assert works.jobs() == ["wake/send"]
    with works.app.database.write() as session:
        assert works.app.job_queue.enqueue_batches(session, now + pause) == 1
    assert works.jobs() == ["wake/send", f"send_batch/{first}"]


def test_of_many_batches_so_many_get_a_job_and_the_one_in_the_middle_goes_on(
    make_works: Callable[[int], Works],
) -> None:
    works = make_works(10)
    with works.app.database.write() as session:
        works.plan(session, queue=PostgresJobQueue(at_once=4))
    first = "SELECT args ->> 'more' FROM procrastinate_jobs ORDER BY id"
    assert works.ask(first) == ["false", "true", "false", "false"]
    works.work(concurrency=1)  # two would leave once one of them finds no job
    assert works.states() == ["accepted"] * 10


def test_where_fewer_are_left_no_job_has_to_go_on(works: Works) -> None:
    with works.app.database.write() as session:
        works.plan(session, queue=PostgresJobQueue(at_once=4))
    assert works.ask("SELECT args ->> 'more' FROM procrastinate_jobs") == ["false"] * 3


def test_a_send_without_workers_leaves_no_jobs_behind(works: Works) -> None:
    works.planned()
    works.app.sending.begin()
    with works.app.database.read() as session:
        sending = works.app.sending.edition_send(session, session.get_one(Issue, 1))
    assert dispatch(sending).accepted == 3
    assert works.jobs() == []


def test_a_send_that_stops_leaves_its_batches_to_workers(works: Works) -> None:
    batches = works.planned()
    works.do("DELETE FROM procrastinate_jobs")
    stopped = StopSignal()
    stopped.stop()
    with works.app.database.read() as session:
        sending = works.app.sending.edition_send(session, session.get_one(Issue, 1))
    dispatch(sending, stop_signal=stopped)
    assert works.jobs() == [f"send_batch/{batch}" for batch in batches]


def test_an_audience_is_frozen_with_its_jobs(works: Works) -> None:
    with works.app.database.write() as session:
        freeze(works.app, session, session.get_one(Issue, 1), session.get_one(Edition, 1))
    assert len(works.jobs()) == len(works.batches()) == 1


def test_copies_of_the_outbox_folder_get_jobs_when_they_are_to_go_for_real(works: Works) -> None:
    batches = works.planned()
    works.work()
    works.do("DELETE FROM procrastinate_jobs")
    with works.app.database.write() as session:
        discard_outbox_copies(session, session.get_one(Issue, 1), 1)
        works.app.job_queue.enqueue_batches(session, works.app.clock())
    assert works.jobs() == [f"send_batch/{batch}" for batch in batches]


def test_under_a_limit_of_requests_no_more_jobs_wait_than_may_soon_run(works: Works) -> None:
    settings = works.app.settings.model_copy(update={"max_requests": 1})
    queue = replace(works.app, settings=settings).job_queue
    with works.app.database.write() as session:
        works.plan(session, queue=queue)
    assert len(works.jobs()) == 2
