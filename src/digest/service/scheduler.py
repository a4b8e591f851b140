"""The alarm clock: wakes each chore in time, and all of them when the clock has jumped.

Nothing is kept in it. Whether a chore is due, and whose turn it is, the database says.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from digest.service.jobs import Job

log = logging.getLogger(__name__)

THREADS = 8
JUMP = timedelta(seconds=20)  #: more than any clock is slewed by between two looks


class Scheduler:
    """Runs chores in threads of its own until it is stopped.

    *run* is given a chore, and whether it was woken; it tells whether the chore did something.
    """

    def __init__(self, chores: Sequence[Job], run: Callable[[Job, bool], bool]) -> None:
        # It logs a warning whenever a chore takes longer than a minute, as a send does.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._chores = {chore.name: chore for chore in chores}
        self._asked: dict[str, bool] = {}  #: who is to run again, and whether although not due
        self._running: set[str] = set()
        self._lock = threading.Lock()
        self._run = run
        self.stopping = threading.Event()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(THREADS)},
            # However late, once. Never twice at a time, for which `_running` stands: the scheduler
            # would refuse who is asked between a run's end and its notice of that, and lose it.
            job_defaults={"coalesce": True, "max_instances": 3, "misfire_grace_time": None},
        )

    def start(self) -> None:
        """Run every chore now, and ask again at every full minute, as moments are on one."""
        for name in self._chores:
            self._scheduler.add_job(
                self._work,
                "cron",
                minute="*",
                args=[name],
                id=name,
                next_run_time=datetime.now(UTC),
            )
        self._scheduler.start()

    def wake(self, *names: str, due: bool = True) -> None:
        """Ask these chores now, or all: what they were to wait for may never come.

        *due* leaves it to the database whether they run.
        """
        for name in () if self.stopping.is_set() else names or self._chores:
            with self._lock:
                self._asked[name] = self._asked.get(name, False) or not due
            self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    def _work(self, name: str) -> None:
        with self._lock:
            if name in self._running:  # which looks at what it was asked before it ends
                return
            self._running.add(name)
            woken: bool | None = self._asked.pop(name, False)
        try:
            while woken is not None:
                then = self._chores[name].then if self._run(self._chores[name], woken) else ()
                if then:
                    self.wake(*then, due=False)
                woken = self._asked_meanwhile(name)
        finally:
            with self._lock:
                self._running.discard(name)

    def _asked_meanwhile(self, name: str) -> bool | None:
        """Return how a chore was asked while it ran; ``None`` when it wasn't, and has ended."""
        with self._lock:
            if name not in self._asked:
                self._running.discard(name)
            return self._asked.pop(name, None)

    def stop(self) -> None:
        """Start no more chores, and wait for those that run."""
        self.stopping.set()
        self._scheduler.shutdown(wait=True)


class ClockWatch:
    """Notices when the wall clock is set, by a clock that can't be."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._steady = wall, steady
        self._ahead = wall() - steady()

    def jumped(self) -> timedelta | None:
        """Return by how much the clock was set since the last look, if it was."""
        ahead = self._wall() - self._steady()
        jump, self._ahead = timedelta(seconds=ahead - self._ahead), ahead
        return jump if abs(jump) > JUMP else None
