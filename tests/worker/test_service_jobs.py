"""Service jobs as jobs of the queue: once a minute over all workers, and at once when woken."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from digest.delivery.job_queue import BEFORE_BATCHES, QueueName
from digest.delivery.job_queue_figures import job_queue_figures
from digest.delivery.sending import StopSignal
from digest.delivery.sending.queue import cancel_batches, claim
from digest.errors import DigestError
from digest.issues.models import Issue, IssueState, JobRun
from digest.process_id import this_process
from digest.service import MINUTE, Job
from digest.service.send_job import look_after_jobs
from digest.worker.procrastinate_app import job_app
from digest.worker.service_jobs import ServiceJobs
from subscribers import letter_queue
from subscribers.models import LetterKind, LetterState, LetterToSend
from tests.delivery.lock_waits import meanwhile
from tests.worker.conftest import Works
from tests.worker.running_worker import eventually, running

pytestmark = pytest.mark.postgres

NOW = "SELECT floor(extract(epoch FROM now()) / 60)::int"  # a cast alone would round up
EVER = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM procrastinate_jobs_id_seq"


def run(works: Works, name: str) -> JobRun | None:
    with works.app.database.read() as session:
        return session.get(JobRun, name)


def service(works: Works, *jobs: Job) -> ServiceJobs:
    return ServiceJobs(works.app, {job.name: job for job in jobs})


def wakes(works: Works) -> list[str]:
    return [lock for lock in works.jobs() if lock.startswith("wake/")]


def ran(works: Works) -> set[str]:
    """Return the names of the jobs that have run to their end."""
    with works.app.database.read() as session:
        return {row.name for row in session.exec(select(JobRun)) if row.ended_at}


def test_each_minute_is_worked_once_however_many_workers_there_are(works: Works) -> None:
    minute = works.ask(NOW)[0]
    for _ in range(3):
        with running(works, QueueName.LETTERS):
            assert eventually(lambda: ran(works) == {"letters", "verdicts", "editors"})
    minutes = int(works.ask(NOW)[0]) - int(minute) + 1
    assert 3 <= int(works.ask(EVER)[0]) <= 3 * minutes


def test_a_worker_asks_for_the_jobs_of_its_own_queues_alone(works: Works) -> None:
    with running(works, QueueName.EVENTS):
        assert eventually(lambda: ran(works) == {"bounces", "events", "votes", "webhooks"})
    assert works.ask("SELECT DISTINCT queue_name FROM procrastinate_jobs") == []


def test_a_run_keeps_when_and_with_what_result(works: Works) -> None:
    service(works, Job(name="job", every=MINUTE, run=lambda _: "did it")).run("job")
    row = run(works, "job")
    assert row is not None
    assert (row.ok, row.result, row.ended_at is not None) == (True, "did it", True)


def test_a_job_of_every_minute_runs_whenever_it_is_asked_for(works: Works) -> None:
    assert runs_of_two(works, MINUTE) == 2


def test_a_job_of_every_day_runs_once_a_day(works: Works) -> None:
    assert runs_of_two(works, timedelta(days=1)) == 1


def runs_of_two(works: Works, every: timedelta) -> int:
    """Ask twice for a job; return how often it ran."""
    at: list[datetime] = []

    def note(now: datetime) -> str:
        at.append(now)
        return ""

    jobs = service(works, Job(name="job", every=every, run=note))
    jobs.run("job")
    jobs.run("job")
    return len(at)


@pytest.mark.parametrize(("did", "asked"), [("it", ["wake/letters"]), ("", [])])
def test_a_job_that_did_something_asks_for_those_that_follow(
    works: Works, did: str, asked: list[str]
) -> None:
    service(works, Job(name="job", every=MINUTE, run=lambda _: did, then=("letters",))).run("job")
    assert wakes(works) == asked


def test_a_job_that_fails_is_recorded_and_leaves_no_failed_job(works: Works) -> None:
    def fail(_now: datetime) -> str:
        raise DigestError("the disk is full")

    service(works, Job(name="job", every=MINUTE, run=fail)).run("job")
    row = run(works, "job")
    assert row is not None
    assert (row.ok, row.result) == (False, "the disk is full")


def test_a_letter_that_waits_is_sent_by_the_worker_that_is_woken(works: Works) -> None:
    letter(works)
    with works.app.database.write() as session:
        works.app.job_queue.wake(session, "letters")
        works.app.job_queue.wake(session, "letters")
    assert wakes(works) == ["wake/letters"]
    works.work(QueueName.LETTERS)
    with works.app.database.read() as session:
        [sent] = session.exec(select(LetterToSend)).all()
    assert sent.state is LetterState.SENT
    assert wakes(works) == []


def test_a_site_with_many_posts_under_way_asks_the_workers_for_help(works: Works) -> None:
    works.app.events.ask_workers()
    works.app.events.ask_workers()
    assert wakes(works) == ["wake/events"]


def test_a_letter_goes_before_the_batches_of_an_issue(works: Works) -> None:
    works.planned()
    letter(works)
    with works.app.database.write() as session:
        works.app.job_queue.wake(session, "letters")
    first = "SELECT task_name FROM procrastinate_fetch_job_v2(NULL, NULL)"
    assert works.ask(first) == ["letters"]


def test_no_job_of_a_minute_waits_for_the_batches_of_an_issue(works: Works) -> None:
    """Not even upkeep, which frees what a dead worker holds."""
    asked = job_app(works.app, tuple(QueueName), StopSignal()).periodic_registry.periodic_tasks
    assert {each.configure_kwargs["priority"] for each in asked.values()} == {BEFORE_BATCHES}


def look_after(works: Works) -> str:
    return look_after_jobs(works.app, works.app.clock())


def test_batches_whose_jobs_were_lost_get_new_ones(works: Works) -> None:
    works.planned()
    jobs = works.jobs()
    works.do("DELETE FROM procrastinate_jobs")
    assert look_after(works) == "3 batches enqueued"
    assert works.jobs() == jobs
    assert look_after(works) == ""


def test_an_issue_is_sent_once_its_last_batch_is_and_the_job_says_so(works: Works) -> None:
    works.planned()
    works.work()
    assert works.issue().state is IssueState.PREPARED
    assert look_after(works) == "weekly-1: 3 accepted"
    assert works.issue().state is IssueState.SENT


def test_a_first_wave_that_waits_for_its_judgement_is_looked_at_then(works: Works) -> None:
    works.planned()
    works.do("INSERT INTO wave SELECT 1, min(number), 600 FROM batch")
    works.do("UPDATE batch SET state = 'accepted' WHERE number = (SELECT last_batch FROM wave)")
    works.do("DELETE FROM procrastinate_jobs")
    look_after(works)
    assert works.jobs() == ["wake/send"]


def test_an_issue_is_cancelled_while_it_is_looked_after(works: Works) -> None:
    """A person's cancel locks the issue first, and then its batches."""
    works.planned()
    works.app.sending.begin()
    with works.app.database.write() as session:
        held = claim_next(session, works.app.clock())
    meanwhile(
        works.app.database, cancel_issue, lambda: look_after(works), then=cancel_its_batches
    ).result()
    assert (held, works.states()) == (True, ["cancelled"] * 3)


def claim_next(session: Session, now: datetime) -> bool:
    owner = this_process()
    claimed = claim(session, edition_id=1, newsletter="weekly", owner=owner, now=now, lease=300)
    return claimed is not None


def cancel_issue(session: Session) -> None:
    session.get_one(Issue, 1).state = IssueState.CANCELLED
    session.flush()


def cancel_its_batches(session: Session) -> None:
    cancel_batches(session, [1], "it's wrong")


def test_the_figures_tell_what_waits_for_whom(works: Works) -> None:
    works.planned()
    works.do("INSERT INTO procrastinate_workers DEFAULT VALUES")
    works.do("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 h')")
    works.do("UPDATE procrastinate_events SET at = at - interval '90 s'")
    with works.app.database.read() as session:
        figures = job_queue_figures(session)
    assert figures is not None
    assert (figures.workers, dict(figures.jobs)) == (1, {("send", "todo"): 3})
    assert 90 <= figures.oldest < 3600


def test_every_service_job_has_a_task_on_its_queue(works: Works) -> None:
    tasks = job_app(works.app, tuple(QueueName), StopSignal()).tasks
    assert {"send_batch", "issues", "letters", "events", "votes", "backup"} <= set(tasks)
    assert tasks["letters"].queue == "letters"


def letter(works: Works) -> None:
    """Queue a letter to the first reader."""
    with works.app.database.write() as session:
        letter_queue.enqueue(session, 1, "weekly", LetterKind.WELCOME, works.app.clock())
