"""One HTTP/1.1 connection, byte by byte: how requests are read and steps are performed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

import h11

from digest.fake_sendgrid.http.http_message import HttpRequest, HttpResponse
from digest.fake_sendgrid.http.wire_steps import (
    CloseConnection,
    Hang,
    Kill,
    Pause,
    Step,
    WriteBytes,
)

#: Bytes that show whether a request is a Mail Send; no more, so that it can be cut early.
PEEK = len("POST /v3/mail/send")
CHUNK = 262_144
IDLE_SECONDS = 75
READ_SECONDS = 300
DISCARD_BYTES = 100_000_000


class ConnectionGone(Exception):
    """The other side has closed the connection, or a fault has."""


class BodyTooLarge(Exception):
    """The body is larger than the cap in bytes."""


class FaultyConnection:
    """A server-side connection: requests are read from its socket, steps written to it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._http = h11.Connection(h11.SERVER)
        self._loop = asyncio.get_running_loop()
        self._received = 0
        self.open = True

    async def peek(self) -> bytes:
        """Return the first bytes of the next request; empty at the end or after 75 idle seconds."""
        waiting, _ = self._http.trailing_data
        if waiting:
            self._received = len(waiting)
            return bytes(waiting[:PEEK])
        first = b""
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                while len(first) < PEEK and (data := await self._receive(PEEK - len(first))):
                    first += data
        except (OSError, TimeoutError):
            return b""
        self._received = len(first)
        if first:
            self._http.receive_data(first)
        return first

    async def _receive(self, limit: int) -> bytes:
        return await self._loop.sock_recv(self._sock, limit)

    async def read(self, *, body_cap: int, cut_at: int | None = None) -> HttpRequest:
        """Return the next complete request; with *cut_at*, reset the connection at that byte.

        Raise `ConnectionGone`, `BodyTooLarge` over *body_cap* bytes, `TimeoutError` after 300
        seconds, or h11's `RemoteProtocolError` for what isn't HTTP.
        """
        head: h11.Request | None = None
        body: list[bytes] = []
        size = 0
        async with asyncio.timeout(READ_SECONDS):
            while True:
                event = await self._next_event(cut_at)
                if isinstance(event, h11.Request):
                    head = event
                    if _announced(head) > body_cap:
                        raise BodyTooLarge
                elif isinstance(event, h11.Data):
                    size += len(event.data)
                    if size > body_cap:
                        raise BodyTooLarge
                    body.append(event.data)
                elif isinstance(event, h11.EndOfMessage) and head:
                    return _request(head, b"".join(body))
                else:
                    raise ConnectionGone

    async def _next_event(self, cut_at: int | None) -> object:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                await self._send_event(h11.InformationalResponse(status_code=100, headers=[]))
            await self._more(cut_at)

    async def _more(self, cut_at: int | None) -> None:
        limit = CHUNK if cut_at is None else min(CHUNK, cut_at - self._received)
        if limit <= 0:
            self.close(reset=True)
            raise ConnectionGone
        try:
            data = await self._receive(limit)
        except OSError:
            raise ConnectionGone from None
        self._received += len(data)
        self._http.receive_data(data)

    async def _send_event(self, event: h11.Event) -> None:
        await self._loop.sock_sendall(self._sock, self._http.send(event) or b"")

    def encode(self, reply: HttpResponse, *, head_only: bool = False) -> bytes:
        """Return the bytes of an answer; afterwards the next request may be read."""
        length = ("Content-Length", str(len(reply.body)))
        headers = [*reply.headers, *([] if reply.status in {204, 304} else [length])]
        response = h11.Response(
            status_code=reply.status,
            headers=[(name.encode(), text.encode("latin-1", "replace")) for name, text in headers],
            reason=_reason(reply.status),
        )
        data = self._http.send(response)
        if reply.body and not head_only:
            data += self._http.send(h11.Data(data=reply.body))
        return data + self._http.send(h11.EndOfMessage())

    def ready_for_next(self) -> bool:
        """Prepare for another request; return false when the connection carries no more."""
        if not self.open or self._http.our_state is not h11.DONE:
            return False
        if self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def act(self, steps: Iterable[Step]) -> None:
        """Perform the steps in order; raise `ConnectionGone` when the other side has closed."""
        try:
            for step in steps:
                await self._do(step)
                if not self.open:
                    return
        except OSError:
            raise ConnectionGone from None

    async def _do(self, step: Step) -> None:
        if isinstance(step, WriteBytes):
            await self._loop.sock_sendall(self._sock, step.data)
        elif isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, Hang):
            await self._wait_for_end(step.seconds)
            self.close()
        elif isinstance(step, Kill):
            os.kill(step.pid, signal.SIGKILL)
        elif isinstance(step, CloseConnection):
            self.close(reset=step.reset)

    async def _wait_for_end(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while await self._loop.sock_recv(self._sock, CHUNK):
                    pass
        except TimeoutError:
            pass

    async def refuse_early(self, reply: HttpResponse, *, seconds: float = 5) -> None:
        """Answer an unread request: discard its rest for some *seconds*, so the answer arrives."""
        left = DISCARD_BYTES
        try:
            await self._loop.sock_sendall(self._sock, self.encode(reply))
            self._sock.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(seconds):
                while left > 0 and (data := await self._loop.sock_recv(self._sock, CHUNK)):
                    left -= len(data)
        except (OSError, TimeoutError, h11.LocalProtocolError):
            pass
        self.close()

    def close(self, *, reset: bool = False) -> None:
        """Close the socket if it is open; *reset* sends RST in place of FIN."""
        if not self.open:
            return
        self.open = False
        if reset:
            linger = struct.pack("ii", 1, 0)
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._sock.close()


def _announced(head: h11.Request) -> int:
    lengths = [value for name, value in head.headers if name == b"content-length"]
    return int(lengths[0]) if lengths else 0


def _request(head: h11.Request, body: bytes) -> HttpRequest:
    path, _, query = head.target.decode("latin-1").partition("?")
    return HttpRequest(
        method=head.method.decode("latin-1"),
        path=unquote(path),
        query=dict(parse_qsl(query, max_num_fields=50)),
        headers={name.decode("latin-1"): text.decode("latin-1") for name, text in head.headers},
        body=body,
    )


def _reason(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b"Whatever"
