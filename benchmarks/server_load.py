"""What PostgreSQL sees of an issue: the plan, each batch that is sent, each event that comes back.

    python -m benchmarks.server_load [--readers 1000000] [--send 1000000] [--events 300000]

The server is as durable as in production. The numbers are PostgreSQL's own, read before and after
each step; the sink answers at once, so that the send is as fast as this machine allows.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, create_engine, func, select, text
from sqlmodel import col

from benchmarks import storm
from benchmarks.events import EVENTS_A_READER
from benchmarks.floors import peak_mb
from benchmarks.ready_issue import environment, fill, installation, plan
from benchmarks.send import megabytes
from benchmarks.sink import running_sink
from digest.app.installation import App
from digest.delivery.events.event_consumer import EventConsumer
from digest.delivery.events.spool import Spool
from digest.delivery.job_queue import QueueName
from digest.delivery.models import Batch, BatchState
from digest.delivery.sending import StopSignal
from digest.mail.sendgrid.webhook import parse
from digest.worker import run_worker
from tests.postgres import PostgresServer, own_database, postgres_server

#: What a server with a few gigabytes is given; the rest is as PostgreSQL ships.
OPTIONS = ("shared_buffers=1GB", "max_wal_size=8GB", "track_io_timing=on")
NOBODY = "http://127.0.0.1:9"
TABLES = ("subscriber", "subscription", "delivery", "batch", "attempt")
_COUNTED = (
    "SELECT d.xact_commit AS transactions, d.tup_inserted AS inserted, d.tup_updated AS updated,"
    " d.tup_fetched AS fetched, d.temp_bytes, w.wal_records, w.wal_fpi AS whole_pages,"
    " w.wal_bytes, w.wal_sync AS syncs"
    " FROM pg_stat_database d, pg_stat_wal w WHERE d.datname = current_database()"
)


@dataclass(frozen=True)
class Step:
    """One step: how long it took, and what PostgreSQL counted meanwhile."""

    seconds: float
    counted: dict[str, float]
    processor: float  #: seconds of this process
    server_processor: float  #: seconds of the server's processes
    peak_mb: float  #: of this process
    server_mb: float  #: at most, of the server's processes; shared memory counts once


def measured(
    server: PostgresServer, app: App, connection: Connection, work: Callable[[], object]
) -> Step:
    """Do the work, and return what it took; *app*'s connections end with it."""
    before, began = _counts(connection), time.perf_counter()
    own, spent = time.process_time(), _processor(server)
    with _watched(server) as seen:
        work()
        app.database.close()
    seconds = time.perf_counter() - began
    after = _counts(connection)
    counted = {name: after[name] - before[name] for name in after}
    own, spent = time.process_time() - own, _processor(server) - spent
    return Step(seconds, counted, own, spent, peak_mb(), max(seen, default=0.0))


def _processor(server: PostgresServer) -> float:
    """Return the seconds of processor that the server has used, ended backends included."""
    ticks = 0
    for process in _processes(server):
        with suppress(OSError):
            stat = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
            ticks += sum(map(int, stat[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _processes(server: PostgresServer) -> list[int]:
    main = server.pid
    children = Path(f"/proc/{main}/task/{main}/children").read_text("ascii")
    return [main, *map(int, children.split())]


@contextmanager
def _watched(server: PostgresServer) -> Iterator[list[float]]:
    """Look every half second at the memory that the server's processes hold."""
    seen: list[float] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.5):
            with suppress(OSError):
                seen.append(megabytes(_processes(server)))

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield seen
    finally:
        done.set()
        watching.join()


def _counts(connection: Connection) -> dict[str, float]:
    time.sleep(1.2)  # a backend that has just ended tells its numbers within a second
    connection.execute(text("SELECT pg_stat_clear_snapshot()"))
    row = connection.execute(text(_COUNTED)).mappings().one()
    return {name: float(value) for name, value in row.items()}


def sizes(connection: Connection, tables: Sequence[str] = TABLES) -> None:
    """Print each table's rows, and its bytes on disk with and without its indexes."""
    for name in tables:
        rows, heap, whole = connection.execute(
            text(
                "SELECT (SELECT reltuples FROM pg_class WHERE oid = CAST(:name AS regclass)),"
                " pg_relation_size(:name), pg_total_relation_size(:name)"
            ),
            {"name": name},
        ).one()
        each = f"{whole / rows:6.0f} bytes a row" if rows > 0 else ""
        print(
            f"  {name:<13}{max(rows, 0):>12,.0f} rows {heap / 1e6:>8,.0f} MB,"
            f" with indexes {whole / 1e6:>8,.0f} MB {each}"
        )


def told(name: str, step: Step, units: int, unit: str) -> None:
    """Print a step, in all and by unit."""
    print(
        f"{name}: {step.seconds:.1f} s, {units / step.seconds:,.0f} a second;"
        f" {1000 * step.processor / units:.3f} ms of processor per {unit} here,"
        f" {1000 * step.server_processor / units:.3f} ms in the server;"
        f" this process peaked at {step.peak_mb:.0f} MB, the server's at {step.server_mb:,.0f} MB"
    )
    for what, count in step.counted.items():
        print(f"  {what:<14}{count:>18,.0f}  {count / units:>12,.3f} per {unit}")


def send(app: App, readers: int) -> None:
    """Work on the jobs of batches until so many readers were handed over."""
    stop_signal = StopSignal()

    def watch() -> None:
        batches = select(func.count()).where(col(Batch.state) == BatchState.ACCEPTED)
        handed = 0
        while handed < readers and not stop_signal.stopping.wait(0.2):
            with app.database.read() as session:
                done = session.connection().execute(batches).scalar_one()
            handed = done * app.settings.batch_size
        stop_signal.stop()

    watching = threading.Thread(target=watch)
    watching.start()
    run_worker(app, queues=[QueueName.SEND], concurrency=2, stop_signal=stop_signal)
    watching.join()


def measure(server: PostgresServer, folder: Path, readers: int, sent: int) -> None:
    """Fill, plan and send, and print what each took."""
    with own_database(server.url) as bare, running_sink() as sink:
        url = bare.render_as_string(hide_password=False)
        app = installation(environment(url, sink, folder))
        engine = create_engine(bare, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            step = measured(server, app, connection, partial(fill, app, readers))
            connection.execute(text("VACUUM ANALYZE"))
            told("the list", step, readers, "reader")
            sizes(connection)
            step = measured(server, app, connection, partial(plan, app))
            told("the plan", step, readers, "reader")
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))
            sizes(connection)
            step = measured(server, app, connection, partial(send, app, sent))
            connection.execute(text("ANALYZE"))
            told("the send", step, sent // app.settings.batch_size, "batch")
            sizes(connection)
        engine.dispose()


def measure_events(server: PostgresServer, folder: Path, events: int) -> None:
    """Apply the events of an issue by one consumer, and print what that took."""
    readers = round(events / EVENTS_A_READER)
    with own_database(server.url) as bare:
        app = installation(environment(bare.render_as_string(hide_password=False), NOBODY, folder))
        storm.fill(app.database, readers)
        spool = Spool(folder / "events")
        for body in storm.storm(readers, events, disorder=False):
            spool.append(body, storm.START)
        consumer = EventConsumer(
            store=app.database,
            spool=spool,
            parse=parse,
            hashes=lambda: app.hashes,
            clock=lambda: datetime.fromtimestamp(storm.START + 9999, UTC),
        )
        engine = create_engine(bare, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))
            step = measured(server, app, connection, consumer.apply_all)
            told("the events", step, events, "event")
            connection.execute(text("ANALYZE"))
            sizes(connection, ("delivery", "mail_event"))
        engine.dispose()


def main() -> None:
    """Measure one list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=1_000_000)
    parser.add_argument("--send", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=300_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres_server(*OPTIONS) as server:
        print(f"{os.cpu_count()} cores, {platform.machine()}, {', '.join(OPTIONS)}")
        measure(server, Path(folder), asked.readers, min(asked.send, asked.readers))
        measure_events(server, Path(folder), asked.events)


if __name__ == "__main__":
    main()
