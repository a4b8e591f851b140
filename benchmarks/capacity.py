"""How an issue of any size leaves by many workers: a simulation with the costs measured elsewhere.

    python -m benchmarks.capacity [--readers 100000000] [--answer 0.3]

Each worker has one core and a number of requests under way; the server has some cores and a disk
that makes commits durable together. Both serve in turn. The costs of a batch and of an event are
those that `benchmarks.server_load` prints; change them here when it prints others.
"""

from __future__ import annotations

import argparse
import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

#: Of a batch of 1,000 readers, sent as a job: `python -m benchmarks.server_load`.
WORKER_SECONDS, SERVER_SECONDS = 0.034, 0.0100
TRANSACTIONS, ROWS, WAL_BYTES = 14.2, 8.1, 4_870
#: Of a reader in a plan, and of an event, from the same command.
PLANNED_A_SECOND, PLAN_WAL, DELIVERY_BYTES = 160_000, 221, 106
EVENTS_A_SECOND, EVENT_WAL, EVENT_BYTES, EVENTS_A_READER = 12_300, 414, 130, 3.2
BATCH = 1_000
COMMIT_SECONDS = 0.002  # until a commit is durable, on a disk for servers
CONNECTIONS = 5  # of a worker's own business, beside one for each job at once
MOST_FOR_JOBS = 10  # connections of one process: more jobs take turns
SIMULATED = 20_000  # batches: a longer send only repeats itself
#: Workers, jobs at once in each, cores of the server.
FLEETS = ((1, 2, 8), (10, 8, 8), (50, 8, 8), (50, 8, 16), (50, 16, 32), (200, 8, 32))
MINUTE, HOUR = 60, 3600  #: in seconds


@dataclass(frozen=True)
class Fleet:
    """What sends."""

    workers: int
    at_once: int
    cores: int  #: of the server
    answer: float  #: seconds that the provider takes, half of the time

    @property
    def connections(self) -> int:
        """The connections that the server sees at most."""
        return self.workers * (min(self.at_once, MOST_FOR_JOBS) + CONNECTIONS)


@dataclass(frozen=True)
class Pace:
    """How fast a fleet sends, once all of it works."""

    batches: float  #: a second
    server: float  #: the share of the server's cores that is busy
    workers: float  #: the share of the workers' cores that is busy


def simulate(fleet: Fleet, batches: int = SIMULATED) -> Pace:
    """Send so many batches; return the pace."""
    random_answers = random.Random(1)  # noqa: S311 - repeatable is the point
    server = [0.0] * fleet.cores  # when each core is free, as a heap
    workers = [0.0] * fleet.workers
    #: When each job goes on, with the worker that runs it and the steps that it still has to take.
    going = [
        (0.0, number, number % fleet.workers, _steps(fleet, random_answers))
        for number in range(fleet.workers * fleet.at_once)
    ]
    heapq.heapify(going)
    done, now = 0, 0.0
    while done < batches:
        now, number, worker, steps = heapq.heappop(going)
        step = next(steps, None)
        if step is None:
            done += 1
            steps = _steps(fleet, random_answers)
            step = next(steps)
        where, seconds = step
        if where == "server":
            ready = max(now, heapq.heappop(server)) + seconds
            heapq.heappush(server, ready)
            ready += COMMIT_SECONDS
        elif where == "worker":
            ready = workers[worker] = max(now, workers[worker]) + seconds
        else:
            ready = now + seconds
        heapq.heappush(going, (ready, number, worker, steps))
    return Pace(
        batches=batches / now,
        server=batches * SERVER_SECONDS / now / fleet.cores,
        workers=batches * WORKER_SECONDS / now / fleet.workers,
    )


def _steps(fleet: Fleet, answers: random.Random) -> Iterator[tuple[str, float]]:
    """Yield where a job spends its time: fetch, claim, build, start, ask, settle, end."""
    server = repeat(("server", SERVER_SECONDS / 5), 2)
    yield from server
    yield "worker", WORKER_SECONDS
    yield "server", SERVER_SECONDS / 5
    yield "provider", answers.lognormvariate(0, 0.5) * fleet.answer
    yield from repeat(("server", SERVER_SECONDS / 5), 2)


def sends(readers: int, answer: float) -> None:
    """Print how each fleet sends the issue."""
    print(
        "| workers | jobs at once | server's cores | readers a second | the issue takes"
        " | transactions a second | rows a second | WAL a second | connections"
        " | server busy | workers busy |\n|" + "--:|" * 11
    )
    for workers, at_once, cores in FLEETS:
        fleet = Fleet(workers, at_once, cores, answer)
        pace = simulate(fleet)
        print(
            f"| {workers} | {at_once} | {cores} | {pace.batches * BATCH:,.0f}"
            f" | {_time(readers / (pace.batches * BATCH))} | {pace.batches * TRANSACTIONS:,.0f}"
            f" | {pace.batches * ROWS:,.0f} | {pace.batches * WAL_BYTES / 1e6:,.1f} MB"
            f" | {fleet.connections} | {pace.server:.0%} | {pace.workers:.0%} |"
        )


def around(readers: int) -> None:
    """Print what the issue takes before and after it is sent, and a year of such issues."""
    events = readers * EVENTS_A_READER
    deliveries, told = readers * DELIVERY_BYTES / 1e9, events * EVENT_BYTES / 1e9
    print(
        "\n| | time | WAL | on disk |\n|---|--:|--:|--:|\n"
        f"| the plan, one transaction | {_time(readers / PLANNED_A_SECOND)}"
        f" | {readers * PLAN_WAL / 1e9:,.0f} GB | {deliveries:,.0f} GB |\n"
        f"| {events / 1e6:,.0f} million events, one consumer | {_time(events / EVENTS_A_SECOND)}"
        f" | {events * EVENT_WAL / 1e9:,.0f} GB | {told:,.0f} GB |\n"
        f"| 52 such issues, every event kept | | | {52 * (deliveries + told) / 1000:,.1f} TB |"
    )


def _time(seconds: float) -> str:
    if seconds < 2 * MINUTE:
        return f"{seconds:,.0f} s"
    if seconds < 2 * HOUR:
        return f"{seconds / MINUTE:,.0f} min"
    return f"{seconds / HOUR:,.1f} h"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=100_000_000)
    parser.add_argument("--answer", type=float, default=0.3, help="seconds of the provider")
    asked = parser.parse_args()
    sends(asked.readers, asked.answer)
    around(asked.readers)


if __name__ == "__main__":
    main()
