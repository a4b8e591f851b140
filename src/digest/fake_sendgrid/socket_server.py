"""The socket server: connections on 127.0.0.1, one asyncio task each, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import h11

from digest.errors import BadSetting
from digest.fake_sendgrid.fake_app import FakeSendGrid
from digest.fake_sendgrid.faults.catalogue import Fault, FaultKind
from digest.fake_sendgrid.faults.effects import fault_steps
from digest.fake_sendgrid.http.connection import BodyTooLarge, ConnectionGone, FaultyConnection
from digest.fake_sendgrid.http.http_message import HttpRequest, error_response
from digest.fake_sendgrid.http.wire_steps import WriteBytes
from digest.fake_sendgrid.options import Options

HOST = "127.0.0.1"
MAX_CONNECTIONS = 1000
access_log = logging.getLogger("digest.fake_sendgrid")


def listen(port: int) -> socket.socket:
    """Return a socket that listens on 127.0.0.1; port 0 picks a free port.

    Raise `BadSetting` when the port is taken.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    try:
        sock.bind((HOST, port))
    except OSError as fault:
        sock.close()
        raise BadSetting(
            f"port {port} can't be opened: {fault.strerror}; name another, or 0 for a free one"
        ) from None
    sock.listen(128)
    return sock


async def serve(options: Options, ready: Callable[[str, str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    *ready* is called with the URL and the public key of the events (base64 of DER) once the server
    accepts requests. Raise `BadSetting` where the port or the ledger can't be opened.
    """
    listening = listen(options.port)
    fake = FakeSendGrid(options)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ready(f"http://{HOST}:{listening.getsockname()[1]}", fake.poster.signer.public_key)
    tasks = [asyncio.create_task(_accept(fake, listening)), asyncio.create_task(fake.work())]
    try:
        await stop.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        listening.close()
        fake.ledger.close()


async def _accept(fake: FakeSendGrid, listening: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    slots = asyncio.Semaphore(MAX_CONNECTIONS)
    async with asyncio.TaskGroup() as tasks:
        while True:
            await slots.acquire()
            sock, _ = await loop.sock_accept(listening)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            fake.tally.connections += 1
            tasks.create_task(_converse(fake, sock)).add_done_callback(lambda _: slots.release())


async def _converse(fake: FakeSendGrid, sock: socket.socket) -> None:
    """Answer the requests of one connection until either side closes it."""
    wire = FaultyConnection(sock)
    try:
        while start := await wire.peek():
            await _exchange(fake, wire, fake.fault(start))
            if not wire.ready_for_next():
                break
    except (ConnectionGone, TimeoutError):
        pass
    except h11.RemoteProtocolError:
        await wire.refuse_early(error_response(400, "Bad Request"))
    except BodyTooLarge:
        fake.tally.answers["413"] += 1
        await wire.refuse_early(error_response(413, "The payload is too large."))
    except Exception as fault:  # a bug here must not end the other connections
        access_log.error("a request broke the fake: %s", _where(fault))
        await wire.refuse_early(error_response(500, "the fake SendGrid broke; its log says where"))
    finally:
        wire.close()


async def _exchange(fake: FakeSendGrid, wire: FaultyConnection, fault: Fault | None) -> None:
    """Read one request and answer it, or do what *fault* says instead."""
    began = time.monotonic()
    cuts = fault is not None and fault.kind is FaultKind.CUT_REQUEST
    cut_at = fault.settings["at"] if fault and cuts else None
    request = await wire.read(body_cap=fake.options.body_cap, cut_at=cut_at)
    reply = await fake.reply(request, fault)
    data = wire.encode(reply, head_only=request.method == "HEAD")
    try:
        await wire.act(fault_steps(fault, data) if fault else [WriteBytes(data)])
    finally:
        _log(request, reply.status, fault, time.monotonic() - began)


def _log(request: HttpRequest, status: int, fault: Fault | None, seconds: float) -> None:
    # The path alone: a query may hold an address.
    access_log.info(
        "%s %s %s %s bytes %.0f ms%s",
        request.method, request.path, status, len(request.body), seconds * 1000,
        f", fault: {fault.kind}" if fault else "",
    )  # fmt: skip


def _where(fault: BaseException) -> str:
    # The message alone could hold an address.
    frame = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{type(fault).__name__} in {Path(frame.filename).name}, line {frame.lineno}"
