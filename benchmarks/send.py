"""The whole command `digest send` and its plan into a bare sink, beside a raw floor.

The floor has rows, one keyed hash a reader, JSON and kept connections. It has no ledger, so a crash
in it would lose or repeat mail, and no code of the product.
Run: python -m benchmarks.send [--votes N] [--runs N] [--json] [READERS ...]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.floors import HTML, PLAIN, VOTES
from benchmarks.measurements import Measurement, reporting
from benchmarks.sink import running_sink

CONCURRENCY = 2
WHOLE = 1_000_000  #: readers that the targets are for
SECRET = "a secret for benchmarks, long enough"  # noqa: S105 - it guards nothing
BASE = "https://news.example.com"
ADDRESS = "1 Example Street, 12345 Example"


def fill(path: Path, readers: int) -> None:
    """Make a store with *readers* confirmed subscribers and one issue ready to go."""
    from digest.comparisons.models import Comparison, Revision, SourceForm
    from digest.db import Database
    from digest.issues.models import (
        Edition,
        Issue,
        IssueState,
        Newsletter,
        Placement,
        Recipe,
        TemplateSet,
    )
    from digest.migrations.all_tables import METADATA

    database = Database(f"sqlite:///{path}")
    METADATA.create_all(database.engine)
    now = datetime.now(UTC)
    with database.write() as session:
        session.add(Newsletter(id=1, slug="weekly", name="Weekly AI Tool Verdicts"))
        session.flush()
        state = IssueState.BUILT
        session.add(
            Issue(id=1, newsletter_id=1, number=1, period="2026-W48", state=state, built_at=now)
        )
        session.flush()
        edition = Edition(
            id=1, issue_id=1, subject="Benchmark", html=HTML, text="text", fingerprint="f",
            frozen_at=now,
        )  # fmt: skip
        session.add(edition)
        for at in range(1, 1 + len(VOTES)):
            comparison = Comparison(id=at, slug=f"pair-{at}", first_imported_at=now)
            revision = Revision(
                id=at, comparison_id=at, number=1, fingerprint="f", title=f"Pair {at}",
                form=SourceForm.JSON, imported_at=now,
            )  # fmt: skip
            session.add_all([comparison, revision])
            session.flush()
            session.add(Placement(issue_id=1, position=at, comparison_id=at, revision_id=at))
        session.add(TemplateSet(hash="none", files={}))
        session.flush()
        carried = {"revisions": list(range(1, 1 + len(VOTES)))}
        session.add(Recipe(edition_id=1, made_from=carried, templates="none"))
    database.close()
    raw = sqlite3.connect(path)
    stamp = now.strftime("%Y-%m-%d %H:%M:%S.%f")
    raw.executemany(
        "INSERT INTO subscriber (id, address, address_key, language, created_at)"
        " VALUES (?, ?, ?, 'en', ?)",
        (
            (i, f"reader{i}@example.org", f"reader{i}@example.org", stamp)
            for i in range(1, readers + 1)
        ),
    )
    raw.execute(
        "INSERT INTO subscription (subscriber_id, newsletter, standing, source, since)"
        " SELECT id, 'weekly', 'confirmed', 'benchmark', ? FROM subscriber",
        (stamp,),
    )
    raw.commit()
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()


def content() -> Any:
    """Return what every reader gets."""
    from digest.mail.mailing import Content, Mailbox

    return Content(
        subject="Benchmark", html=HTML, text="text", sender=Mailbox("us@example.com", "Us")
    )


def engine(path: Path, url: str, *, processes: int = CONCURRENCY) -> dict[str, float]:
    """Send the issue as the product does, with a process a core at most; seconds by stage."""
    from digest.db import Database
    from digest.delivery.sending.batch_worker import EditionSend
    from digest.delivery.sending.dispatcher import dispatch, requests_per_process, send_alongside
    from digest.delivery.sending.personalization import recipient_builder, vote_part_maker
    from digest.delivery.sending.planning import plan_deliveries
    from digest.delivery.sending.worker_processes import StopSignal, usable_cores, worker_pool
    from digest.issues.models import Edition, Issue
    from digest.mail.sendgrid.sendgrid_transport import SendGrid
    from digest.process_id import this_process
    from digest.votes import copy_signer
    from subscribers.tokens import Tokens

    database = Database(f"sqlite:///{path}")
    began = time.perf_counter()
    with database.write() as session:
        plan_deliveries(
            session,
            issue=session.get_one(Issue, 1),
            edition=session.get_one(Edition, 1),
            newsletter="weekly",
            batch_size=1000,
            now=datetime.now(UTC),
        )
    planned = time.perf_counter()
    tokens = Tokens([SECRET])
    sending = EditionSend(
        store=database,
        transport=SendGrid(api_key="benchmark", url=url, seconds=60),
        clock=lambda: datetime.now(UTC),
        owner=this_process(),
        edition_id=1,
        newsletter="weekly",
        issue="weekly-1",
        content=content(),
        recipients=recipient_builder(
            "weekly",
            base_url=BASE,
            tokens=tokens,
            vote_parts=vote_part_maker(
                copy_signer(tokens, 1, datetime.now(UTC)), range(1, 1 + len(VOTES)), HTML
            ),
        ),
    )
    helping = min(usable_cores(), processes) - 1
    stop_signal = StopSignal()
    work = partial(
        send_alongside,
        concurrency=requests_per_process(CONCURRENCY, helping),
        stop_signal=stop_signal,
    )
    with worker_pool(
        sending, helping, work=work, stop_signal=stop_signal, close_store=database.disconnect
    ) as workers:
        counts = dispatch(sending, concurrency=CONCURRENCY, workers=workers)
    ended = time.perf_counter()
    assert counts.accepted == counts.candidates
    return {"plan": planned - began, "send": ended - planned, "all": ended - began}


def plan(path: Path, votes: int = len(VOTES)) -> float:
    """Freeze the issue's audience, in a mail that passes the checks; CPU seconds of the plan."""
    from sqlmodel import select

    from digest.db import Database
    from digest.delivery.sending.planning import plan_deliveries
    from digest.issues.models import Edition, Issue
    from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG

    database = Database(f"sqlite:///{path}")
    with database.write() as session:
        edition = session.exec(select(Edition)).one()
        leave = f"{BASE}/u/{UNSUBSCRIBE_TAG}"
        prefer = f"{BASE}/p/{PREFERENCES_TAG}"
        link = '<a clicktracking="off" href="{}">Yours</a>'
        foot = f"{link.format(leave)} {link.format(prefer)} {ADDRESS}"
        head = "<head><title>Benchmark</title></head>"
        html = HTML if votes else PLAIN
        edition.html = f'<html lang="en">{head}<body>{html}{foot}</body></html>'
        edition.text += f"\n{leave}\n{prefer}\n{ADDRESS}\n"
        issue = session.exec(select(Issue)).one()
        began = time.process_time()
        plan_deliveries(
            session,
            issue=issue,
            edition=edition,
            newsletter="weekly",
            batch_size=1000,
            now=datetime.now(UTC),
        )
    spent = time.process_time() - began
    database.close()
    return spent


def environment(path: Path, url: str, concurrency: int) -> dict[str, str]:
    """Return the environment of `digest send` to a provider at *url*."""
    settings = {
        "DATABASE_URL": f"sqlite:///{path}",
        "TRANSPORT": "sendgrid",
        "SENDGRID_URL": url,
        "SENDGRID_API_KEY": "benchmark",
        "SECRET": SECRET,
        "BASE_URL": BASE,
        "POSTAL_ADDRESS": ADDRESS,
        "CONCURRENCY": str(concurrency),
    }
    usual = {name: value for name, value in os.environ.items() if not name.startswith("DIGEST")}
    return {**usual, **{f"DIGEST_{name}": value for name, value in settings.items()}}


SEND = ("-m", "digest", "send", "1", "--early")


def measure(name: str, *arguments: object) -> dict[str, float]:
    """Run the engine or the floor in a process of its own; its peak is that of its whole group."""
    module = {"engine": "benchmarks.send", "floor": "benchmarks.floors"}[name]
    told, spent = watched(["-m", module, *map(str, arguments)])
    found: dict[str, float] = json.loads(told)
    return {**found, "peak_mb": spent["peak_mb"]}


def watched(
    arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[str, dict[str, float]]:
    """Run Python to its end; return what it printed, and what it and those it forked spent."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = 0.0
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
        start_new_session=True,
        env=environment,
    ) as side:
        while side.poll() is None:
            peak = max(peak, megabytes_of_group(side.pid))
            time.sleep(0.1)
        assert side.returncode == 0
        assert side.stdout
        told = side.stdout.read()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return told, {"all": time.perf_counter() - began, "cpu": cpu, "peak_mb": peak}


def megabytes_of_group(leader: int) -> float:
    """Add up what a process and those it forked hold; a shared page counts once (PSS)."""
    group = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getsid(int(folder.name)) == leader:
                group.append(int(folder.name))
    return megabytes(group)


def megabytes(processes: Iterable[int]) -> float:
    """Add up what processes hold; a page that they share counts once (PSS)."""
    kilobytes = 0
    for process in processes:
        with suppress(OSError, IndexError):  # it may have ended meanwhile
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
            kilobytes += int(re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[0])
    return kilobytes / 1024


def compare(readers: int, votes: int, runs: int) -> Iterator[Measurement]:
    """Print the command beside the floor for one size of list, and yield its figures; medians."""
    ours, floor, planned = [], [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder, running_sink() as url:
            path = Path(folder) / "digest.db"
            # Not in this process: the peak of one that it starts begins with its own.
            filling = ["-m", "benchmarks.send", "--fill", str(path), str(readers)]
            planned.append(json.loads(watched([*filling, "--votes", str(votes)])[0]))
            floor.append(measure("floor", "send", path, url, CONCURRENCY, votes))
            ours.append(watched(SEND, environment(path, url, CONCURRENCY))[1])
    ways = {
        "digest send": {name: median(each[name] for each in ours) for name in ours[0]},
        "raw floor": {name: median(each[name] for each in floor) for name in ours[0]},
    }
    plan = {name: median(each[name] for each in planned) for name in planned[0]}
    for name, way in ways.items():
        print(
            f"{readers:>9,} readers | {name:<11} | {readers / way['all']:>9,.0f}/s"
            f" | {way['cpu'] / readers * 1e6:5.1f} us of CPU a reader"
            f" | peak {way['peak_mb']:.0f} MB",
            flush=True,
        )
    print(f"{'':>17} | its plan    | {plan['cpu'] / readers * 1e6:5.1f} us of CPU a reader")
    yield from figures(readers, *ways.values(), whole=readers == WHOLE)


def figures(
    readers: int, ours: Mapping[str, float], floor: Mapping[str, float], *, whole: bool
) -> Iterator[Measurement]:
    """Yield what a size of list gave; the targets are those of a *whole* list."""
    rate, raw = (readers / way["all"] for way in (ours, floor))
    cpu, least = (way["cpu"] / readers * 1e6 for way in (ours, floor))
    yield Measurement(
        name=f"To {readers:,} readers",
        value=rate,
        unit="readers a second",
        floor=raw,
        target=200_000 if whole else None,
        more_is_better=True,
    )
    yield Measurement(
        name=f"To {readers:,} readers",
        value=cpu,
        unit="µs of CPU a reader",
        floor=least,
        target=6.5 if whole else None,
    )
    yield Measurement(
        name=f"To {readers:,} readers",
        value=ours["peak_mb"],
        unit="MB at the peak",
        floor=floor["peak_mb"],
        target=100 if whole else None,
    )


def main() -> None:
    """Compare for each size given, or be a part of a comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--votes", type=int, default=0, choices=(0, len(VOTES)))
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--engine", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--fill", help=argparse.SUPPRESS)
    parser.add_argument("readers", nargs="*", type=int)
    given = parser.parse_args()
    if given.engine:
        found = engine(Path(given.engine[0]), given.engine[1])
        spent = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        print(json.dumps({**found, "cpu": sum(one.ru_utime + one.ru_stime for one in spent)}))
        return
    if given.fill:
        fill(Path(given.fill), *given.readers)
        print(json.dumps({"cpu": plan(Path(given.fill), given.votes)}))
        return
    with reporting(as_json=given.json) as measurements:
        print(
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {CONCURRENCY} senders, batches"
            f" of 1,000, 60 KB of HTML, {2 + given.votes} links of a reader's own,"
            f" {given.runs} runs"
        )
        for readers in given.readers or [100_000, WHOLE]:
            measurements += compare(readers, given.votes, given.runs)


if __name__ == "__main__":
    main()
