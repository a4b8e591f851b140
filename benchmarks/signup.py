"""Form posts a second with the durable commit, beside two floors measured in the same run.

    python -m benchmarks.signup [--seconds 3] [--connections 16] [--rounds 5] [--json]

The server is a process of its own; so is the load. Floors: a server without any work, and the
least a durable sign-up could cost, which is one row in one commit for all that wait together. They
take turns with the site, and the medians of the rounds count. What sign-ups cause once they are
answered (subscriptions, letters) is waited for after each round: it counts as processor time.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import os
import signal
import socket
import sqlite3
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlencode

from sqlmodel import SQLModel
from starlette.applications import Starlette
from starlette.middleware import Middleware

from benchmarks import floors
from benchmarks.measurements import Measurement, reporting
from digest.db import Database
from digest.render.pages import Site, message_page
from digest.web import server
from subscribers.abuse_prevention.rate_limits import RateLimit, RateLimits
from subscribers.tokens import Hashes, Purpose, Tokens
from subscribers.web import KnownPaths, NewsletterInfo, SiteConfig, routes
from subscribers.web.page_model import Page
from subscribers.web.signup_form import form_subject

SECRET = "a secret for benchmarks, long enough"  # noqa: S105 - it guards nothing
WEEKLY = NewsletterInfo(slug="weekly", name="Weekly AI Tool Verdicts")
STORE = "signup.db"
NO_LIMIT = RateLimit(10**9, 3600)


def render(page: Page) -> str:
    """Return a page as the site shows it."""
    return message_page(Site(name=WEEKLY.name, language=page.language), page)


def site_config(database: Database) -> SiteConfig:
    """Put the real thing together, with limits nobody reaches."""
    return SiteConfig(
        sessions=database,
        tokens=Tokens([SECRET]),
        hashes=Hashes([SECRET]),
        clock=lambda: datetime.now(UTC),
        base_url="http://127.0.0.1",
        newsletters={"weekly": WEEKLY},
        render=render,
        limits=RateLimits(domain=NO_LIMIT, provider=NO_LIMIT, network=NO_LIMIT, everyone=NO_LIMIT),
    )


def real(folder: Path) -> Starlette:
    """Return the site as it ships."""
    database = Database(f"sqlite:///{folder / STORE}")
    SQLModel.metadata.create_all(database.engine)
    pages = routes(site_config(database))
    return Starlette(routes=pages, middleware=[Middleware(KnownPaths, routes=pages)])


def serve(make: Callable[[Path], Starlette], folder: Path, sock: socket.socket) -> None:
    """Serve in a process of its own, until it is told to end."""
    app = make(folder)
    gc.freeze()  # as the command does: see digest.startup
    server.serve(app, sock)


def post(address: str, token: str) -> bytes:
    """Return a whole request."""
    fields = {"email": address, "newsletter": "weekly", "form": "page", "token": token}
    body = urlencode(fields).encode()
    head = (
        "POST /subscribe HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Language: en\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One browser that posts again as soon as it is answered; costs as little as can be.

    *heard* is told of each answer: the seconds it took, its head, its body. False ends it.
    """

    def __init__(
        self, ask: Callable[[], bytes], heard: Callable[[float, bytes, bytes], bool]
    ) -> None:
        self._ask, self._heard = ask, heard
        self._started = 0.0
        self._got = b""
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport: Any = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Take an answer, or a part of one."""
        self._got += data
        head, blank, body = self._got.partition(b"\r\n\r\n")
        if not blank:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        try:
            more = self._heard(time.perf_counter() - self._started, head, body)
        except RuntimeError as fault:
            self.done.set_exception(fault)
        else:
            if more:
                self._send()
                return
            self.done.set_result(0)
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so if nobody meant it to end."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the site hung up"))

    def _send(self) -> None:
        self._got = b""
        self._started = time.perf_counter()
        self._transport.write(self._ask())


async def hold(
    port: int,
    connections: int,
    ask: Callable[[], bytes],
    heard: Callable[[float, bytes, bytes], bool],
) -> None:
    """Post from so many connections, until *heard* has ended each."""
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Connection(ask, heard), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in opened))


async def drive(port: int, connections: int, seconds: float) -> list[float]:
    """Post from so many connections for so long; returns the seconds each post took."""
    token = form_token_of_old()
    run, numbers = os.urandom(3).hex(), count()
    times: list[float] = []
    until = time.perf_counter() + seconds

    def ask() -> bytes:
        return post(f"reader{next(numbers)}.{run}@example{next(numbers) % 997}.com", token)

    def heard(took: float, head: bytes, body: bytes) -> bool:
        if not head.startswith(b"HTTP/1.1 200") or b"inbox" not in body:
            raise RuntimeError(f"not taken: {head[:40]!r}")
        times.append(took)
        return time.perf_counter() < until

    await hold(port, connections, ask, heard)
    return times


def form_token_of_old() -> str:
    """Return the token of a form that was opened a minute ago."""
    opened = datetime.now(UTC) - timedelta(minutes=1)
    return Tokens([SECRET]).sign(Purpose.FORM, form_subject(WEEKLY, "en", opened))


@contextmanager
def site(make: Callable[[Path], Starlette], folder: Path) -> Iterator[tuple[int, int]]:
    """Serve the product's site in a process of its own; yield its port and its process id."""
    with server.listen(0) as sock:
        process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(make, folder, sock)
        )
        process.start()
        assert process.pid
        try:
            yield sock.getsockname()[1], process.pid
        finally:
            os.kill(process.pid, signal.SIGTERM)
            process.join(10)


class Figure(NamedTuple):
    """What one round gave."""

    rate: float  #: posts a second
    p50: float  #: milliseconds
    p99: float
    processor: float  #: microseconds of every thread of the site, each post
    after: float  #: seconds from the last answer until all that the posts cause was done


def once(
    port: int,
    process: int,
    *,
    connections: int,
    seconds: float,
    drive: Callable[[int, int, float], Coroutine[Any, Any, list[float]]] = drive,
    finish: Callable[[], object] = lambda: None,
) -> Figure:
    """Drive a site for a round; *finish* waits for what the site does after its answers."""
    before = cpu_seconds(process)
    times = sorted(asyncio.run(drive(port, connections, seconds)))
    answered = time.perf_counter()
    finish()
    after = time.perf_counter() - answered
    spent = (cpu_seconds(process) - before) / len(times)
    p50, p99 = (times[int(len(times) * part)] * 1000 for part in (0.50, 0.99))
    return Figure(len(times) / seconds, p50, p99, spent * 1e6, after)


def wait_until_processed(path: Path) -> None:
    """Wait until no recorded sign-up is left in the store; raise `TimeoutError` after a minute."""
    store = sqlite3.connect(path)
    until = time.monotonic() + 60
    while store.execute("SELECT EXISTS (SELECT 1 FROM sign_up_asked)").fetchone()[0]:
        if time.monotonic() > until:
            raise TimeoutError("recorded sign-ups are left")
        time.sleep(0.02)
    store.close()


def show(name: str, rounds: Sequence[Figure]) -> Figure:
    """Print the medians of a site's rounds, and return them."""
    middle = Figure(*map(median, zip(*rounds, strict=True)))
    print(
        f"{name:<36} {middle.rate:8,.0f} a second   p50 {middle.p50:6.1f} ms"
        f"   p99 {middle.p99:6.1f} ms   {middle.processor:6.0f} µs of processor each"
    )
    return middle


def measure(
    name: str,
    serving: AbstractContextManager[tuple[int, int]],
    *,
    connections: int,
    seconds: float,
    drive: Callable[[int, int, float], Coroutine[Any, Any, list[float]]] = drive,
) -> float:
    """Measure one site; returns its rate."""
    with serving as (port, process):
        asyncio.run(drive(port, connections, 1.0))  # warms up
        figure = once(port, process, connections=connections, seconds=seconds, drive=drive)
    return show(name, [figure]).rate


def cpu_seconds(process: int) -> float:
    """Return the processor time that a running process has used so far."""
    facts = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    user, system = int(facts[11]), int(facts[12])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure the floors and the site in turns, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with reporting(as_json=given.json) as found:
        found += compare(given)


def compare(given: argparse.Namespace) -> list[Measurement]:
    """Measure in turns, tell, and return the figures of the site beside the durable floor."""
    print(
        f"{given.connections} connections, {given.rounds} rounds of {given.seconds:g} s each,"
        f" load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_sites:
        sites = {
            "floor: no work": floors.site("no-work"),
            "floor: one row, durable, together": floors.site("one-row", folder),
            "sign-up as it ships": site(real, Path(folder)),
        }
        served = {name: open_sites.enter_context(serving) for name, serving in sites.items()}
        finish = partial(wait_until_processed, Path(folder) / STORE)
        for port, _ in served.values():
            asyncio.run(drive(port, given.connections, 1.0))  # warms up
        finish()
        rounds: dict[str, list[Figure]] = {name: [] for name in served}
        for _ in range(given.rounds):
            for name, (port, process) in served.items():
                rounds[name].append(
                    once(
                        port,
                        process,
                        connections=given.connections,
                        seconds=given.seconds,
                        finish=finish,
                    )
                )
        _, floor, shipped = (show(name, figures) for name, figures in rounds.items())
    print(
        f"the sign-up reaches {shipped.rate / floor.rate:.0%} of the durable floor, at"
        f" {shipped.processor / floor.processor:.1f} times its processor time; what they cause is"
        f" done {shipped.after:.1f} s after the last answer"
    )
    answered = shipped.rate * given.seconds
    return [
        Measurement(
            name="Sign-ups",
            value=shipped.rate,
            unit="a second",
            floor=floor.rate,
            target=floor.rate / 2,
            more_is_better=True,
        ),
        Measurement(
            name="Answer, 99th percentile", value=shipped.p99, unit="ms", floor=floor.p99, target=20
        ),
        Measurement(
            name="Sign-ups, with all that they cause",
            value=answered / (given.seconds + shipped.after),
            unit="a second",
            more_is_better=True,
        ),
        Measurement(
            name="Each sign-up, with all that it causes",
            value=shipped.processor,
            unit="µs of CPU",
            floor=floor.processor,
        ),
    ]


if __name__ == "__main__":
    main()
