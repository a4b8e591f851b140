"""Jobs that send batches: each reader once, whatever becomes of the jobs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from procrastinate.jobs import Status

from digest.delivery.job_queue import QueueName
from digest.delivery.models import BatchState
from digest.delivery.pace import start_warm_up
from digest.delivery.sending import EditionSend, StopSignal, send_one
from digest.delivery.sending.queue import Claim, claim, start
from digest.issues.models import Issue, IssueState
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, InDoubt, NotSent, Refused
from digest.service.send_job import look_after_jobs
from digest.worker.batch_jobs import BatchJobs
from digest.worker.procrastinate_app import job_app
from digest.worker.upkeep import delete_failed, delete_stalled
from tests.worker.conftest import Works
from tests.worker.running_worker import eventually, running

pytestmark = pytest.mark.postgres

EVERYBODY = [f"To: reader{number}@example.org" for number in (1, 2, 3)]


def test_a_worker_sends_each_batch_and_asks_for_a_look_at_the_end(works: Works) -> None:
    works.planned()
    works.work()
    assert (works.states(), works.mails()) == (["accepted"] * 3, EVERYBODY)
    assert works.ask("SELECT queueing_lock FROM procrastinate_jobs") == ["wake/send"]


def test_a_job_that_runs_twice_sends_nothing_twice(works: Works) -> None:
    works.planned()
    works.do(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
        " SELECT queue_name, task_name, args FROM procrastinate_jobs"
    )
    works.work()
    assert (works.mails(), works.ask("SELECT count(*) FROM attempt")) == (EVERYBODY, [3])


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


def sending_by(works: Works, answer: Callable[[Mailing], Answer]) -> EditionSend:
    """Return what sends the issue and answers like that."""
    works.app.sending.begin()
    with works.app.database.read() as session:
        made = works.app.sending.edition_send(session, session.get_one(Issue, 1))
    return replace(made, transport=MemoryTransport(answer))


def send(works: Works, batch: int, answer: Answer) -> None:
    """Run the job of a batch, which the provider answers like that."""
    works.do("DELETE FROM procrastinate_jobs WHERE queueing_lock = :it", it=f"send_batch/{batch}")
    send_one(sending_by(works, lambda _: answer), batch, Event())


def test_a_batch_that_was_not_sent_is_looked_at_when_it_may_go_again(works: Works) -> None:
    first, *others = works.planned()
    send(works, first, NotSent(detail="no connection"))
    assert works.jobs() == [*(f"send_batch/{batch}" for batch in others), "wake/send"]
    due = works.ask("SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = 'send'")
    assert due == [works.batches()[0].not_before]


def test_what_a_refusal_leaves_of_a_batch_gets_a_job_at_once(works: Works) -> None:
    (only,) = works.planned(batch_size=3)
    send(works, only, Refused(recipients={1: "no such mailbox"}, detail="one is wrong"))
    assert works.jobs() == [f"send_batch/{only}"]
    works.work()
    assert works.mails() == [EVERYBODY[0], EVERYBODY[2]]


def test_the_halves_of_a_refused_batch_get_jobs(works: Works) -> None:
    (only,) = works.planned(batch_size=3)
    send(works, only, Refused(detail="something is wrong"))
    halves = [batch.id for batch in works.batches() if batch.state is BatchState.PENDING]
    assert works.jobs() == [f"send_batch/{half}" for half in halves]


def test_while_the_breaker_is_open_jobs_end_and_one_look_waits_for_its_pause(
    make_works: Callable[[int], Works],
) -> None:
    works = make_works(6)
    batches = works.planned()
    for batch in batches[:3]:
        send(works, batch, InDoubt(detail="502"))
    works.work()
    assert (works.jobs(), works.mails()) == (["wake/send"], [])
    due = works.ask("SELECT scheduled_at FROM procrastinate_jobs")
    assert due == works.ask("SELECT probe_at FROM circuit_breaker")


def test_an_accepted_probe_gives_the_rest_their_jobs(make_works: Callable[[int], Works]) -> None:
    works = make_works(6)
    batches = works.planned()
    for batch in batches[:3]:
        send(works, batch, InDoubt(detail="502"))
    works.do("DELETE FROM procrastinate_jobs")
    works.do("UPDATE circuit_breaker SET probe_at = now()")
    send(works, batches[3], Accepted(provider_id="1"))
    assert works.jobs() == [f"send_batch/{batch}" for batch in batches[4:]]


def test_an_issue_paused_in_the_middle_goes_on_when_it_is_resumed(works: Works) -> None:
    first, *others = works.planned()
    send(works, first, Accepted(provider_id="1"))
    works.do("UPDATE issue SET state = 'paused'")
    works.work()
    assert (works.mails(), works.jobs()) == ([], [])
    works.resume()
    assert works.jobs() == [f"send_batch/{batch}" for batch in others]
    works.work()
    assert works.mails() == EVERYBODY[1:]


def test_the_job_of_a_killed_worker_goes_and_the_ledger_moves_its_batch_on(works: Works) -> None:
    batches = works.planned()
    works.app.sending.begin()
    works.do("UPDATE procrastinate_jobs SET status = 'doing'")  # by no worker that is alive
    claimed, started = (claimed_by_a_dead_sender(works, batch) for batch in batches[:2])
    with works.app.database.write() as session:
        assert start(session, started, request_hash="r", now=works.app.clock())
    assert claimed.batch_id == batches[0]
    keep_up(works, delete_stalled)
    assert works.jobs("doing") == []
    assert look_after_jobs(works.app, works.app.clock()) == "2 batches enqueued"
    assert works.states() == ["pending", "in-doubt", "pending"]
    assert works.jobs() == [f"send_batch/{batches[0]}", f"send_batch/{batches[2]}"]
    works.work()
    assert works.mails() == [EVERYBODY[0], EVERYBODY[2]]


def test_a_job_that_ends_while_stalled_ones_are_deleted_stops_no_deletion(works: Works) -> None:
    works.planned()
    works.do("UPDATE procrastinate_jobs SET status = 'doing'")

    async def run() -> None:
        async with job_app(works.app, [], StopSignal()).open_async() as jobs:
            await delete_stalled(SimpleNamespace(job_manager=EndsTheFirst(jobs.job_manager)))

    asyncio.run(run())
    assert works.jobs("doing") == []


@dataclass
class EndsTheFirst:
    """A queue in which the first stalled job ends by itself after all."""

    manager: Any

    async def get_stalled_jobs(self, **within: float) -> list[Any]:
        first, *others = await self.manager.get_stalled_jobs(**within)
        await self.finish_job_by_id_async(first.id, Status.SUCCEEDED, delete_job=True)
        return [first, *others]

    async def finish_job_by_id_async(self, job: int, status: Status, *, delete_job: bool) -> None:
        await self.manager.finish_job_by_id_async(job, status, delete_job=delete_job)


def keep_up(works: Works, upkeep: Callable[[Any], Awaitable[None]]) -> None:
    async def run() -> None:
        async with job_app(works.app, [], StopSignal()).open_async() as jobs:
            await upkeep(jobs)

    asyncio.run(run())


def claimed_by_a_dead_sender(works: Works, batch: int) -> Claim:
    now = works.app.clock() - timedelta(hours=1)
    with works.app.database.write() as session:
        claimed = claim(
            session,
            edition_id=1,
            newsletter="weekly",
            owner="gone",
            now=now,
            lease=60,
            batch_id=batch,
        )
    assert claimed is not None
    return claimed


def test_a_failed_job_is_kept_for_a_while(works: Works) -> None:
    works.planned()
    works.do("UPDATE procrastinate_jobs SET status = 'doing'")
    works.do("UPDATE procrastinate_jobs SET status = 'failed'")
    works.do(
        "UPDATE procrastinate_events SET at = now() - interval '8 days'"
        " WHERE job_id = (SELECT min(id) FROM procrastinate_jobs)"
    )
    keep_up(works, delete_failed)
    assert len(works.jobs("failed")) == 2


def test_an_issue_that_a_lone_worker_meets_too_late_is_paused_for_a_person(works: Works) -> None:
    works.planned()
    works.do("UPDATE issue SET prepared_at = now() - interval '13 hours'")
    works.work()
    assert (works.mails(), works.issue().state) == ([], IssueState.PAUSED)


def test_a_worker_that_joins_others_pauses_no_issue_however_late_it_is(works: Works) -> None:
    works.planned()
    works.do("UPDATE issue SET prepared_at = now() - interval '13 hours'")
    works.do("INSERT INTO procrastinate_workers DEFAULT VALUES")
    works.work()
    assert works.mails() == EVERYBODY


def test_what_a_person_lets_go_on_is_paused_by_no_worker_that_started_before(works: Works) -> None:
    works.planned()
    works.do("UPDATE issue SET prepared_at = now() - interval '13 hours'")
    with running(works, QueueName.LETTERS), running(works, QueueName.SEND):
        assert works.issue().state is IssueState.PAUSED
        works.resume()
        assert eventually(lambda: works.mails() == EVERYBODY)


def test_a_database_on_hold_sends_nothing(works: Works) -> None:
    works.planned()
    works.do(
        "INSERT INTO installation (id, key, copied_at, accepted_by, accepted_why)"
        " VALUES (1, 'k', now(), '', '')"
    )
    works.work()
    assert (works.mails(), works.states()) == ([], ["pending"] * 3)


def test_a_machine_that_is_unfit_leaves_its_jobs_to_others_and_says_why_once(
    works: Works, caplog: pytest.LogCaptureFixture
) -> None:
    batches = works.planned()
    works.app.sending.restore_guard_file.path.mkdir()  # so that nobody can write there
    works.do("DELETE FROM procrastinate_jobs")  # as a worker has taken them
    unfit = BatchJobs(works.app, StopSignal(), given_back_after=0.0)
    for batch in batches:
        unfit.send(batch)
    assert works.states() == ["pending"] * 3
    assert works.jobs() == [f"send_batch/{batch}" for batch in batches]
    assert caplog.text.count("its epoch file can't be written (Is a directory)") == 1


def test_mail_is_made_anew_when_its_sender_has_changed(works: Works) -> None:
    batches = works.planned()
    jobs = BatchJobs(works.app, StopSignal())
    jobs.send(batches[0])
    works.do("UPDATE newsletter SET sender = 'Others <others@example.com>'")
    jobs.send(batches[1])
    mails = sorted(works.outbox.glob("*/*.eml"))
    assert ["others@example.com" in mail.read_text("utf-8") for mail in mails] == [False, True]


def test_a_warm_up_that_begins_in_the_middle_holds_the_rest_back(works: Works) -> None:
    batches = works.planned()
    jobs = BatchJobs(works.app, StopSignal())
    jobs.send(batches[0])
    with works.app.database.write() as session:
        start_warm_up(session, now=works.app.clock(), days=2, first=2, last=3)
    jobs.send(batches[1])
    jobs.send(batches[2])
    assert works.states() == ["accepted", "accepted", "pending"]


def test_two_workers_in_two_processes_send_each_reader_one_copy(
    make_works: Callable[[int], Works],
) -> None:
    works = make_works(40)
    works.planned(batch_size=2)
    settings = works.app.settings
    environment = {
        **os.environ,
        "DIGEST_DATABASE_URL": settings.database_url,
        "DIGEST_SECRET": "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778",
        "DIGEST_OUTBOX": str(settings.outbox),
        "DIGEST_EPOCH_FILE": str(settings.epoch_file),
    }
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER], env=environment)  # noqa: S603 - ours
        for _ in range(2)
    ]
    assert [worker.wait() for worker in workers] == [0, 0]
    assert (works.states(), len(works.mails())) == (["accepted"] * 20, 40)
    assert works.ask("SELECT count(*) FROM attempt") == [20]


WORKER = """
from digest.app.installation import open_app
from digest.delivery.job_queue import QueueName
from digest.delivery.sending import StopSignal
from digest.settings import load
from digest.worker import run_worker

run_worker(open_app(load({})), queues=[QueueName.SEND], stop_signal=StopSignal(), wait=False)
"""
