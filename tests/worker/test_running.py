"""A running worker: woken at once, stopped within the grace, and never ended by its database."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, text

from digest.delivery.job_queue import QueueName
from digest.delivery.sending import StopSignal
from digest.errors import DigestError, PackageMissing
from digest.worker import Worker
from digest.worker.daemon_threads import in_thread
from tests.worker.conftest import Works
from tests.worker.running_worker import ALIVE, eventually, running

pytestmark = pytest.mark.postgres


def test_a_running_worker_sends_what_is_planned_and_leaves_when_asked(works: Works) -> None:
    with running(works):
        works.planned()
        assert eventually(lambda: works.states() == ["accepted"] * 3)
    assert len(works.mails()) == 3
    assert eventually(lambda: works.ask(ALIVE) == [])


def test_a_worker_goes_on_after_the_clock_was_set(works: Works) -> None:
    with running(works) as worker:
        [first] = works.ask(ALIVE)
        worker.wake()
        assert eventually(lambda: works.ask(ALIVE) not in ([], [first]))
        works.planned()
        assert eventually(lambda: works.states() == ["accepted"] * 3)


def test_a_job_that_hangs_is_left_once_the_grace_is_over(works: Works) -> None:
    """The job waits for a table that this test has locked."""
    engine = create_engine(works.app.database.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE tick IN ACCESS EXCLUSIVE MODE")
        with running(works, QueueName.LETTERS, grace=0.0):
            assert eventually(lambda: thread("editors") is not None)
        left = thread("editors")
        assert left is not None
    left.join(30)  # the release of the table has ended it
    assert eventually(lambda: works.ask(ALIVE) == [] and works.jobs("doing") == [])
    engine.dispose()


def thread(name: str) -> threading.Thread | None:
    return next((each for each in threading.enumerate() if each.name == name), None)


def test_a_worker_outlives_its_database_and_says_so_in_two_lines(
    works: Works, postgres: URL, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with running(works):
        with away(works, postgres):
            assert eventually(lambda: "the worker waits for the database" in caplog.text)
        assert eventually(lambda: "the database is back" in caplog.text)
        works.planned()
        assert eventually(lambda: works.states() == ["accepted"] * 3)
    said = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.getMessage().partition(":")[0] for record in said] == [
        "the worker waits for the database"
    ]
    assert not any(record.exc_info for record in caplog.records)


@contextmanager
def away(works: Works, server: URL) -> Iterator[None]:
    """Keep everyone from the database for a while, and cut off who is connected."""
    name = works.app.database.url.database
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        allow = f"ALTER DATABASE {name} ALLOW_CONNECTIONS"
        connection.exec_driver_sql(f"{allow} false")
        try:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
                ),
                {"name": name},
            )
            yield
        finally:
            connection.exec_driver_sql(f"{allow} true")
    engine.dispose()


def test_a_database_that_goes_away_again_is_told_again(
    works: Works, postgres: URL, caplog: pytest.LogCaptureFixture
) -> None:
    with running(works, back=0.0):
        for times in (1, 2):
            alive = works.ask(ALIVE)
            with away(works, postgres):
                assert eventually(partial(is_told, caplog, times))
            assert eventually(partial(is_alive_since, works, alive))


def is_told(caplog: pytest.LogCaptureFixture, times: int) -> bool:
    return caplog.text.count("waits for the database") == times


def is_alive_since(works: Works, before: list[str]) -> bool:
    return works.ask(ALIVE) > before


class Faulty(Worker):
    """A worker whose library has a bug."""

    @cached_property
    def _jobs(self) -> Any:
        return self

    async def open_async(self) -> None:
        raise LookupError("a bug")

    async def close_async(self) -> None:
        pass


def test_a_worker_outlives_a_bug_and_shows_it(
    works: Works, caplog: pytest.LogCaptureFixture
) -> None:
    stop = StopSignal()
    worker = Faulty(works.app, stop)
    worker.start()
    assert eventually(lambda: "the worker failed, and begins anew" in caplog.text)
    assert thread("worker") is not None
    stop.stop()
    worker.stop()
    assert "LookupError: a bug" in caplog.text
    assert thread("worker") is None


class Lacking(Worker):
    """A worker whose library isn't installed."""

    @cached_property
    def _jobs(self) -> Any:
        raise PackageMissing("a worker needs a package that isn't installed: procrastinate")


def test_a_worker_without_its_library_says_so_and_ends(works: Works) -> None:
    with pytest.raises(PackageMissing, match="procrastinate"):
        asyncio.run(Lacking(works.app, StopSignal()).serve())


def test_work_in_a_thread_raises_what_it_raised() -> None:
    def fail() -> None:
        raise DigestError("it can't be done")

    with pytest.raises(DigestError, match="it can't be done"):
        asyncio.run(in_thread("job", fail))


def test_work_that_nobody_waits_for_any_more_goes_on() -> None:
    gate, done = threading.Event(), threading.Event()

    def work() -> None:
        gate.wait(30)
        done.set()

    async def give_up() -> None:
        task = asyncio.create_task(in_thread("job", work))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    gate.set()
    assert done.wait(30)
