"""Public reads of the API a second, beside a bare Starlette route in the same run.

    python -m benchmarks.api_reads [--seconds 6] [--connections 16] [--comparisons 10000] [--json]

The site is a process of its own, as it ships; so is the load, which is this one: on two cores each
has about one. The bare route sends the same bytes, and does nothing else. Then comparisons are
stored while the load goes on, each of which makes every kept answer be made anew.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from sqlmodel import SQLModel
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.measurements import Measurement, reporting
from benchmarks.signup import SECRET, hold, measure, site
from digest.app.installation import App, open_app
from digest.comparisons.schema import ComparisonDraft, ContenderDraft, VerdictDraft
from digest.comparisons.store import store_draft
from digest.settings import load
from digest.web.app import make_site

PATH = "/api/v1/comparisons"
TARGET = 2_000  #: answers a second
_BARE = "bare.json"
_FIRST = date(2020, 1, 1)
Drive = Callable[[int, int, float], Coroutine[Any, Any, list[float]]]


def installation(folder: Path) -> App:
    """Open the installation whose comparisons are read."""
    url = f"sqlite:///{folder / 'api.db'}"
    options = {"templates": folder / "none", "api_requests_per_network": 0}
    return open_app(load({}, database_url=url, secret=SECRET, **options))


def real(folder: Path) -> Starlette:
    """Return the site as it ships, with no limit on how often it is asked."""
    return make_site(installation(folder))


def bare(folder: Path) -> Starlette:
    """Return a site that has nothing but one route with the same bytes."""
    body = (folder / _BARE).read_bytes()

    async def answer(_request: object) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route(PATH, answer)])


def draft(number: int) -> ComparisonDraft:
    """Return one of the comparisons, with words of the usual length."""
    sides = [
        ContenderDraft(
            name=f"{name} {number % 500}",
            category="Developer Tools",
            tagline="It does what it says, and says what it does",
            description="A tool for people who would rather not think about it. " * 3,
            panel_share=25.0 * (number % 5),
            verdicts=tuple(
                VerdictDraft(seat=seat, quote="I would keep it for the small things. " * 3)
                for seat in (1, 2, 3, 4)
            ),
        )
        for name in ("Lathe", "Mortar")
    ]
    return ComparisonDraft(
        slug=f"comparison-{number}",
        title=f"{sides[0].name} vs {sides[1].name}",
        published_on=_FIRST + timedelta(days=number % 2_000),
        contenders=(sides[0], sides[1]),
    )


def fill(app: App, comparisons: int) -> None:
    """Make the tables, and so many comparisons."""
    SQLModel.metadata.create_all(app.database.engine)
    with app.database.write() as session:
        for number in range(comparisons):
            store_draft(session, draft(number), now=app.clock())
            if number % 500 == 0:
                session.expunge_all()


def drive(query: str) -> Drive:
    """Return the load: each connection asks again as soon as it is answered."""
    request = f"GET {PATH}{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()

    async def load_it(port: int, connections: int, seconds: float) -> list[float]:
        times: list[float] = []
        until = time.perf_counter() + seconds

        def heard(took: float, head: bytes, _body: bytes) -> bool:
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"not answered: {head[:40]!r}")
            times.append(took)
            return time.perf_counter() < until

        await hold(port, connections, lambda: request, heard)
        return times

    return load_it


@contextmanager
def changing(app: App, comparisons: int, every: float) -> Iterator[None]:
    """Store another comparison every so many seconds, in this process."""
    over = threading.Event()

    def store() -> None:
        number = comparisons
        while not over.wait(every):
            number += 1
            with app.database.write() as session:
                store_draft(session, draft(number), now=app.clock())

    writing = threading.Thread(target=store)
    writing.start()
    try:
        yield
    finally:
        over.set()
        writing.join()


def main() -> None:
    """Measure the bare route, and the API with and without changes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--comparisons", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with reporting(as_json=given.json) as found:
        found += compare(given)


def compare(given: argparse.Namespace) -> Iterator[Measurement]:
    """Measure, tell, and yield the figures beside the bare route."""
    print(
        f"{os.cpu_count()} cores, {given.connections} connections, {given.seconds:g} s each,"
        f" {given.comparisons:,} comparisons, load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = installation(folder)
        fill(app, given.comparisons)
        with site(real, folder) as (port, _), urlopen(f"http://127.0.0.1:{port}{PATH}") as answer:
            (folder / _BARE).write_bytes(answer.read())
        run = partial(measure, connections=given.connections, seconds=given.seconds)
        floor = run("floor: the same bytes, bare Starlette", site(bare, folder), drive=drive(""))
        rates = {
            "50 comparisons": run("50 comparisons", site(real, folder), drive=drive("")),
            "200 comparisons": run(
                "200 comparisons", site(real, folder), drive=drive("?limit=200")
            ),
        }
        name = "50, five changes a second"
        with changing(app, given.comparisons, every=0.2):
            rates[name] = run(name, site(real, folder), drive=drive(""))
        app.database.close()
    print(f"the API reaches {rates['50 comparisons'] / floor:.0%} of the bare route")
    for name, rate in rates.items():
        like = floor if name.startswith("50") else None  # the floor's bytes are those of 50
        yield Measurement(
            name=name,
            value=rate,
            unit="answers a second",
            floor=like,
            target=TARGET if like else None,
            more_is_better=True,
        )


if __name__ == "__main__":
    main()
