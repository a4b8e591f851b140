"""A worker in a thread, and what to wait for it to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from digest.delivery.job_queue import QueueName
from digest.delivery.sending import StopSignal
from digest.worker import Worker
from tests.worker.conftest import Works

ALIVE = "SELECT id FROM procrastinate_workers"


def eventually(true: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Wait for what a thread does, no longer than a bound."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


@contextmanager
def running(
    works: Works, *queues: QueueName, grace: float = 20.0, back: float = 10.0
) -> Iterator[Worker]:
    """Run a worker in a thread, as `digest run` does."""
    before = works.ask(ALIVE)
    stop = StopSignal(grace=grace)
    worker = Worker(works.app, stop, queues or (QueueName.SEND,), back_seconds=back)
    worker.start()
    try:
        assert eventually(lambda: works.ask(ALIVE) > before)
        yield worker
    finally:
        stop.stop()
        worker.stop()
