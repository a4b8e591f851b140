"""Votes a second with the durable commit, beside two floors measured in the same run.

    python -m benchmarks.votes [--seconds 6] [--connections 16] [--readers 40000] [--votes 1000000]

The site is a process of its own, as it ships; so is the load, in which each vote is another
reader's, on one tool. Then so many votes are put into one comparison, and its page is asked for
again and again.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from pathlib import Path

from sqlalchemy import text
from sqlmodel import SQLModel, select
from starlette.applications import Starlette

from benchmarks import floors
from benchmarks.signup import SECRET, hold, measure, site
from digest import samples
from digest.app.installation import App, open_app
from digest.cli.installation.init import WEEKLY
from digest.comparisons.loader import read_file
from digest.comparisons.models import Comparison, Tool
from digest.comparisons.store import store_draft
from digest.issues.models import Newsletter
from digest.settings import load
from digest.votes import copy_signer, counts_of, vote_path
from digest.web.app import make_site

_HEAD = "Host: 127.0.0.1\r\nAccept-Language: en\r\nUser-Agent: Mozilla/5.0 (X11) Firefox/140.0\r\n"
_FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
Ask = Callable[[], bytes]


def installation(folder: Path) -> App:
    """Open the installation that votes are cast in."""
    url = f"sqlite:///{folder / 'votes.db'}"
    return open_app(load({}, database_url=url, secret=SECRET, templates=folder / "none"))


def real(folder: Path) -> Starlette:
    """Return the site as it ships."""
    return make_site(installation(folder))


def fill(app: App, readers: int) -> tuple[Comparison, list[str]]:
    """Make the tables, the readers and the comparisons; returns one of those with its tools."""
    now = app.clock()
    SQLModel.metadata.create_all(app.database.engine)
    with app.database.write() as session:
        session.add(Newsletter(**WEEKLY.model_dump(exclude={"id"})))
        for each in samples.comparisons():
            store_draft(session, read_file(each), now=now)
        session.execute(_READERS, {"number": readers})
        session.execute(_SUBSCRIPTIONS)
    with app.database.read() as session:
        comparison = session.exec(select(Comparison)).first()
        assert comparison
        tools = session.execute(_TOOLS, {"slug": comparison.slug}).scalars()
        return comparison, list(tools)


_READERS = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number)"
    " INSERT INTO subscriber (address, address_key, language, created_at)"
    " SELECT 'r' || i || '@example.com', 'r' || i || '@example.com', 'en', '2024-01-01 00:00:00'"
    " FROM n"
)
_SUBSCRIPTIONS = text(
    "INSERT INTO subscription (subscriber_id, newsletter, standing, source, since)"
    " SELECT id, 'weekly', 'confirmed', 'form', '2024-01-01 00:00:00' FROM subscriber"
)
_TOOLS = text(
    "SELECT tool.slug FROM tool JOIN contender ON contender.tool_id = tool.id"
    " JOIN comparison_revision r ON r.id = contender.revision_id"
    " JOIN comparison c ON c.id = r.comparison_id AND c.slug = :slug ORDER BY contender.side"
)


def ballots(app: App, comparison: Comparison, tools: list[str], readers: int) -> list[bytes]:
    """Return each reader's press of the button, as a whole request."""
    sign = copy_signer(app.tokens, 1, datetime.now(UTC))
    tokens = sign(range(1, readers + 1), comparison.id or 0)
    bodies = [f"tool-{tools[0]}={call}" for call in ("ship", "skip")]
    return [
        (
            f"POST {vote_path(token)} HTTP/1.1\r\n{_HEAD}{_FORM}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
        for body in bodies
        for token in tokens
    ]


async def drive(
    ask: Ask, answer: bytes, port: int, connections: int, seconds: float
) -> list[float]:
    """Ask from so many connections for so long; returns the seconds each answer took."""
    times: list[float] = []
    until = time.perf_counter() + seconds

    def heard(took: float, head: bytes, body: bytes) -> bool:
        if not head.startswith(b"HTTP/1.1 200") or answer not in body:
            raise RuntimeError(f"not taken: {head[:40]!r}")
        times.append(took)
        return time.perf_counter() < until

    await hold(port, connections, ask, heard)
    return times


def many(app: App, comparison: Comparison, votes: int) -> None:
    """Put so many votes on a comparison, on a year of days."""
    with app.database.write() as session:
        session.execute(text("DELETE FROM vote_count"))
        session.execute(text("DELETE FROM vote_change"))
        session.execute(text("DELETE FROM vote"))
        tools = session.exec(select(Tool.id)).all()
        for tool in tools[:2]:
            rows = {"comparison": comparison.id, "tool": tool, "number": votes // 2}
            session.execute(_VOTES, rows)
            session.execute(_DAYS, rows)


_VOTES = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number)"
    " INSERT INTO vote (comparison_id, tool_id, subscriber_id, call, edition_id, at, is_new,"
    " mailbox_hash) SELECT :comparison, :tool, i, 'ship', 1, '2026-01-01 00:00:00', 0,"
    " printf('%032x', i) FROM n"
)
_DAYS = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 365)"
    " INSERT INTO vote_count (comparison_id, tool_id, day, ships, skips, held)"
    " SELECT :comparison, :tool, date('2026-01-01', '+' || i || ' days'), :number / 365, 0, 0"
    " FROM n"
)


def show(app: App, comparison: Comparison) -> None:
    """Time the counts of one comparison."""
    times = []
    for _ in range(200):
        started = time.perf_counter()
        with app.database.read() as session:
            counts = counts_of(session, [comparison.id or 0])
        times.append(time.perf_counter() - started)
    number = sum(count.votes for count in counts[comparison.id or 0].values())
    print(f"the counts of {number:,} votes: {sorted(times)[100] * 1000:.2f} ms")


def main() -> None:
    """Measure the floors, the votes, and the page of a comparison with many."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--readers", type=int, default=40_000)
    parser.add_argument("--votes", type=int, default=1_000_000)
    given = parser.parse_args()
    options = {"connections": given.connections, "seconds": given.seconds}
    print(
        f"{given.connections} connections, {given.seconds:g} s each, load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = installation(folder)
        comparison, tools = fill(app, given.readers)
        requests = cycle(ballots(app, comparison, tools, given.readers))
        voting = partial(drive, lambda: next(requests), b"Thank you")
        page = f"GET /comparisons/{comparison.slug} HTTP/1.1\r\n{_HEAD}\r\n".encode()
        looking = partial(drive, lambda: page, b"</html>")
        measure("floor: no work", floors.site("no-work"), **options)
        floor = measure("floor: one row, durable", floors.site("one-row", name), **options)
        rate = measure("a vote as it ships", site(real, folder), drive=voting, **options)
        print(f"voting reaches {rate / floor:.0%} of the durable floor")
        many(app, comparison, given.votes)
        show(app, comparison)
        one = {"connections": 1, "seconds": given.seconds}
        measure("its comparison's page", site(real, folder), drive=looking, **one)
        app.database.close()


if __name__ == "__main__":
    main()
