"""Readers a second by 1, 2 and 4 workers on one PostgreSQL, beside a floor in the same run.

    python -m benchmarks.workers [--readers 6000] [--batch 50] [--requests 1] [--times 3]

Each worker is a process of its own: `digest worker`, or a floor that takes the same durable steps
by bare statements and runs no code of the product. The sink answers after 100 ms, as a provider
may. All workers wait for work when the issue is planned; the clock runs from the plan's commit to
the last answer that is on disk.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import URL, Connection, create_engine, make_url, text

from benchmarks import floors, storm
from benchmarks.ready_issue import environment, fill, installation, plan
from benchmarks.server_load import OPTIONS
from benchmarks.sink import running_sink
from tests.postgres import copied_database, own_database, postgres_server

WORKERS = (1, 2, 4)
ANSWER_SECONDS = 0.1
_KEY = storm.public_key(ec.generate_private_key(ec.SECP256R1()))
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Bench:
    """A server with a filled installation whose issue isn't planned, and what is measured on it."""

    server: URL
    original: URL
    sink: str
    readers: int
    batch: int
    requests: int  #: under way at once in each worker

    @property
    def batches(self) -> int:
        """The number of batches of the issue."""
        return -(-self.readers // self.batch)

    def settings(self, url: str, folder: Path) -> dict[str, str]:
        """Return the settings of an installation on a copy of the database."""
        return {
            **environment(url, self.sink, folder),
            "DIGEST_BATCH_SIZE": str(self.batch),
            "DIGEST_WEBHOOK_KEYS": _KEY,  # no event comes, but a worker won't start without one
        }


@dataclass(frozen=True)
class Run:
    """One run to the end."""

    seconds: float
    processor: float  #: seconds of all workers together


def engine(bench: Bench, folder: Path, url: str, looking: Connection, workers: int) -> Run:
    """Send the issue by so many `digest worker` processes, which wait for it."""
    with ExitStack() as stack:
        started = [
            stack.enter_context(_worker(bench, folder / f"worker-{n}", url)) for n in range(workers)
        ]
        _wait(looking, "SELECT count(*) FROM procrastinate_workers", workers)
        assert all(each.poll() is None for each in started)
        spent = sum(map(_processor, started))
        _plan(bench, folder, url)
        began = time.time()
        seconds = _last_answer(bench, looking) - began
        return Run(seconds, sum(map(_processor, started)) - spent)


def floor(bench: Bench, folder: Path, url: str, looking: Connection, workers: int) -> Run:
    """Send the issue by so many processes of the floor, which wait for a word."""
    _plan(bench, folder, url)
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    command = floors.command("workers", dsn, bench.sink, bench.requests)
    pipe: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    pipe["start_new_session"] = True  # as the workers: the kernel shares processors by session
    with ExitStack() as stack:
        started: list[Any] = [
            stack.enter_context(subprocess.Popen(command, cwd=floors.ROOT, **pipe))  # noqa: S603 - our own interpreter
            for _ in range(workers)
        ]
        for each in started:
            assert each.stdout.readline() == "ready\n"
        spent, began = sum(map(_processor, started)), time.time()
        for each in started:
            each.stdin.write("go\n")
            each.stdin.flush()
        processor = sum(json.loads(each.stdout.readline())["cpu"] for each in started)
        return Run(_last_answer(bench, looking) - began, processor - spent)


def run(side: Callable[..., Run], bench: Bench, workers: int) -> Run:
    """Let one side send the issue on a copy of the database."""
    with (
        tempfile.TemporaryDirectory() as folder,
        copied_database(bench.server, str(bench.original.database)) as url,
        _looking(url) as looking,
    ):
        told = url.render_as_string(hide_password=False)
        return side(bench, Path(folder), told, looking, workers)


def _plan(bench: Bench, folder: Path, url: str) -> None:
    app = installation(bench.settings(url, folder))
    plan(app)
    app.database.close()


def _last_answer(bench: Bench, looking: Connection) -> float:
    """Wait until every batch is accepted; return when the last was, in seconds since 1970."""
    _wait(looking, "SELECT count(*) FROM batch WHERE state = 'accepted'", bench.batches)
    last = "SELECT extract(epoch FROM max(settled_at)) FROM attempt"
    return float(looking.execute(text(last)).scalar_one())


@contextmanager
def _looking(url: URL) -> Iterator[Connection]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@contextmanager
def _worker(bench: Bench, folder: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    folder.mkdir()
    command = [sys.executable, "-m", "digest", "worker", "--queues", "send"]
    command += ["--concurrency", str(bench.requests)]
    env = {"PATH": os.environ["PATH"], **bench.settings(url, folder)}
    with (folder / "log").open("wb") as log:
        told: dict[str, Any] = {"stdout": log, "stderr": log, "start_new_session": True}
        process = subprocess.Popen(command, cwd=folder, env=env, **told)  # noqa: S603 - our own interpreter
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def _processor(process: subprocess.Popen[Any]) -> float:
    """Return the seconds that a process has spent on a processor so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _wait(looking: Connection, question: str, number: int, seconds: float = 120) -> None:
    last = time.monotonic() + seconds
    while looking.execute(text(question)).scalar_one() < number:
        assert time.monotonic() < last, question
        time.sleep(0.05)


def compare(bench: Bench, times: int) -> None:
    """Print the medians of so many runs of each kind, taken in turn."""
    runs: dict[tuple[str, int], list[Run]] = {}
    for _ in range(times):
        for workers in WORKERS:
            for name, side in (("engine", engine), ("floor", floor)):
                one_run = run(side, bench, workers)
                runs.setdefault((name, workers), []).append(one_run)
                rate = bench.readers / one_run.seconds
                print(f"  {name} {workers}: {rate:,.0f}", file=sys.stderr, flush=True)
    for name in ("engine", "floor"):
        one = median(each.seconds for each in runs[name, 1])
        for workers in WORKERS:
            these = runs[name, workers]
            seconds = median(each.seconds for each in these)
            spread = [bench.readers / each.seconds for each in these]
            spent = median(each.processor for each in these)
            print(
                f"{name:<7}{workers} workers {bench.readers / seconds:>9,.0f} readers/s"
                f" ({min(spread):,.0f} to {max(spread):,.0f}), {one / seconds:.2f} x one,"
                f" {spent / bench.readers * 1e6:.0f} µs of processor a reader,"
                f" {spent / seconds:.2f} cores",
                flush=True,
            )


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=6_000)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--requests", type=int, default=1)
    parser.add_argument("--times", type=int, default=3)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres_server(*OPTIONS) as server,
        own_database(server.url) as original,
        running_sink(ANSWER_SECONDS) as sink,
    ):
        bench = Bench(server.url, original, sink, asked.readers, asked.batch, asked.requests)
        url = original.render_as_string(hide_password=False)
        app = installation(bench.settings(url, Path(folder)))
        fill(app, bench.readers)
        app.database.close()
        print(
            f"{os.cpu_count()} cores, {platform.machine()}; {bench.readers:,} readers in batches of"
            f" {bench.batch}, {bench.requests} requests under way a worker; an answer takes 100 ms"
        )
        compare(bench, asked.times)


if __name__ == "__main__":
    main()
