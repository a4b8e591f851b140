"""Run a worker until it is told to stop, however often its database goes away meanwhile.

This module hides the event loop that Procrastinate runs in, how a stop reaches it, and when the
worker begins anew: after the database was away, and after the clock was set, since the library
counts minutes from the last one that it has seen.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from digest.app.installation import App
from digest.delivery.job_queue import QueueName
from digest.delivery.job_queue_figures import live_workers
from digest.delivery.sending import StopSignal, rare_garbage_collection, restore_guard
from digest.errors import DigestError
from digest.service import pause_interrupted
from digest.worker.daemon_threads import in_thread
from digest.worker.notices import passes_notices

POLL_SECONDS = 0.25  # how late a stop is noticed at most
GUARD_SECONDS = 60.0  #: between two refreshes of the restore guard, which each process has
LAST_SECONDS = 5.0  #: seconds that the loop may take to end after the grace
#: Seconds between two tries to reach a database that is away; the last one repeats.
PAUSES = (0.5, 1.0, 2.0, 5.0)
BACK_SECONDS = 10.0  #: for which a database was there before its next fault is told as a new one

log = logging.getLogger(__name__)


def run_worker(
    app: App,
    *,
    queues: Sequence[QueueName] = tuple(QueueName),
    concurrency: int = 2,
    stop_signal: StopSignal,
    wait: bool = True,
) -> None:
    """Run jobs of these queues, *concurrency* at once, until *stop_signal*.

    With *wait* false, end as soon as no job is left that may run now. Raise `PackageMissing` where
    the library isn't installed.
    """
    asyncio.run(Worker(app, stop_signal, queues, concurrency, wait).serve())


@dataclass
class Worker:
    """A worker, which may run in a thread beside what else its process does."""

    app: App
    stop_signal: StopSignal
    queues: Sequence[QueueName] = tuple(QueueName)
    concurrency: int = 2  #: jobs at once
    wait: bool = True  #: whether it goes on when no job is left
    back_seconds: float = BACK_SECONDS
    _has_looked: bool = False  #: whether it has looked for interrupted issues
    _opened_at: float = math.inf  #: by the loop's clock
    _renewed: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Run jobs from now on; return at once. Raise `PackageMissing` without the library."""
        _ = self._jobs
        work = threading.Thread(
            target=lambda: asyncio.run(self.serve()), name="worker", daemon=True
        )
        self._thread = work
        work.start()

    def wake(self) -> None:
        """Begin anew, since the clock was set."""
        self._renewed.set()

    def stop(self) -> None:
        """Wait for the jobs that run, no longer than the grace of the stop signal."""
        if self._thread is not None:
            self._thread.join(self.stop_signal.grace + LAST_SECONDS)

    async def serve(self) -> None:
        """Run jobs until the stop signal; go on whenever the database is back."""
        asyncio.get_running_loop().set_exception_handler(self._unheard)
        guard = asyncio.create_task(self._keep_guard())
        failed = 0
        while not self.stop_signal.stopping.is_set():
            fault = await self._work(failed)
            if fault is None and not self.wait:
                break
            if self._was_back() or not fault:
                failed = 0
            failed += bool(fault)
            if fault and failed == 1:
                log.error("the worker waits for the database: %s; next: digest doctor", fault)
            if failed:
                await self._pause(PAUSES[min(failed, len(PAUSES)) - 1])
        guard.cancel()

    def _was_back(self) -> bool:
        return asyncio.get_running_loop().time() - self._opened_at >= self.back_seconds

    async def _work(self, failed: int) -> str | None:
        """Work until a stop or a renewal; return what of the database ended it before."""
        self._renewed.clear()
        work = asyncio.create_task(self._open_and_run(failed))
        stopping = self.stop_signal.stopping
        while not (work.done() or stopping.is_set() or self._renewed.is_set()):
            await asyncio.wait([work], timeout=POLL_SECONDS)
        ended = work.done()
        if not ended:
            work.cancel()  # once: a second time would cut off the jobs that run
        fault = await self._fault_of(work)
        return fault if ended else None

    async def _fault_of(self, work: asyncio.Task[None]) -> str | None:
        """Return what of the database ended *work*; log any other fault, and wait for a moment."""
        try:
            await work
        except asyncio.CancelledError:
            return None
        except DigestError:  # such as a package that is missing
            raise
        except Exception as fault:
            from digest.worker.procrastinate_app import connection_faults

            if isinstance(fault, connection_faults()):
                return type(fault).__name__
            if not self.wait:
                raise
            log.exception("the worker failed, and begins anew")  # a process without it would idle
            await self._pause(PAUSES[-1])
            return None
        # With a connection lost, the library ends as if it had been asked to.
        return "a connection was lost" if self.wait else None

    async def _open_and_run(self, failed: int) -> None:
        jobs = self._jobs
        self._opened_at = math.inf
        try:
            await jobs.open_async()
            self._opened_at = asyncio.get_running_loop().time()
            if failed:
                log.info("the database is back, and the worker goes on")
            await asyncio.to_thread(self._pause_interrupted)
            hears = await asyncio.to_thread(passes_notices, self.app.database)
            if not hears:
                log.info("a pool passes no notices on, so jobs are looked for every second")
            with rare_garbage_collection():
                await jobs.run_worker_async(
                    queues=[queue.value for queue in self.queues],
                    concurrency=self.concurrency,
                    wait=self.wait,
                    delete_jobs="successful",
                    listen_notify=hears,
                    fetch_job_polling_interval=1.0,
                    shutdown_graceful_timeout=self.stop_signal.grace,
                    install_signal_handlers=False,
                )
        finally:
            await jobs.close_async()

    def _pause_interrupted(self) -> None:
        """Pause issues whose send was interrupted too long ago, once, before the first job.

        Beside another worker nothing was interrupted: this one has only joined. Of workers that
        start together the first one looks, whatever its queues; and what a person lets go on after
        that isn't paused by the next.
        """
        if self._has_looked:
            return
        with self.app.database.read() as session:
            is_alone = live_workers(session) == 0
        for paused in pause_interrupted(self.app, self.app.clock()) if is_alone else ():
            log.warning("%s", paused)
        self._has_looked = True

    async def _pause(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end and not self.stop_signal.stopping.is_set():
            await asyncio.sleep(min(POLL_SECONDS, seconds))

    async def _keep_guard(self) -> None:
        while self.wait:
            await in_thread("restore guard", self._refresh_guard)
            await asyncio.sleep(GUARD_SECONDS)

    def _refresh_guard(self) -> None:
        # The jobs that send report what is found here.
        with suppress(DigestError, SQLAlchemyError, OSError):
            restore_guard.refresh_guard(self.app.database, self.app.sending.restore_guard_file)

    @cached_property
    def _jobs(self) -> Any:
        from digest.worker.procrastinate_app import job_app

        for library in ("procrastinate", "psycopg.pool"):  # they log a traceback for each fault
            logging.getLogger(library).setLevel(logging.CRITICAL + 1)
        return job_app(self.app, self.queues, self.stop_signal)

    def _unheard(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Begin anew after a job that couldn't be marked as ended: then it counts as stalled.

        The library doesn't ask for the fault of such a job, so the loop would log its traceback.
        """
        from digest.worker.procrastinate_app import connection_faults

        if isinstance(context.get("exception"), connection_faults()):
            self._renewed.set()
        else:
            loop.default_exception_handler(context)
