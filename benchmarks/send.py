"""The whole send (plan, ledger, tokens, the real client) into a bare sink, beside a floor.

The floor keeps no ledger, so a crash in it would lose or repeat mail.
Run: python -m benchmarks.send [READERS ...]
"""

from __future__ import annotations

import json
import os
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.floors import HTML, VOTES
from benchmarks.sink import running_sink

CONCURRENCY = 2
SECRET = "a secret for benchmarks, long enough"  # noqa: S105 - it guards nothing
BASE = "https://news.example.com"


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
    from digest.delivery.sending.process_id import this_process
    from digest.delivery.sending.worker_processes import StopSignal, usable_cores, worker_pool
    from digest.issues.models import Edition, Issue
    from digest.mail.sendgrid.sendgrid_transport import SendGrid
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
        recipient=recipient_builder(
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
        sending, helping, work=work, stop_signal=stop_signal, close_store=database.close
    ) as workers:
        counts = dispatch(sending, concurrency=CONCURRENCY, workers=workers)
    ended = time.perf_counter()
    assert counts.accepted == counts.candidates
    return {"plan": planned - began, "send": ended - planned, "all": ended - began}


def measure(name: str, *arguments: object) -> dict[str, float]:
    """Run the engine or the floor in a process of its own; its peak is that of its whole group."""
    module = {"engine": "benchmarks.send", "floor": "benchmarks.floors"}[name]
    command = [sys.executable, "-m", module, *map(str, arguments)]
    root = Path(__file__).parent.parent
    peak = 0.0
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        command, stdout=subprocess.PIPE, text=True, cwd=root, start_new_session=True
    ) as side:
        while side.poll() is None:
            peak = max(peak, megabytes_of_group(side.pid))
            time.sleep(0.1)
        assert side.returncode == 0
        assert side.stdout
        found: dict[str, float] = json.loads(side.stdout.read())
    return {**found, "peak_mb": peak}


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


def compare(readers: int) -> None:
    """Print the engine beside the floor for one size of list."""
    with tempfile.TemporaryDirectory() as folder, running_sink() as url:
        path = Path(folder) / "digest.db"
        fill(path, readers)
        base = measure("floor", "send", path, url, CONCURRENCY)
        ours = measure("engine", "--engine", path, url)
    print(
        f"{readers:>9,} readers | engine {readers / ours['all']:>9,.0f}/s"
        f" (plan {ours['plan']:.2f} s, send {ours['send']:.2f} s, CPU {ours['cpu']:.2f} s),"
        f" peak {ours['peak_mb']:.0f} MB"
        f" | floor {readers / base['all']:>9,.0f}/s (CPU {base['cpu']:.2f} s),"
        f" peak {base['peak_mb']:.0f} MB | ratio {base['all'] / ours['all']:.2f}",
        flush=True,
    )


def main(arguments: list[str]) -> None:
    """Compare for each size given, or be the engine's side of a comparison."""
    if arguments and arguments[0] == "--engine":
        found = engine(Path(arguments[1]), arguments[2])
        spent = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        print(json.dumps({**found, "cpu": sum(one.ru_utime + one.ru_stime for one in spent)}))
        return
    if not all(each.isdigit() for each in arguments):
        sys.exit("python -m benchmarks.send [READERS ...]")
    print(f"{os.cpu_count()} cores, {CONCURRENCY} senders, batches of 1,000, 60 KB of HTML")
    for readers in [int(a) for a in arguments] or [100_000, 1_000_000]:
        compare(readers)


if __name__ == "__main__":
    main(sys.argv[1:])
