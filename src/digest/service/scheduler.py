"""Ask each job every minute whether it is due, and all jobs when the clock has jumped.

Hides APScheduler. The scheduler keeps no state: the database decides whether a job is due and
which process runs it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from digest.service.jobs import Job

log = logging.getLogger(__name__)

THREADS = 8
JUMP = timedelta(seconds=20)  #: more than NTP slews a clock by between two calls of `jumped`


class EveryMinute:
    """Fire at every full minute, once for all the minutes that a clock has jumped over.

    APScheduler's own triggers compute each of these minutes: 10,000 a job after a week's jump.
    """

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Return the next full minute after *now*."""
        return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


class Scheduler:
    """Run jobs in a thread pool until it is stopped.

    *run* takes a job and whether the job was woken; it returns whether the job did something.
    """

    def __init__(self, jobs: Sequence[Job], run: Callable[[Job, bool], bool]) -> None:
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.schedulers.background import BackgroundScheduler
        from apscheduler.triggers.base import BaseTrigger

        BaseTrigger.register(EveryMinute)
        # APScheduler logs a warning whenever a job takes longer than a minute, as a send does.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._jobs = {job.name: job for job in jobs}
        self._wanted: dict[str, bool] = {}  #: jobs to run again, and whether although not due
        self._running: set[str] = set()
        self._lock = threading.Lock()
        self._run = run
        self.stopping = threading.Event()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(THREADS)},
            # A late job runs once. `_running` keeps a job from running twice at a time: APScheduler
            # would drop a request that arrives between a run's end and its own notice of that end.
            job_defaults={"coalesce": True, "max_instances": 3, "misfire_grace_time": None},
        )

    def start(self) -> None:
        """Run every job now, and ask again at every full minute, when issues are due."""
        for name in self._jobs:
            self._scheduler.add_job(
                self._work,
                EveryMinute(),
                args=[name],
                id=name,
                next_run_time=datetime.now(UTC),
            )
        self._scheduler.start()

    def wake(self, *names: str, due: bool = True) -> None:
        """Run the jobs called *names* now, or all jobs when no name is given.

        With *due* the database decides whether each runs; without it each runs although not due.
        """
        for name in () if self.stopping.is_set() else names or self._jobs:
            with self._lock:
                self._wanted[name] = self._wanted.get(name, False) or not due
            self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    def _work(self, name: str) -> None:
        with self._lock:
            if name in self._running:  # that run checks `_wanted` before it ends
                return
            self._running.add(name)
            woken: bool | None = self._wanted.pop(name, False)
        try:
            while woken is not None:
                then = self._jobs[name].then if self._run(self._jobs[name], woken) else ()
                if then:
                    self.wake(*then, due=False)
                woken = self._woken_meanwhile(name)
        finally:
            with self._lock:
                self._running.discard(name)

    def _woken_meanwhile(self, name: str) -> bool | None:
        """Return how a job was asked for while it ran; ``None`` ends its run."""
        with self._lock:
            if name not in self._wanted:
                self._running.discard(name)
            return self._wanted.pop(name, None)

    def stop(self) -> None:
        """Start no more jobs, and wait for those that run."""
        self.stopping.set()
        self._scheduler.shutdown(wait=True)


class ClockJumpDetector:
    """Detect a change of the wall clock by comparison with the monotonic clock."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._steady = wall, steady
        self._ahead = wall() - steady()

    def jumped(self) -> timedelta | None:
        """Return how far the wall clock was set since the last call; ``None`` below `JUMP`."""
        ahead = self._wall() - self._steady()
        jump, self._ahead = timedelta(seconds=ahead - self._ahead), ahead
        return jump if abs(jump) > JUMP else None
