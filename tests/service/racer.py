"""Schedulers that start at the same instant, each a process: ``racer URL MOMENT NUMBER``.

Print the slots that each released, week by week, as JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
from datetime import datetime, timedelta
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

from digest.db import Database
from digest.service.publisher import advance_slots
from tests.service.conftest import World

WEEKS = 4


def work(url: str, now: datetime, barrier: Barrier, results: SimpleQueue[list[int]]) -> None:
    """Advance the slots of four weeks, each week at the same instant as the other processes."""
    world = World(Database(url))
    released = []
    for week in range(WEEKS):
        world.now = now + timedelta(weeks=week)
        barrier.wait(60)
        released.append(advance_slots(world.desk(), world.now).count("released"))
    world.database.close()
    results.put(released)


def main() -> None:
    """Start the processes, wait for all, and print what each released."""
    url, moment, number = sys.argv[1], datetime.fromisoformat(sys.argv[2]), int(sys.argv[3])
    # Forked before anything is opened: each has connections of its own.
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(number), context.SimpleQueue()
    processes = [
        context.Process(target=work, args=(url, moment, barrier, results)) for _ in range(number)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(90)
    if any(process.exitcode for process in processes):
        sys.exit("a scheduler failed")
    sys.stdout.write(json.dumps([results.get() for _ in processes]))


if __name__ == "__main__":
    main()
