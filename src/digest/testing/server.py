"""The server: sockets on 127.0.0.1, one task a connection."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import h11

from digest.testing import reading
from digest.testing.ledger import Ledger
from digest.testing.mailsend import Limit, MailSend
from digest.testing.message import Reply, Request, errors, facts
from digest.testing.options import Options
from digest.testing.steps import Send
from digest.testing.wire import Gone, TooLarge, Wire

HOST = "127.0.0.1"
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_CONNECTIONS = 1000
access_log = logging.getLogger("digest.fake_sendgrid")


@dataclass
class Tally:
    """What reached the server since it began, accepted or not."""

    connections: int = 0
    sends: int = 0  #: Mail Send requests that began to arrive
    answers: Counter[str] = field(default_factory=Counter)  #: by status, of those that were read


class FakeSendGrid:
    """Everything one running fake works with."""

    def __init__(self, options: Options, clock: Callable[[], float] = time.time) -> None:
        self.options = options
        self.ledger = Ledger(Path(options.ledger))
        self.mail_send = MailSend(
            options=options,
            ledger=self.ledger,
            clock=clock,
            limit=Limit(options.rate_limit),
            refused=lambda _: [],
        )
        self.tally = Tally()

    async def answer(self, request: Request) -> Reply:
        """Answer one request, whatever its path."""
        if request.path.startswith("/v3/"):
            return self.mail_send.answer(request)
        if not _from_here(request):
            return errors(403, "only pages and programs of this machine may ask")
        if request.method == "POST" and request.path == "/_fake/reset":
            self.ledger.clear()
            self.tally = Tally()
            return facts({})
        if request.method not in {"GET", "HEAD"}:
            return errors(405, "method not allowed")
        if request.path == "/_fake/arrived":
            return facts(vars(self.tally))
        return await asyncio.to_thread(reading.answer, self.ledger.path, request)


def listen(port: int) -> socket.socket:
    """Open the listening socket on 127.0.0.1; port 0 takes a free one."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    sock.bind((HOST, port))
    sock.listen(128)
    return sock


async def serve(options: Options, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; *ready* is told the URL once requests are answered."""
    fake = FakeSendGrid(options)
    listening = listen(options.port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ready(f"http://{HOST}:{listening.getsockname()[1]}")
    accepting = asyncio.create_task(_accept(fake, listening))
    try:
        await stop.wait()
    finally:
        accepting.cancel()
        await asyncio.gather(accepting, return_exceptions=True)
        listening.close()
        fake.ledger.close()


async def _accept(fake: FakeSendGrid, listening: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    room = asyncio.Semaphore(MAX_CONNECTIONS)
    async with asyncio.TaskGroup() as tasks:
        while True:
            await room.acquire()
            sock, _ = await loop.sock_accept(listening)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            fake.tally.connections += 1
            tasks.create_task(_converse(fake, sock)).add_done_callback(lambda _: room.release())


async def _converse(fake: FakeSendGrid, sock: socket.socket) -> None:
    """Answer the requests of one connection until either side ends it."""
    wire = Wire(sock)
    try:
        while await wire.peek():
            await _exchange(fake, wire)
            if not wire.ready_for_next():
                break
    except (Gone, TimeoutError):
        pass
    except h11.RemoteProtocolError:
        await wire.refuse_early(errors(400, "Bad Request"))
    except TooLarge:
        fake.tally.answers["413"] += 1
        await wire.refuse_early(errors(413, "The payload is too large."))
    finally:
        wire.close()


async def _exchange(fake: FakeSendGrid, wire: Wire) -> None:
    began = time.monotonic()
    request = await wire.read(body_cap=fake.options.body_cap)
    reply = await fake.answer(request)
    data = wire.encode(reply, head_only=request.method == "HEAD")
    await wire.act([Send(data)])
    _log(request, reply.status, time.monotonic() - began)
    if request.path.startswith("/v3/"):
        fake.tally.sends += 1
        fake.tally.answers[str(reply.status)] += 1


def _log(request: Request, status: int, seconds: float) -> None:
    # The path alone: a query may hold an address.
    access_log.info(
        "%s %s %s %s bytes %.0f ms",
        request.method, request.path, status, len(request.body), seconds * 1000,
    )  # fmt: skip


def _from_here(request: Request) -> bool:
    """Refuse what a page of another site makes a browser ask (rebinding, cross-site posts)."""
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    origin = urlsplit(request.headers.get("origin", "")).hostname
    return host in LOCAL_NAMES and (origin is None or origin in LOCAL_NAMES)
