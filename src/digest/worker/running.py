"""Run a worker until it is told to stop.

This module hides the event loop that Procrastinate runs in, and how a stop reaches it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from digest.app.installation import App
from digest.delivery.job_queue import QueueName
from digest.delivery.sending import StopSignal

POLL_SECONDS = 0.25  # how late a stop is noticed at most


def run_worker(
    app: App,
    *,
    queues: Sequence[QueueName] = tuple(QueueName),
    concurrency: int = 2,
    stop_signal: StopSignal,
    wait: bool = True,
) -> None:
    """Run jobs of these queues, *concurrency* at once, until *stop_signal* or an error.

    With *wait* false, end as soon as no job is left that may run now.
    """
    from digest.worker.procrastinate_app import job_app

    asyncio.run(_run(job_app(app, queues, stop_signal), queues, concurrency, stop_signal, wait))


async def _run(
    jobs: Any, queues: Sequence[QueueName], concurrency: int, stop_signal: StopSignal, wait: bool
) -> None:
    async with jobs.open_async():
        work = asyncio.create_task(
            jobs.run_worker_async(
                queues=[queue.value for queue in queues],
                concurrency=concurrency,
                wait=wait,
                delete_jobs="successful",
                fetch_job_polling_interval=1.0,
                install_signal_handlers=False,
            )
        )
        while not work.done():
            if stop_signal.stopping.is_set():
                work.cancel()
            await asyncio.wait([work], timeout=POLL_SECONDS)
        with suppress(asyncio.CancelledError):
            work.result()
