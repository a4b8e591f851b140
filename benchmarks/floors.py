"""The floors: what no engine can leave out, done with bare libraries and no code of the product.

A floor runs in a process of its own, so that neither its time nor its memory holds any of the
product: `run` and `site` start one, and each ends at once if the product was imported.
"""

from __future__ import annotations

import asyncio
import csv
import gc
import json
import os
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import blake2b
from http.client import HTTPConnection, HTTPSConnection
from itertools import count, islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from benchmarks.bare_reload import reloading

ROOT = Path(__file__).parent.parent
CHUNK = 40_000  #: rows of an import a transaction, as in the product
VOTES = [f"-digest_vote_{place}_token-" for place in range(1, 6)]  # of five comparisons
PLAIN = "<p>Two tools, four reviewers, one verdict.</p>\n" * 1300  # about 60 KB, as a real issue
HTML = PLAIN + "".join(
    f'<a clicktracking="off" href="https://news.example.com/v/{tag}">Vote</a>\n' for tag in VOTES
)
PAGE = f"<!doctype html><title>Check your inbox</title>{'<p>Thank you.</p>' * 20}"
GATHERING, ENOUGH = 0.004, 16  #: seconds and rows that end the wait for others of a commit


def run(name: str, *arguments: object) -> dict[str, Any]:
    """Run a floor to its end; return the facts that it printed."""
    done = subprocess.run(command(name, *arguments), check=True, capture_output=True, cwd=ROOT)  # noqa: S603 - our own interpreter
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


@contextmanager
def site(name: str, *arguments: object) -> Iterator[tuple[int, int]]:
    """Serve a floor's site; yield its port and its process id."""
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        command(name, *arguments), stdin=pipe, stdout=pipe, cwd=ROOT
    ) as process:
        assert process.stdout
        yield int(process.stdout.readline()), process.pid


def send(path: str, url: str, senders: str, votes: str) -> dict[str, Any]:
    """POST an issue's bodies with raw rows and no ledger, over kept connections; TLS ones are new.

    Its mail has links to vote on so many comparisons of an issue as *votes* says.
    """
    place = urlsplit(url)
    context = ssl.create_default_context() if place.scheme == "https" else None
    tags, html = VOTES[: int(votes)], HTML if int(votes) else PLAIN
    rows = sqlite3.connect(path, check_same_thread=False)
    turn = threading.Lock()
    last = 0

    def work() -> None:
        nonlocal last
        connection = HTTPConnection(place.netloc)
        while True:
            if context is not None:
                connection.close()
                connection = HTTPSConnection(place.netloc, context=context)
            with turn:
                page = rows.execute(
                    "SELECT s.id, s.address FROM subscription p JOIN subscriber s"
                    " ON s.id = p.subscriber_id WHERE p.subscriber_id > ? AND p.newsletter ="
                    " 'weekly' AND p.standing = 'confirmed' ORDER BY p.subscriber_id LIMIT 1000",
                    (last,),
                ).fetchall()
                if not page:
                    return
                last = page[-1][0]
            connection.request("POST", "/v3/mail/send", _mail_send_body(page, tags, html))
            assert connection.getresponse().read() == b""

    began = time.perf_counter()
    with ThreadPoolExecutor(int(senders)) as pool:
        for worker in [pool.submit(work) for _ in range(int(senders))]:
            worker.result()
    return {"all": time.perf_counter() - began}


def _mail_send_body(
    page: list[tuple[int, str]], votes: list[str] = VOTES, html: str = HTML
) -> bytes:
    """Return a body of the product's form and size: one keyed hash a reader fills every link."""
    readers = []
    for number, address in page:
        mac = blake2b(b"%d" % number, key=b"floor", digest_size=64).hexdigest()
        leave, prefer = mac[:40], mac[40:92]
        headers = {
            "List-Unsubscribe": f"<https://news.example.com/u/{leave}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
        tags = {"-digest_unsubscribe_token-": leave, "-digest_preferences_token-": prefer}
        for place, tag in enumerate(votes):
            tags[tag] = mac[place : place + 56]
        readers.append(
            {
                "to": [{"email": address}],
                "headers": headers,
                "substitutions": tags,
                "custom_args": {"digest_delivery": str(number)},
            }
        )
    off = {"enable": False}
    return orjson.dumps(
        {
            "personalizations": readers,
            "from": {"email": "us@example.com", "name": "Us"},
            "subject": "Benchmark",
            "content": [
                {"type": "text/plain", "value": "text"},
                {"type": "text/html", "value": html},
            ],
            "custom_args": {"digest_issue": "weekly-1", "digest_batch": "0" * 32},
            "tracking_settings": {"click_tracking": off, "open_tracking": off},
        }
    )


def workers(dsn: str, url: str, threads: str) -> dict[str, Any]:
    """Take the steps of a send by bare statements, once standard input says so.

    They are those of the product's ledger: claim, read, start, POST, settle; each is durable.
    """
    import psycopg

    def work() -> None:
        connection = HTTPConnection(urlsplit(url).netloc)
        with psycopg.connect(dsn) as raw:
            ready.wait()
            while (claimed := _claim(raw)) is not None:
                key, page = claimed
                with raw.transaction():
                    raw.execute("UPDATE batch SET state = 'started' WHERE attempt = %s", [key])
                    raw.execute("UPDATE attempt SET started_at = now() WHERE key = %s", [key])
                connection.request("POST", "/v3/mail/send", _mail_send_body(page))
                assert connection.getresponse().read() == b""
                with raw.transaction():
                    raw.execute("UPDATE batch SET state = 'accepted' WHERE attempt = %s", [key])
                    raw.execute("UPDATE attempt SET settled_at = now() WHERE key = %s", [key])

    ready = threading.Barrier(int(threads) + 1)
    with ThreadPoolExecutor(int(threads)) as pool:
        working = [pool.submit(work) for _ in range(int(threads))]
        print("ready", flush=True)
        sys.stdin.readline()
        ready.wait()
        for worker in working:
            worker.result()
    return {}


def _claim(raw: Any) -> tuple[str, list[tuple[int, str]]] | None:
    """Claim the next batch; return the attempt's key, and the readers."""
    with raw.transaction():
        row = raw.execute(
            "SELECT id, first_delivery, last_delivery FROM batch WHERE edition_id = 1"
            " AND state = 'pending' ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED"
        ).fetchone()
        if row is None:
            return None
        key = os.urandom(16).hex()
        raw.execute(
            "UPDATE batch SET state = 'claimed', attempt = %s, attempts = 1 WHERE id = %s",
            [key, row[0]],
        )
        raw.execute(
            "INSERT INTO attempt (key, batch_id, number, owner, claimed_at, lease_until, detail)"
            " VALUES (%s, %s, 1, '', now(), now(), '')",
            [key, row[0]],
        )
        page = raw.execute(
            "SELECT d.id, s.address FROM delivery d JOIN subscriber s ON s.id = d.subscriber_id"
            " WHERE d.id BETWEEN %s AND %s AND d.outcome IS NULL",
            row[1:],
        ).fetchall()
    return key, page


def events(path: str, file: str, public_key: str) -> dict[str, Any]:
    """Verify the signed posts, insert each event once and move its delivery; a commit a post."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    from benchmarks.storm import posts

    public = load_der_public_key(b64decode(public_key))
    assert isinstance(public, EllipticCurvePublicKey)
    raw = _durable(path)
    raw.execute("PRAGMA cache_size=-16000")
    began = time.perf_counter()
    for body, signature, timestamp in posts(Path(file)):
        public.verify(b64decode(signature), timestamp.encode() + body, ECDSA(SHA256()))
        parsed = orjson.loads(body)
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany(
            "INSERT OR IGNORE INTO mail_event"
            " (delivery_id, kind, moment, link, edition_id, machine, cause, detail)"
            " VALUES (?, ?, ?, ?, 1, 0, '', '')",
            [
                (int(e["digest_delivery"]), e["event"], e["timestamp"], hash(e.get("url", "")))
                for e in parsed
            ],
        )
        raw.executemany(
            "UPDATE delivery SET news = ?, news_at = ? WHERE id = ?",
            [
                (e["event"], e["timestamp"], int(e["digest_delivery"]))
                for e in parsed
                if e["event"] not in ("open", "click")
            ],
        )
        raw.execute("COMMIT")
    return {"all": time.perf_counter() - began}


def importing(path: str, file: str) -> dict[str, Any]:
    """Put a list's rows into the product's tables; reading the list isn't measured."""
    with Path(file).open(encoding="utf-8") as lines:
        addresses = [line[0] for line in islice(csv.reader(lines), 1, None)]
    rows = enumerate(addresses, start=1)
    raw = _durable(path)
    raw.execute("PRAGMA foreign_keys=ON")
    began = time.perf_counter()
    while part := list(islice(rows, CHUNK)):
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany(
            "INSERT INTO subscriber (id, address, address_key, language, created_at)"
            " VALUES (?, ?, ?, 'en', '2026-11-24')",
            [(number, address, address) for number, address in part],
        )
        raw.executemany(
            "INSERT INTO subscription (subscriber_id, newsletter, standing, source, since)"
            " VALUES (?, 'weekly', 'confirmed', 'import (plain)', '2026-11-24')",
            [(number,) for number, _ in part],
        )
        raw.executemany(
            "INSERT INTO consent (subscriber_id, newsletter, act, channel, form, language, at)"
            " VALUES (?, 'weekly', 'imported', 'import', '', 'en', '2026-11-24')",
            [(number,) for number, _ in part],
        )
        raw.execute("COMMIT")
    return {"all": time.perf_counter() - began}


def mjml_call(file: str, times: str) -> dict[str, Any]:
    """Compile a file of MJML so many times; `times` are in milliseconds."""
    import mjml

    source = Path(file).read_text("utf-8")
    took = []
    for _ in range(int(times)):
        began = time.perf_counter()
        mjml.mjml2html(source, fonts={})
        took.append((time.perf_counter() - began) * 1000)
    return {"times": took}


def no_work() -> Any:
    """Return a site that reads the body and answers."""
    from starlette.responses import HTMLResponse

    async def answer() -> HTMLResponse:
        return HTMLResponse(PAGE)

    return _subscribe(answer)


def turning_away() -> Any:
    """Return a site that reads the body and says no."""
    from starlette.responses import PlainTextResponse

    async def answer() -> PlainTextResponse:
        return PlainTextResponse("no", 429)

    return _subscribe(answer)


def one_row(folder: str) -> Any:
    """Return a site that writes one row for each post, those that wait in one durable commit."""
    from starlette.responses import HTMLResponse

    raw = _durable(f"{folder}/floor.db")
    raw.execute("CREATE TABLE signup (address TEXT UNIQUE, at TEXT)")
    pool, numbers = ThreadPoolExecutor(1), count()
    rows: list[tuple[str, str]] = []
    full, commit = asyncio.Event(), None

    def insert(part: list[tuple[str, str]]) -> None:
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany("INSERT OR IGNORE INTO signup VALUES (?, ?)", part)
        raw.execute("COMMIT")

    async def commit_together() -> None:
        nonlocal commit
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHERING):
                await full.wait()
        part, commit = rows.copy(), None
        rows.clear()
        full.clear()
        await asyncio.get_running_loop().run_in_executor(pool, insert, part)

    async def answer() -> HTMLResponse:
        nonlocal commit
        rows.append((f"reader{next(numbers)}@example.com", "now"))
        if len(rows) >= ENOUGH:
            full.set()
        if commit is None:
            commit = asyncio.ensure_future(commit_together())
        await commit
        return HTMLResponse(PAGE)

    return _subscribe(answer)


def _subscribe(answer: Any) -> Any:
    """Return a site that reads a form post whole, and answers as told."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def endpoint(request: Request) -> Response:
        await request.body()
        response: Response = await answer()
        return response

    return Starlette(routes=[Route("/subscribe", endpoint, methods=["POST"])])


def _durable(path: str) -> sqlite3.Connection:
    raw = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        raw.execute(f"PRAGMA {pragma}")
    return raw


def command(name: str, *arguments: object) -> list[str]:
    """Return what starts a floor."""
    return [sys.executable, "-m", "benchmarks.floors", name, *map(str, arguments)]


def _serve(app: Any) -> None:
    """Serve until standard input ends, as it does with the process that started this one."""
    import socket

    import uvicorn

    # With the protocol named, asyncio sets TCP_NODELAY; else each response waits 40 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(2048)
    print(sock.getsockname()[1], flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    gc.freeze()
    config = uvicorn.Config(
        app, log_level="error", access_log=False, http="httptools", loop="asyncio"
    )
    uvicorn.Server(config).run(sockets=[sock])


def peak_mb() -> float:
    """Return this process's own peak; what getrusage tells is inherited from its starter."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main(name: str, *arguments: str) -> None:
    """Be one floor."""
    runs: dict[str, Any] = {
        "send": send,
        "events": events,
        "importing": importing,
        "mjml": mjml_call,
        "workers": workers,
    }
    sites: dict[str, Any] = {
        "no-work": no_work,
        "one-row": one_row,
        "turning-away": turning_away,
        "reload": reloading,
    }
    if name in sites:
        app = sites[name](*arguments)
        _require_raw()
        _serve(app)
        return
    facts = runs[name](*arguments)
    _require_raw()
    print(json.dumps({**facts, "cpu": time.process_time(), "peak_mb": peak_mb()}))


def _require_raw() -> None:
    product = [name for name in sys.modules if name.startswith(("digest", "subscribers"))]
    assert not product, f"a floor runs product code: {product[:3]}"


if __name__ == "__main__":
    main(*sys.argv[1:])
