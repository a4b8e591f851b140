"""The kill loop: kill a run at step one, two, three … until a run ends by itself."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from digest.fake_sendgrid import RunningFake, running_fake
from tests.stories.killing import installation, oracle
from tests.stories.killing.child_process import Nursery, nursery

READERS = 3000
BATCH_SIZE = 250


@dataclass
class Report:
    """What the loops saw; the issue's own words for it."""

    runs: int = 0
    deaths: Counter[str] = field(default_factory=Counter)  #: by the step that was the last
    duplicates: int = 0
    lost: int = 0
    violations: list[str] = field(default_factory=list)
    doubts: int = 0
    explained: int = 0  #: doubts whose request was under way at the death, and no others
    by_events: int = 0  #: doubts that the provider's events settled
    by_person: int = (
        0  #: doubts of requests that never arrived: no event can come, a person decides
    )
    left: int = 0  #: doubts nobody could settle

    def __str__(self) -> str:
        killed = ", ".join(f"{name} {times}" for name, times in self.deaths.most_common())
        return (
            f"{self.runs} runs, {self.deaths.total()} deaths (last step: {killed});"
            f" duplicates {self.duplicates}, lost {self.lost}, violations {len(self.violations)};"
            f" doubts {self.doubts}, explained {self.explained}, settled by events"
            f" {self.by_events}, by a person {self.by_person}, left {self.left}"
        )


@dataclass(frozen=True)
class KillHarness:
    """Where the loops run: a prepared store to copy, a provider, and a nursery."""

    folder: Path
    nursery: Nursery
    fake: RunningFake
    readers: int

    @property
    def built(self) -> Path:
        """A store whose issue is built: its audience is not frozen."""
        return self.folder / "built.db"

    @property
    def prepared(self) -> Path:
        """A store whose issue is ready to go."""
        return self.folder / "prepared.db"

    def fresh(self, template: Path | None = None) -> Path:
        """Return a store as it was, beside a provider that took nothing."""
        self.fake.reset()
        return installation.copy(template or self.prepared, self.folder / "digest.db")

    def send(self, path: Path, **given: Any) -> Any:
        return self.nursery.run("send", path=str(path), url=self.fake.url, **given)

    @contextmanager
    def site(self, path: Path, die_at: int = 0) -> Iterator[tuple[str, int]]:
        """Serve the webhook from a child: (URL, process id)."""
        pipe = self.folder / "port"
        pipe.unlink(missing_ok=True)
        os.mkfifo(pipe)
        key = self.fake.webhook_key
        pid = self.nursery.start(
            "site", path=str(path), key=key, port_file=str(pipe), die_at=die_at
        )
        port = pipe.read_text("ascii")
        try:
            yield f"http://127.0.0.1:{port}/webhooks/sendgrid", pid
        finally:
            os.kill(pid, signal.SIGKILL)  # one that died already waits for its parent
            self.nursery.wait(pid)


@contextmanager
def kill_harness(
    folder: Path, *, readers: int = READERS, batch_size: int = BATCH_SIZE
) -> Iterator[KillHarness]:
    """Lay a kill_harness out in *folder*."""
    with (
        nursery() as children,
        running_fake(folder, hold_events=True, may_kill=True, shares={"all": 0.0}) as fake,
    ):
        made = KillHarness(folder, children, fake, readers)
        installation.build(made.built, readers)
        installation.copy(made.built, made.prepared)
        children.run("plan", path=str(made.prepared), batch_size=batch_size)
        yield made


def steps_of(harness: KillHarness, **given: Any) -> list[str]:
    """Return the steps of a send that nothing disturbs."""
    steps: list[str] = harness.send(harness.fresh(), **given).said["steps"]
    return steps


def kill_loop(
    harness: KillHarness, report: Report, at: Iterator[int] | list[int], **given: Any
) -> Report:
    """Die at each of these steps, once each, and look what is left; stops when a run survives."""
    names = steps_of(harness, **given)
    for number in at:
        path = harness.fresh()
        end = harness.send(path, die_at=number, **given)
        report.runs += 1
        if not end.killed:
            break
        report.deaths[names[number - 1] if number <= len(names) else "later"] += 1
        aftermath(harness, path, report)
    return report


def aftermath(
    harness: KillHarness, path: Path, report: Report, *, resume: Callable[[], Any] | None = None
) -> None:
    """Go on after a death in a fresh child, settle the doubts, and hold both ledgers together."""
    fatal = set(oracle.doubts(path))
    _check(harness, path, report)
    (resume or (lambda: harness.send(path)))()
    _check(harness, path, report)
    doubts = set(oracle.doubts(path))
    report.doubts += len(doubts)
    report.explained += len(doubts & fatal)
    _settle(harness, path, report, doubts)
    _check(harness, path, report)
    _finish(harness, path, report)


def _settle(harness: KillHarness, path: Path, report: Report, doubts: set[tuple[str, str]]) -> None:
    """Let the events speak; then let a person decide, by the provider's own log."""
    if not doubts:
        return
    taken = {doubt for doubt in doubts if oracle.took(harness.fake.ledger, doubt[1])}
    with harness.site(path) as (url, _):
        told = harness.fake.flush_events(to=url)
    assert told["refused"] == 0, told
    harness.nursery.run("drain", path=str(path))
    left = set(oracle.doubts(path))
    report.by_events += len(doubts - left)
    report.violations += [
        f"I3: {doubt[0]} was settled by nothing" for doubt in doubts - left - taken
    ]
    unsent = [batch for batch, attempt in left - taken]
    harness.nursery.run("decide", path=str(path), batches=unsent)
    report.by_person += len(unsent)
    harness.send(path)


def _check(harness: KillHarness, path: Path, report: Report) -> None:
    report.violations += oracle.violations(path, harness.fake.ledger, readers=harness.readers)


def _finish(harness: KillHarness, path: Path, report: Report) -> None:
    took = harness.fake.counts()
    report.duplicates += took["duplicates"]
    report.lost += harness.readers - took["addresses"]
    report.left += len(oracle.doubts(path))
    with closing(sqlite3.connect(path)) as db:
        state = db.execute("SELECT state FROM issue").fetchone()[0]
    if state != "sent":
        report.violations.append(f"I2: all is settled and the issue is {state}")
