"""The trial of many machines: two planners at once, four workers, a kill, and a power cut.

    python -m tests.stories.killing.trial [--readers 200000] [--batch 500] [--workers 4]

Each machine is a folder with processes and connections of its own; all share one PostgreSQL, as
durable as in production, and the fake SendGrid, which sends no event before it is asked to. One
worker is killed once a third of the requests has arrived, and the server crashes after two thirds.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, create_engine, select, text
from sqlmodel import col

from benchmarks.ready_issue import environment, fill, installation
from digest.app.installation import App
from digest.delivery.counts import DeliveryCounts, count_deliveries
from digest.delivery.models import Batch, BatchState
from digest.delivery.sending.control import DoubtResolution, resolve
from digest.fake_sendgrid import RunningFake, running_fake
from tests.postgres import PostgresServer, own_database, postgres_server
from tests.stories.killing.child_process import Nursery, nursery

PATIENCE = 300  #: seconds that any step may take
POLL = 0.05  #: seconds between two looks: the processor is for whoever is waited for
ANSWER_SECONDS = 0.1
WAITING = (BatchState.PENDING, BatchState.CLAIMED, BatchState.STARTED)


@dataclass(frozen=True)
class Verdict:
    """What the provider has of the issue, and what the ledger says of it."""

    plans: int  #: planners that froze the audience
    messages: int
    duplicates: int
    counts: DeliveryCounts  #: at the end
    doubts: int  #: batches in doubt once all others were settled
    by_events: int  #: of them, those that events settled
    by_person: int  #: of them, those that never reached the provider
    seconds: float  #: from the first request to the end

    @property
    def lost(self) -> int:
        """Readers whom the ledger calls mailed, or forgot, and the provider has no mail for."""
        return self.counts.candidates - self.counts.excluded - self.messages

    def __str__(self) -> str:
        return (
            f"{self.counts.candidates:,} readers planned {self.plans} time;"
            f" {self.messages:,} mails, {self.duplicates} doubled, {self.lost} lost;"
            f" {self.doubts} batches in doubt, {self.by_events} settled by events,"
            f" {self.by_person} by a person, {self.counts.in_doubt} readers left;"
            f" {self.seconds:.0f} s"
        )


@dataclass
class Trial:
    """What the machines share, and the processes under way."""

    folder: Path
    server: PostgresServer
    fake: RunningFake
    children: Nursery
    app: App
    settings: dict[str, str]
    running: list[int] = field(default_factory=list)

    def plan_twice(self) -> int:
        """Let two processes freeze the audience at one moment; return how many of them did."""
        with self.looking() as connection, connection.begin():
            connection.execute(text("SELECT 1 FROM issue FOR UPDATE"))
            planners = [self.children.start("freeze", settings=self.settings) for _ in range(2)]
            until(lambda: _waiting(connection) == len(planners))
        return sum(bool(self.children.wait(each).said) for each in planners)

    def start(self, name: str, *arguments: str) -> int:
        """Start a command on a machine of its own; return its process."""
        folder = self.folder / name
        folder.mkdir()
        settings = {**self.settings, "DIGEST_EPOCH_FILE": str(folder / "digest.epoch")}
        given = {"folder": str(folder), "settings": settings, "arguments": list(arguments)}
        pid = self.children.start("command", **given)
        self.running.append(pid)
        return pid

    def kill_one(self) -> None:
        """End a process as nothing can prevent, with a request under way unless all is sent."""
        pid = None
        while pid is None and self.batches(*WAITING):
            pid = next(filter(self._stopped_under_way, self.running), None)
        pid = pid or self.running[0]
        self.running.remove(pid)
        os.kill(pid, signal.SIGKILL)
        assert self.children.wait(pid).killed

    def _stopped_under_way(self, pid: int) -> bool:
        """Stop a process; let it go on where none of its requests is under way."""
        os.kill(pid, signal.SIGSTOP)
        asked = "SELECT count(*) FROM attempt WHERE started_at IS NOT NULL AND settled_at IS NULL"
        with self.app.database.read() as session:
            of_process = text(f"{asked} AND owner LIKE :owner")
            found = session.connection().execute(of_process, {"owner": f"%/{pid}/%"}).scalar_one()
        if not found:
            os.kill(pid, signal.SIGCONT)
        return bool(found)

    def stop(self) -> None:
        """Ask every process to end, and wait until each has."""
        for pid in self.running:
            os.kill(pid, signal.SIGTERM)
        for pid in self.running:
            self.children.wait(pid)
        self.running.clear()

    def requests(self) -> int:
        """Return how many requests have arrived at the provider."""
        return int(self.fake.arrived()["sends"])

    def batches(self, *states: BatchState) -> list[str]:
        """Return the keys of the batches in these states."""
        with self.app.database.read() as session:
            asked = select(col(Batch.key)).where(col(Batch.state).in_(states))
            return list(session.connection().execute(asked).scalars())

    def settle(self) -> None:
        """Wait until no batch waits or is under way; a minute's look needn't be waited for."""
        with self.app.database.write() as session:
            self.app.job_queue.wake(session, "recover", "send")
        until(lambda: not self.batches(*WAITING))

    def in_doubt(self) -> tuple[list[str], list[str]]:
        """Return the batches in doubt: those that the provider has, and those it hasn't."""
        doubts = self.batches(BatchState.IN_DOUBT)
        known = {key for key in doubts if self.fake.messages(limit=1, batch=key)}
        return sorted(known), sorted(set(doubts) - known)

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """Look into the database on a connection of one's own."""
        engine = create_engine(self.app.database.url)
        with engine.connect() as connection:
            yield connection
        engine.dispose()


def run(made: Trial, *, workers: int, batches: int) -> Verdict:
    """Send the issue whatever happens, and settle every doubt."""
    plans = made.plan_twice()
    made.fake.set_faults([{"do": "delay", "seconds": ANSWER_SECONDS}])
    for number in range(workers):
        made.start(f"worker-{number}", "worker", "--concurrency", "2")
    until(lambda: made.requests() > 0)
    began = time.monotonic()
    until(lambda: made.requests() >= batches // 3)
    made.kill_one()
    until(lambda: made.requests() >= 2 * batches // 3)
    made.server.crash()
    made.server.start()
    made.settle()
    known, unknown = made.in_doubt()
    tell_events(made)
    until(lambda: not made.in_doubt()[0])
    decide(made, unknown)
    made.settle()
    seconds = time.monotonic() - began
    with made.app.database.read() as session:
        counts = count_deliveries(session, 1)
    made.stop()
    told = made.fake.counts()
    doubts = len(known) + len(unknown)
    return Verdict(
        plans,
        told["messages"],
        told["duplicates"],
        counts,
        doubts,
        len(known),
        len(unknown),
        seconds,
    )


def tell_events(made: Trial) -> None:
    """Let the provider tell a site on another machine of every mail that it has."""
    made.start("site", "web", "--port", "0")
    log = made.folder / "site" / "out"
    until(lambda: log.exists() and "http://" in log.read_text("utf-8"))
    address = log.read_text("utf-8").partition("http://")[2].split()[0]
    posted = made.fake.flush_events(to=f"http://{address}/webhooks/sendgrid")
    assert posted["waiting"] == 0, posted


def decide(made: Trial, batches: list[str]) -> None:
    """Record that a person found nothing of these batches at the provider."""
    for key in batches:
        with made.app.database.write() as session:
            resolve(
                session, key, DoubtResolution.UNSENT, by="the trial", why="the provider has none",
                now=made.app.clock(),
            )  # fmt: skip


@contextmanager
def trial(folder: Path, server: PostgresServer, *, readers: int, batch: int) -> Iterator[Trial]:
    """Lay a trial out: the provider, and an installation with an issue that isn't planned."""
    with ExitStack() as stack:
        url = stack.enter_context(own_database(server.url))
        fake = stack.enter_context(running_fake(folder, hold_events=True, shares={"all": 0.0}))
        settings = {
            **environment(url.render_as_string(hide_password=False), fake.url, folder),
            "DIGEST_WEBHOOK_KEYS": fake.webhook_key,
            "DIGEST_BATCH_SIZE": str(batch),
        }
        app = installation(settings)
        stack.callback(app.database.close)
        fill(app, readers)
        children = stack.enter_context(nursery())
        yield Trial(folder, server, fake, children, app, settings)


def until(true: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    last = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < last, "it didn't happen"
        time.sleep(POLL)


def _waiting(connection: Connection) -> int:
    asked = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    connection.execute(text("SELECT pg_stat_clear_snapshot()"))
    return int(connection.execute(asked).scalar_one())


def main() -> None:
    """Hold the trial, and say how it went; exit 1 if a mail was doubled or lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--workers", type=int, default=4)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres_server() as server,
        trial(Path(folder), server, readers=asked.readers, batch=asked.batch) as made,
    ):
        verdict = run(made, workers=asked.workers, batches=asked.readers // asked.batch)
    sys.stdout.write(f"{verdict}\n")
    wrong = (verdict.plans - 1, verdict.duplicates, verdict.lost, verdict.counts.in_doubt)
    sys.exit(wrong != (0, 0, 0, 0))


if __name__ == "__main__":
    main()
