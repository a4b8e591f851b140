"""A flood of sign-ups for one victim from one network, while other people use the form.

    python -m benchmarks.signup_flood [--posts 100000] [--connections 32]

The limits are those that ship. Beside the flood one honest reader after another signs up from
networks of their own; run `python -m benchmarks.send` in another window to see what a send loses.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sqlite3
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from ipaddress import ip_network
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from sqlmodel import SQLModel
from starlette.applications import Starlette

from benchmarks.signup import SECRET, WEEKLY, form_token_of_old, listening, post, serve
from digest.db import Database
from subscribers.tokens import Hashes, Tokens
from subscribers.web import Front, routes

OK = 200
VICTIM = "victim@example.org"


def guarded(folder: Path) -> Starlette:
    """Return the site with its limits, behind a proxy that is believed."""
    database = Database(f"sqlite:///{folder / 'signup.db'}")
    SQLModel.metadata.create_all(database.engine)
    front = Front(
        sessions=database,
        tokens=Tokens([SECRET]),
        hashes=Hashes([SECRET]),
        clock=lambda: datetime.now(UTC),
        base_url="http://127.0.0.1",
        newsletters={"weekly": WEEKLY},
        trusted_proxies=[ip_network("127.0.0.0/8")],
    )
    return Starlette(routes=routes(front))


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


def from_network(request: bytes, address: str) -> bytes:
    """Have a request come from an address, as the proxy tells it."""
    return request.replace(b"\r\n\r\n", f"\r\nX-Forwarded-For: {address}\r\n\r\n".encode(), 1)


async def flood(port: int, posts: int, connections: int) -> Counter[int]:
    """Post for the victim from one network; returns the statuses."""
    request = from_network(post(VICTIM, form_token_of_old()), "192.0.2.66")
    statuses: Counter[int] = Counter()
    numbers = iter(range(posts))

    async def one() -> None:
        for _ in numbers:
            statuses[await ask(port, request)] += 1

    await asyncio.gather(*(one() for _ in range(connections)))
    return statuses


async def honest(port: int, over: asyncio.Event) -> list[float]:
    """Sign one reader after another up, each from elsewhere; returns the seconds each took."""
    token, numbers, times = form_token_of_old(), count(1), list[float]()
    while not over.is_set():
        number = next(numbers)
        request = post(f"reader{number}@example{number}.net", token)
        started = time.perf_counter()
        address = f"10.{number >> 8 & 255}.{number & 255}.7"
        assert await ask(port, from_network(request, address)) == OK
        times.append(time.perf_counter() - started)
        await asyncio.sleep(0.25)
    return times


async def both(port: int, posts: int, connections: int) -> tuple[Counter[int], list[float]]:
    """Run the flood, and honest readers beside it."""
    over = asyncio.Event()
    beside = asyncio.ensure_future(honest(port, over))
    statuses = await flood(port, posts, connections)
    over.set()
    return statuses, await beside


def letters(path: Path) -> int:
    """Count the letters the victim is to get."""
    with sqlite3.connect(path) as connection:
        found = connection.execute(
            "SELECT count(*) FROM letter_to_send l JOIN subscriber s ON s.id = l.subscriber_id"
            " WHERE s.address_key = ?",
            [VICTIM],
        )
        return int(found.fetchone()[0])


def main() -> None:
    """Flood, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=32)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, listening() as sock:
        server = get_context("spawn").Process(target=serve, args=(guarded, Path(folder), sock))
        server.start()
        started = time.perf_counter()
        try:
            port = sock.getsockname()[1]
            statuses, times = asyncio.run(both(port, given.posts, given.connections))
            took = time.perf_counter() - started
            time.sleep(1)
        finally:
            if server.pid:
                os.kill(server.pid, signal.SIGTERM)
            server.join(10)
        sent = letters(Path(folder) / "signup.db")
    print(f"{given.posts:,} posts in {took:.1f} s, machine load {os.getloadavg()[0]:.1f}")
    print("answers: " + ", ".join(f"{number:,} x {status}" for status, number in statuses.items()))
    print(f"letters for the victim: {sent}")
    worst, usual = max(times) * 1000, median(times) * 1000
    print(f"{len(times)} honest sign-ups meanwhile: p50 {usual:.0f} ms, slowest {worst:.0f} ms")


if __name__ == "__main__":
    main()
