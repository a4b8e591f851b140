"""Lines a second of a list brought in, with the memory it takes, beside a floor in the same run.

    python -m benchmarks.importing [--lines 1000000]

The floor is the driver putting the same rows into the same tables, without reading a line, parsing
an address, or asking who must stay out.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from sqlmodel import SQLModel

from benchmarks import floors
from digest.db import Database
from subscribers import suppression
from subscribers.importer import ImportOptions, import_list
from subscribers.models import SuppressionReason
from subscribers.tokens import Hashes

HASHES = Hashes(["a secret for benchmarks, long enough"])
WISH = ImportOptions(newsletter="weekly", consent="They ticked the box on the old site.")
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def addresses(lines: int) -> Iterator[str]:
    """Yield made-up addresses in no order."""
    made = random.Random(1)  # noqa: S311 - an order, not a secret
    for n in range(lines):
        host = made.choice(("mail", "post", "news"))
        yield f"reader.{made.randrange(10**9):x}{n}@{host}{made.randrange(500)}.example.com"


def write(path: Path, lines: int) -> None:
    """Write a list as services export it."""
    with path.open("w", encoding="utf-8") as out:
        out.write("email,name,created_at\n")
        out.writelines(f"{one},Reader {n},2024-01-01\n" for n, one in enumerate(addresses(lines)))


def store(path: Path) -> Database:
    """Return an empty store."""
    database = Database(f"sqlite:///{path}")
    SQLModel.metadata.create_all(database.engine)
    return database


def floor(folder: Path, lines: int) -> float:
    """Put the rows in by the driver alone; returns the rate."""
    store(folder / "floor.db").close()
    return float(lines / floors.run("importing", folder / "floor.db", folder / "list.csv")["all"])


def real(folder: Path, lines: int) -> tuple[float, list[int]]:
    """Import the list; returns the rate, and the memory after each lot in MB."""
    database = store(folder / "list.db")
    with database.write() as session:
        gone = dict.fromkeys(islice(addresses(lines), 0, 5000, 10), SuppressionReason.ERASED)
        suppression.suppress_all(session, gone, HASHES, NOW)
    memory: list[int] = []

    def note(_lines: int, _position: int) -> None:
        memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)

    started = time.perf_counter()
    report = import_list(
        database, folder / "list.csv", WISH, hashes=HASHES, now=NOW, on_progress=note
    )
    rate = lines / (time.perf_counter() - started)
    assert report.added + sum(report.refused.values()) == lines
    assert report.refused["asked to be forgotten here"] == len(gone)
    database.close()
    return rate, memory


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    lines = parser.parse_args().lines
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "list.csv", lines)
        rate, memory = real(folder, lines)
        lowest = floor(folder, lines)
    print(f"{lines:,} lines, machine load {os.getloadavg()[0]:.1f}")
    print(f"floor: the driver alone   {lowest:9,.0f} a second")
    print(f"import as it ships        {rate:9,.0f} a second, {rate / lowest:.0%} of that")
    middle, end = memory[len(memory) // 2], memory[-1]
    print(f"memory: {memory[0]} MB after the first lot, {middle} half-way, {end} at the end")


if __name__ == "__main__":
    main()
