"""Jobs: run when due, recorded, and never the end of the service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from digest.db import Database
from digest.errors import WrongState
from digest.issues.models import JobRun
from digest.service.jobs import Job, run_if_due
from digest.service.logging_setup import scrub

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class JobHarness:
    """One job, how often it ran, and the clock."""

    def __init__(self, database: Database, every: timedelta = HOUR) -> None:
        self.database, self.every = database, every
        self.runs = 0
        self.said = "done"
        self.fault: Exception | None = None

    def run(self, at: datetime) -> bool:
        job = Job(name="job", every=self.every, run=self._work)
        return run_if_due(job, self.database, lambda: at, "here")

    def tick(self) -> JobRun:
        with self.database.read() as session:
            return session.get_one(JobRun, "job")

    def _work(self, _now: datetime) -> str:
        self.runs += 1
        if self.fault:
            raise self.fault
        return self.said


@pytest.fixture
def harness(database: Database) -> JobHarness:
    return JobHarness(database)


def test_a_job_that_never_ran_runs_at_once_and_is_recorded(harness: JobHarness) -> None:
    assert harness.run(NOON)
    tick = harness.tick()
    assert (tick.ok, tick.result, tick.started_at, tick.next_at) == (
        True,
        "done",
        NOON,
        NOON + HOUR,
    )


def test_a_restart_does_not_run_it_again_before_it_is_due(harness: JobHarness) -> None:
    harness.run(NOON)
    assert not harness.run(NOON + HOUR / 2)
    assert harness.run(NOON + HOUR)
    assert harness.runs == 2


def test_a_job_that_starts_between_two_minutes_is_due_at_a_full_one(harness: JobHarness) -> None:
    harness.run(NOON + timedelta(seconds=14))
    assert not harness.run(NOON + timedelta(seconds=59))
    assert harness.run(NOON + HOUR)


def test_a_clock_that_was_set_back_does_not_stop_it(harness: JobHarness) -> None:
    harness.run(NOON)
    assert harness.run(NOON - timedelta(days=1))


def test_a_failure_is_recorded_in_words_and_tried_again(harness: JobHarness) -> None:
    harness.fault = WrongState("the disk is full")
    harness.run(NOON)
    assert (harness.tick().ok, harness.tick().result) == (False, "the disk is full")
    harness.fault = None
    harness.run(NOON + HOUR)
    assert harness.tick().ok


def test_a_fault_of_ours_is_recorded_and_does_not_escape(harness: JobHarness) -> None:
    harness.fault = ZeroDivisionError("x")
    harness.run(NOON)
    assert harness.tick().result == "an internal fault: ZeroDivisionError"


def test_a_database_that_is_away_costs_a_line_and_no_traceback(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    away = JobHarness(Database(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}"))

    assert not away.run(NOON)
    assert [(record.getMessage(), record.exc_info) for record in caplog.records] == [
        ("job: the database can't be used: OperationalError; next: digest doctor", None)
    ]


def test_a_database_that_goes_away_while_a_job_runs_costs_a_line_as_well(
    harness: JobHarness, caplog: pytest.LogCaptureFixture
) -> None:
    def drop_tables(_now: datetime) -> str:
        with harness.database.write() as session:
            session.connection().execute(text("ALTER TABLE tick RENAME TO elsewhere"))
        return "done"

    job = Job(name="job", every=HOUR, run=drop_tables)
    done = run_if_due(job, harness.database, lambda: NOON, "here")
    with harness.database.write() as session:
        session.connection().execute(text("ALTER TABLE elsewhere RENAME TO tick"))

    assert not done
    assert [record.exc_info for record in caplog.records if record.levelname == "ERROR"] == [None]


def test_an_address_in_a_failure_is_not_kept(harness: JobHarness) -> None:
    harness.fault = WrongState("reader ann@example.org is unknown")
    harness.run(NOON)
    assert harness.tick().result == "reader …@… is unknown"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("mail to Ann <ann@example.org>, again", "mail to Ann <…@…>, again"),
        ("key SG.abcdefgh.ijklmnop failed", "key SG.… failed"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer …"),
        (f"GET /u/{'x' * 40} 404", "GET /u/… 404"),
        ("postgresql://digest:secret@db/x", "postgresql://…@db/x"),
        ("issue 12 of 2026-W48: released", "issue 12 of 2026-W48: released"),
    ],
)
def test_addresses_keys_and_links_are_taken_out(said: str, kept: str) -> None:
    assert scrub(said) == kept
