"""What a send and honest readers feel of a flood of sign-ups for one victim from one network.

    python -m benchmarks.signup_flood [--readers 300000] [--connections 32 1000] [--answer 0.1]

The send is measured alone, beside a flood of a site that only says no (a floor: it is what the
machine loses to the flooder, who shares its cores), and beside the same flood of the form as it
ships, while one honest reader after another signs up from elsewhere. Once with the site in a
process of its own (`digest send` and `digest web`), once in one process with it (`digest run`).
Each of the flood's connections posts again as soon as it is answered, as long as the send lasts.
The provider answers after as many seconds as it is told to; with 0 a send takes both cores whole,
and whatever runs beside it takes from it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from statistics import median
from typing import NamedTuple

from starlette.applications import Starlette

from benchmarks import floors, signup
from benchmarks.send import engine, fill, measure
from benchmarks.signup import SECRET, WEEKLY, form_token_of_old, hold, post, render
from benchmarks.sink import running_sink
from digest.db import Database
from digest.web.server import listen, serve_in_thread
from subscribers.tokens import Hashes, Tokens
from subscribers.web import SiteConfig, routes

OK = 200
STORE = "digest.db"
VICTIM = "victim@example.org"
Send = Callable[[], float]  #: sends the issue; returns the seconds it took
#: Opens a site beside a send: given its name, the store's folder and where to send.
Way = Callable[[str, Path, str], AbstractContextManager[tuple[int, Send]]]


class Flood(NamedTuple):
    """What came of one."""

    statuses: Counter[str]
    waits: list[float]  #: seconds that each honest sign-up took


def guarded(folder: Path) -> Starlette:
    """Return the site with its limits, behind a proxy that is believed."""
    config = SiteConfig(
        sessions=Database(f"sqlite:///{folder / STORE}"),
        tokens=Tokens([SECRET]),
        hashes=Hashes([SECRET]),
        clock=lambda: datetime.now(UTC),
        base_url="http://127.0.0.1",
        newsletters={"weekly": WEEKLY},
        render=render,
        trusted_proxies=[ip_network("127.0.0.0/8")],
    )
    return Starlette(routes=routes(config))


SITES: dict[str, Callable[[Path], Starlette]] = {
    "bare": lambda _folder: floors.turning_away(),
    "ours": guarded,
}


@contextmanager
def apart(site: str, folder: Path, url: str) -> Iterator[tuple[int, Send]]:
    """Serve a site in a process of its own; yields its port and what sends beside it."""
    bare = site == "bare"
    with floors.site("turning-away") if bare else signup.site(guarded, folder) as (port, _):
        yield port, lambda: measure("engine", "--engine", folder / STORE, url)["all"]


@contextmanager
def together(site: str, folder: Path, url: str) -> Iterator[tuple[int, Send]]:
    """Start what serves a site and sends in one process; yields its port and what has it send."""
    command = [sys.executable, "-m", "benchmarks.signup_flood", "--service", site, str(folder), url]
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as service:
        ask, answers = service.stdin, service.stdout
        assert ask
        assert answers

        def send() -> float:
            print("send", file=ask, flush=True)
            return float(answers.readline())

        yield int(answers.readline()), send


def serve_and_send(site: str, folder: Path, url: str) -> None:
    """Be that process; it ends with the one that started it."""
    sock = listen(0)
    with serve_in_thread(SITES[site](folder), sock):
        print(sock.getsockname()[1], flush=True)
        for _ in sys.stdin:
            print(engine(folder / STORE, url, processes=1)["all"], flush=True)


def from_network(request: bytes, address: str) -> bytes:
    """Have a request come from an address, as the proxy tells it."""
    return request.replace(b"\r\n\r\n", f"\r\nX-Forwarded-For: {address}\r\n\r\n".encode(), 1)


async def ask(port: int, request: bytes) -> int:
    """Send one request on a connection of its own; returns the status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        line = await reader.readline()
        await reader.read(1_000)
        return int(line.split()[1])
    finally:
        writer.close()


async def honest(port: int, over: asyncio.Event) -> list[float]:
    """Sign one reader after another up, each from elsewhere; returns the seconds each took."""
    token, numbers, times = form_token_of_old(), count(1), list[float]()
    while not over.is_set():
        number = next(numbers)
        request = post(f"another{number}@example{number}.net", token)
        started = time.perf_counter()
        address = f"10.{number >> 8 & 255}.{number & 255}.7"
        assert await ask(port, from_network(request, address)) == OK
        times.append(time.perf_counter() - started)
        await asyncio.sleep(0.25)
    return times


async def flooded(send: Send, port: int, connections: int, site: str) -> tuple[float, Flood]:
    """Flood as long as a send lasts; returns the seconds that took, and what came of the flood."""
    request = from_network(post(VICTIM, form_token_of_old()), "192.0.2.66")
    statuses: Counter[str] = Counter()
    over = asyncio.Event()
    sending = asyncio.ensure_future(asyncio.to_thread(send))
    signing_up = asyncio.ensure_future(honest(port, over)) if site == "ours" else None

    def heard(_took: float, head: bytes, _body: bytes) -> bool:
        statuses[head[9:12].decode()] += 1
        return not sending.done()

    await hold(port, connections, lambda: request, heard)
    over.set()
    return await sending, Flood(statuses, await signing_up if signing_up else [])


def letters(path: Path) -> int:
    """Count the letters the victim is to get."""
    with sqlite3.connect(path) as connection:
        found = connection.execute(
            "SELECT count(*) FROM letter_to_send l JOIN subscriber s ON s.id = l.subscriber_id"
            " WHERE s.address_key = ?",
            [VICTIM],
        )
        return int(found.fetchone()[0])


def measured(
    how: Way, url: str, readers: int, site: str, connections: int
) -> tuple[float, list[str]]:
    """Send to a store of its own, beside a flood of a site; its rate, and what is to be told."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / STORE
        fill(store, readers)
        with how(site, Path(folder), url) as (port, send):
            if not connections:
                return readers / send(), []
            seconds, flood = asyncio.run(flooded(send, port, connections, site))
        told = [f"{number:,} x {status}" for status, number in sorted(flood.statuses.items())]
        if flood.waits:
            usual, worst = median(flood.waits) * 1000, max(flood.waits) * 1000
            told.append(f"letters for the victim {letters(store)}")
            told.append(f"{len(flood.waits)} honest p50 {usual:.0f} ms, slowest {worst:.0f} ms")
        return readers / seconds, told


def main() -> None:
    """Measure, and tell."""
    if sys.argv[1:2] == ["--service"]:
        serve_and_send(sys.argv[2], Path(sys.argv[3]), sys.argv[4])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=300_000)
    parser.add_argument("--connections", type=int, nargs="+", default=[32, 1000])
    parser.add_argument("--answer", type=float, default=0.1)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, answers take {given.answer} s")
    with running_sink(given.answer) as url:
        for how in (apart, together):
            alone, _ = measured(how, url, given.readers, "ours", 0)
            print(f"{how.__name__:<9}{'alone':<20}{alone:>8,.0f} readers/s", flush=True)
            for number in given.connections:
                for site in SITES:
                    rate, told = measured(how, url, given.readers, site, number)
                    print(
                        f"{how.__name__:<9}{site + f', {number} flooding':<20}{rate:>8,.0f}"
                        f" readers/s {rate / alone:4.0%} | {', '.join(told)}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
