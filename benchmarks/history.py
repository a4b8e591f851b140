"""What daily work takes after years: 500 issues of 100,000 deliveries, and after a few weeks.

    python -m benchmarks.history [--issues 500] [--readers 100000] [--database sqlite|postgresql]
        [--json]

Nothing may grow with history, so the floor of each number is the same work on the same list after
four issues. Both are the least of five runs, by the clock and in seconds of this process; the first
run, which imports and compiles, isn't among them.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measurements import Measurement, reporting
from benchmarks.ready_issue import environment, fill, installation
from digest.app.installation import App
from tests.history.filling import History, add_history
from tests.history.workloads import workloads
from tests.postgres import own_database, postgres_server

OPTIONS = ("shared_buffers=1GB", "max_wal_size=8GB")
RUNS = 5
FEW = 4  #: issues of the floor
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
SEEN = ("digest status", "/metrics", "front page")  #: what somebody waits for
TARGET = 100.0  #: milliseconds of each


@contextmanager
def installed(folder: Path, kind: str) -> Iterator[App]:
    """Open an installation on a new database of a kind."""
    if kind == "sqlite":
        yield opened(f"sqlite:///{folder / 'digest.db'}", folder)
        return
    with postgres_server(*OPTIONS) as server, own_database(server.url) as url:
        yield opened(url.render_as_string(hide_password=False), folder)


def opened(url: str, folder: Path, **settings: object) -> App:
    """Return an installation with its files in a folder, and nobody to hand mail to."""
    variables = environment(url, "http://127.0.0.1:9", folder)
    spool = {"DIGEST_SPOOL": str(folder / "events"), "DIGEST_OUTBOX": str(folder / "outbox")}
    more = {f"DIGEST_{name.upper()}": str(value) for name, value in settings.items()}
    return installation({**variables, **spool, **more, "DIGEST_TRANSPORT": "outbox"})


def measure(
    folder: Path, kind: str, history: History, readers: int
) -> dict[str, tuple[float, float]]:
    """Make a store, and return the seconds of each work: by the clock, and of this process."""
    with installed(folder, kind) as app:
        began = time.perf_counter()
        fill(app, readers)
        add_history(app, history)
        took = time.perf_counter() - began
        print(f"{kind}: {history.issues} issues of {readers:,} readers, made in {took:.0f} s")
        with workloads(app) as work:
            found = {name: _least(call) for name, call in work.named().items()}
        app.database.close()
    return found


def _least(call: object) -> tuple[float, float]:
    assert callable(call)
    call()
    runs = []
    for _ in range(RUNS):
        began, spent = time.perf_counter(), time.process_time()
        call()
        runs.append((time.perf_counter() - began, time.process_time() - spent))
    return min(wall for wall, _ in runs), min(own for _, own in runs)


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--issues", type=int, default=500)
    parser.add_argument("--readers", type=int, default=100_000)
    parser.add_argument("--kept", type=int, default=57, help="issues whose events are kept")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--folder", type=Path, help="where there is room for the stores")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with reporting(as_json=asked.json) as found:
        found += compare(asked)


def compare(asked: argparse.Namespace) -> Iterator[Measurement]:
    """Measure on each database, tell, and yield the figures beside those of a few issues."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for kind in asked.database or ["sqlite", "postgresql"]:
        tables = []
        for issues in (FEW, asked.issues):
            kept = min(asked.kept, issues)
            history = History(issues=issues, kept=kept, left=asked.readers // 100, votes=2000)
            with tempfile.TemporaryDirectory(dir=asked.folder) as name:
                tables.append(measure(Path(name), kind, history, asked.readers))
        few, many = tables
        print(f"{kind:<26}{'4 issues':>18}{f'{asked.issues} issues':>18}{'ratio':>8}")
        for name in many:
            (floor, own_floor), (wall, own) = few[name], many[name]
            print(
                f"{name:<26}{1000 * floor:>8.1f} ({1000 * own_floor:>6.1f})"
                f"{1000 * wall:>8.1f} ({1000 * own:>6.1f}){wall / floor:>8.2f}"
            )
            yield Measurement(
                name=f"{name} on {NAMES[kind]}",
                value=1000 * wall,
                unit="ms",
                floor=1000 * floor,
                target=TARGET if name in SEEN else None,
            )


if __name__ == "__main__":
    main()
