"""The one thread that writes: what waits together is committed together.

SQLite lets one writer in. Handlers that queue here don't fight for its lock, and a sign-up costs a
part of a durable commit instead of a whole one.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from subscribers.store import Sessions

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_WAITING = 2_000
AT_ONCE = 64  # items one transaction takes
#: Seconds the first to come waits for others to share its commit, unless so many are there: each
#: transaction saved leaves more of the processor to the pages.
GATHERING, ENOUGH = 0.004, 16
PATIENCE = 8.0  # seconds; mail programs that leave by one click wait hardly longer


class StoreBusy(Exception):
    """The store can't keep up; nothing was written."""


@dataclass(frozen=True)
class _Job:
    work: Callable[[Session, Sequence[Any]], Sequence[Any]]
    item: Any
    answer: asyncio.Future[Any]


class GroupCommit:
    """Runs writes one after another; those with the same work share a transaction.

    The thread starts with the first write, and ends when nothing has come for a while.
    """

    def __init__(self, sessions: Sessions, *, idle_seconds: float = 5.0) -> None:
        self._sessions = sessions
        self._idle = idle_seconds
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._running = False
        self._stopping = False
        self._thread = threading.Thread()

    async def together(
        self, work: Callable[[Session, Sequence[Item]], Sequence[Result]], item: Item
    ) -> Result:
        """Write an item by *work*, which gets all that wait for it; returns after the commit.

        Raises `StoreBusy` when too much waits, and what the database raises when it can't be
        written.
        """
        job = _Job(work, item, asyncio.get_running_loop().create_future())
        self._put(job)
        async with asyncio.timeout(PATIENCE):
            found: Result = await job.answer
        return found

    async def alone(self, work: Callable[[Session], Result]) -> Result:
        """Run *work* in a transaction of its own; returns after the commit."""
        return await self.together(lambda session, _: [work(session)], None)

    def stop(self) -> None:
        """Write what waits, and end the thread: call it before the store is closed."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
            thread = self._thread
        if thread.is_alive():
            thread.join()

    def _put(self, job: _Job) -> None:
        with self._changed:
            if len(self._jobs) >= MOST_WAITING:
                raise StoreBusy
            self._jobs.append(job)
            if not self._running:
                self._running = True
                self._thread = threading.Thread(
                    target=self._run, name="subscribers-writer", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while jobs := self._next():
            self._write(jobs)

    def _next(self) -> list[_Job]:
        """Wait for jobs, and take those from the front that share their work."""
        with self._changed:
            if not self._jobs and not self._stopping:
                self._changed.wait(self._idle)
            if not self._jobs:
                self._running = False
                return []
            self._gather()
            jobs = [self._jobs.popleft()]
            while self._jobs and self._jobs[0].work == jobs[0].work and len(jobs) < AT_ONCE:
                jobs.append(self._jobs.popleft())
            return jobs

    def _gather(self) -> None:
        end = time.monotonic() + GATHERING
        while len(self._jobs) < ENOUGH and not self._stopping and time.monotonic() < end:
            self._changed.wait(max(0.0, end - time.monotonic()))

    def _write(self, jobs: list[_Job]) -> None:
        waiting = [job for job in jobs if not job.answer.cancelled()]
        if not waiting:
            return
        try:
            with self._sessions.write() as session:
                results = waiting[0].work(session, [job.item for job in waiting])
                told = list(zip(waiting, results, strict=True))
        except Exception as fault:  # every one of them waits for an answer
            _tell([(job, fault) for job in waiting])
            return
        _tell(told)


def _tell(told: Sequence[tuple[_Job, Any]]) -> None:
    """Wake each loop once for all its jobs: to wake it for each costs as much as to write one."""
    by_loop = groupby(told, key=lambda each: each[0].answer.get_loop())
    for loop, jobs in by_loop:
        with suppress(RuntimeError):  # closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(_answer, list(jobs))


def _answer(told: Sequence[tuple[_Job, Any]]) -> None:
    for job, result in told:
        if job.answer.done():  # whoever asked has given up
            continue
        if isinstance(result, Exception):
            job.answer.set_exception(result)
        else:
            job.answer.set_result(result)
