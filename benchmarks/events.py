"""Events a second: verified, stored durably and applied to the ledger, beside a floor.

The floor verifies, inserts each event once and moves its delivery, a transaction for each post. It
has no spool, believes every id, settles no doubt and suppresses nobody.
Run: python -m benchmarks.events [EVENTS] ; with --storm it also proves that the end is the same.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from select import select
from typing import Any

from benchmarks import floors
from benchmarks.storm import START, fill, posts, storm, write

SECRET = "a secret for benchmarks, long enough"  # noqa: S105 - it guards nothing
EVENTS_A_READER = 3.2


class Neighbour:
    """Somebody who signs up meanwhile: a small durable write 20 times a second, elsewhere."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.events", "--neighbour", str(path)]
        self._command = command

    def start(self) -> None:
        """Begin to write, in a process of its own."""
        root = Path(__file__).parent.parent
        pipe = subprocess.PIPE
        how: dict[str, Any] = {"stdin": pipe, "stdout": pipe, "text": True, "cwd": root}
        self._process = subprocess.Popen(self._command, **how)  # noqa: S603 - our own interpreter

    def ended(self) -> dict[str, float]:
        """Stop, and say how long the writes took, in milliseconds."""
        out, _ = self._process.communicate("stop", timeout=60)
        found: dict[str, float] = json.loads(out)
        return found


def write_beside(path: Path) -> dict[str, float]:
    """Write a little again and again until told to stop."""
    raw = sqlite3.connect(path, isolation_level=None, timeout=30)
    raw.execute("PRAGMA synchronous=FULL")
    took: list[float] = []
    while not select([sys.stdin], [], [], 0.05)[0]:
        began = time.perf_counter()
        raw.execute("BEGIN IMMEDIATE")
        raw.execute("UPDATE newsletter SET description = ? WHERE id = 1", (str(began),))
        raw.execute("COMMIT")
        took.append(1000 * (time.perf_counter() - began))
    took.sort()
    return {"p50": took[len(took) // 2], "p99": took[int(len(took) * 0.99)], "most": took[-1]}


def engine(path: Path, file: Path, public_key: str) -> dict[str, float]:
    """Take the posts in as the webhook does, while the consumer applies them."""
    from digest.db import Database
    from digest.delivery.events.event_consumer import ConsumerThread, EventConsumer
    from digest.delivery.events.spool import Spool
    from digest.mail.sendgrid.webhook import SIGNATURE, TIMESTAMP, Verifier, parse
    from subscribers.tokens import Hashes

    database = Database(f"sqlite:///{path}")
    now = datetime.fromtimestamp(START + 9999, UTC)
    hashes = Hashes([SECRET])
    spool = Spool(path.parent / f"{path.name}-events")
    consumer = EventConsumer(
        store=database, spool=spool, parse=parse, hashes=lambda: hashes, clock=lambda: now
    )
    thread, verifier = ConsumerThread(consumer), Verifier([public_key])
    neighbour = Neighbour(path)
    neighbour.start()
    began = time.perf_counter()
    last = None
    for body, signature, timestamp in posts(file):
        verifier.verify(body, {SIGNATURE: signature, TIMESTAMP: timestamp})
        last = spool.append(body, START, START)
        thread.wake(last)
    taken = time.perf_counter()
    assert last is not None
    assert thread.wait(last, 600)
    ended = time.perf_counter()
    database.close()
    return {"taken": taken - began, "all": ended - began, **neighbour.ended()}


def end_of(path: Path) -> str:
    """Hash every row events may change, so that two ends can be compared byte for byte."""
    raw = sqlite3.connect(path)
    digest = sha256()
    for query in (
        "SELECT id, news, news_at FROM delivery ORDER BY id",
        "SELECT * FROM mail_event ORDER BY delivery_id, kind, moment, link",
        "SELECT * FROM event_link ORDER BY id",
        "SELECT key, proved_at FROM attempt ORDER BY key",
        "SELECT id, state, attempt FROM batch ORDER BY id",
        "SELECT address_hash, reason FROM suppression ORDER BY address_hash",
        "SELECT id, suppressed FROM subscriber ORDER BY id",
        "SELECT * FROM provider_block ORDER BY address_hash",
    ):
        for row in raw.execute(query):
            digest.update(repr(row).encode())
    raw.close()
    return digest.hexdigest()


def measure(path: Path, file: Path, public_key: str) -> dict[str, float]:
    """Run the engine in a process of its own, so that its peak memory is its own."""
    arguments = ("--engine", str(path), str(file), public_key)
    command = [sys.executable, "-m", "benchmarks.events", *arguments]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)  # noqa: S603 - our own interpreter
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _fill(path: Path, readers: int) -> None:
    from digest.db import Database

    database = Database(f"sqlite:///{path}")
    fill(database, readers)
    database.close()


def compare(folder: Path, events: int, *, with_storm: bool) -> None:
    """Print the engine beside the floor, and on wish what a storm ends in."""
    readers = round(events / EVENTS_A_READER)
    calm = folder / "calm.posts"
    key = write(calm, storm(readers, events, disorder=False))
    for name in ("floor", "engine", "storm"):
        _fill(folder / f"{name}.db", readers)
    size = calm.stat().st_size / events
    base = floors.run("events", folder / "floor.db", calm, key)
    ours = measure(folder / "engine.db", calm, key)
    print(
        f"{events:>9,} events of {size:.0f} bytes | engine {events / ours['all']:>7,.0f}/s"
        f" (taken in at {events / ours['taken']:,.0f}/s), {ours['cpu'] / events * 1e6:.1f} µs of"
        f" processor each, peak {ours['peak_mb']:.0f} MB"
        f" | floor {events / base['all']:>7,.0f}/s, {base['cpu'] / events * 1e6:.1f} µs,"
        f" peak {base['peak_mb']:.0f} MB"
        f" | ratio {base['all'] / ours['all']:.2f}\n"
        f"          a sign-up's write meanwhile, in another process: half within"
        f" {ours['p50']:.0f} ms, 99 % within {ours['p99']:.0f} ms, all within"
        f" {ours['most']:.0f} ms",
        flush=True,
    )
    if with_storm:
        _storm(folder, events, readers)


def _storm(folder: Path, events: int, readers: int) -> None:
    """Apply the same news in order and as a storm, and compare where both end."""
    told = round(events * 0.69)
    _fill(folder / "order.db", readers)
    for name, disorder in (("order", False), ("storm", True)):
        file = folder / f"{name}.posts"
        key = write(file, storm(readers, events if disorder else told, disorder=disorder))
        took = measure(folder / f"{name}.db", file, key)
        number = events if disorder else told
        print(
            f"{number:>9,} {'shuffled, 30 % told again, 1 % junk' if disorder else 'in order'}:"
            f" {number / took['all']:,.0f}/s, peak {took['peak_mb']:.0f} MB,"
            f" end {end_of(folder / f'{name}.db')[:16]}",
            flush=True,
        )
    same = end_of(folder / "order.db") == end_of(folder / "storm.db")
    print("The ends are the same, byte for byte." if same else "THE ENDS DIFFER.")
    assert same


def main(arguments: list[str]) -> None:
    """Compare for a number of events, or be a process of a comparison."""
    if arguments and arguments[0] == "--neighbour":
        print(json.dumps(write_beside(Path(arguments[1]))))
        return
    if arguments and arguments[0] == "--engine":
        found = engine(Path(arguments[1]), Path(arguments[2]), arguments[3])
        print(json.dumps({**found, "cpu": time.process_time(), "peak_mb": floors.peak_mb()}))
        return
    numbers = [int(each) for each in arguments if each.isdecimal()]
    print(f"{os.cpu_count()} cores, posts of 1,000, SQLite with synchronous=FULL")
    for events in numbers or [100_000, 1_000_000]:
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), events, with_storm="--storm" in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
