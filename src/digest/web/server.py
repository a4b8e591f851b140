"""Serve the site over HTTP, in the foreground or in a thread beside a process's other work.

This module hides how connections are bounded: how many there are, how many are accepted at once,
and how long and how large a request's head may be. uvicorn and its parser set none of these. It
also offers the application each request as a whole exchange, which saves a third of an answer.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from errno import EADDRINUSE, EMFILE, ENFILE, ENOBUFS, ENOMEM
from http import HTTPStatus
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from digest.errors import BadSetting
from subscribers.web import HEADERS, WHOLE

log = logging.getLogger(__name__)

START_SECONDS = 10.0
BACKLOG = 1024  #: connections that wait to be accepted; a flood opens hundreds at once
#: The longest a thread beside the site waits for the interpreter lock. A batch takes the lock
#: dozens of times: with Python's default of 5 ms, a send beside a flooded site ran at a tenth of
#: its rate.
SWITCH_SECONDS = 0.0002
_EXHAUSTED = (EMFILE, ENFILE, ENOBUFS, ENOMEM)
MOST_HEAD = 32_768  #: bytes of request line and headers
HEAD_SECONDS = 10.0  #: from the connection, or the previous response, to the end of a head
MOST_CONNECTIONS = 4096
TAKEN_AT_ONCE = 64  #: connections accepted in one pass of the loop; each is counted a pass later
#: Divisors of the process's file descriptors: the sender and the database need some too.
_SHARE, _SHARE_AT_ONCE = 2, 16
COMPLAINT_SECONDS = 60.0  #: between two log lines on connections that can't be accepted


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """Return a socket that listens on *port* (0: a free one); raises `BadSetting`.

    *host* is an address of this machine or a name for one; ``::`` is every address, IPv4's too.
    A client that connects before the site has started waits in the backlog.
    """
    address = host.strip("[]")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with ExitStack() as unless_listening:
        try:
            # With the protocol named, asyncio sets TCP_NODELAY; else each response waits 40 ms.
            sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            unless_listening.callback(sock.close)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family is socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind((address, port))
            sock.listen(BACKLOG)
        except OSError as fault:
            raise _cannot_listen(fault, port, host) from None
        unless_listening.pop_all()
    return sock


def _cannot_listen(fault: OSError, port: int, host: str) -> BadSetting:
    if fault.errno == EADDRINUSE:
        return BadSetting(
            f"something else answers on port {port} already",
            next_step="end it, or give another port: --port 0 takes a free one",
        )
    return BadSetting(
        f"can't listen on {host}, port {port}: {fault.strerror}",
        next_step="give an address of this machine, such as --host 127.0.0.1 or --host ::1, and"
        " a port above 1023",
    )


def url_of(sock: socket.socket) -> str:
    """Return the URL of a site on this socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(asgi: Any, sock: socket.socket, *, at_exit: Callable[[], None] = lambda: None) -> None:
    """Serve until a signal comes; *at_exit* then ends the responses that never end themselves."""
    _Server(asgi, at_exit).run(sockets=[sock])


@contextmanager
def serve_in_thread(
    asgi: Any, sock: socket.socket, *, at_exit: Callable[[], None] = lambda: None
) -> Iterator[str]:
    """Serve in a thread for the length of a ``with`` block, and yield the URL."""
    server = _Server(asgi, at_exit)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="site")
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    thread.start()
    try:
        yield url_of(sock)
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        sock.close()
        sys.setswitchinterval(before)


class Connections(ServerState):
    """The state that one server's connections share: their limits, and which to close first."""

    def __init__(self) -> None:
        super().__init__()
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if descriptors == resource.RLIM_INFINITY:
            descriptors = MOST_CONNECTIONS * _SHARE
        self.most = min(MOST_CONNECTIONS, descriptors // _SHARE)
        self.at_once = min(TAKEN_AT_ONCE, descriptors // _SHARE_AT_ONCE)
        self.idle: dict[Connection, None] = {}  #: those without a whole head, oldest first

    def make_room(self) -> None:
        """Abort the connection that has waited longest for its head, if there are too many.

        A client that sends its request at once is thus answered, however many send nothing.
        """
        if len(self.connections) > self.most:
            next(iter(self.idle)).cut()


class Connection(HttpToolsProtocol):
    """A connection that closes on a head too large or too late; httptools bounds neither."""

    server_state: Connections
    _head = 0  #: bytes of the head so far
    _in_body = _moved = False
    _deadline = 0.0  #: of the head that is awaited, in the loop's time
    _timer: asyncio.TimerHandle | None = None  #: runs at most once in `HEAD_SECONDS`

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timeout for a head, and make room if there are too many connections."""
        super().connection_made(cast(asyncio.Transport, transport))
        self._await_head()
        self.server_state.make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timer."""
        self._end_wait()
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse *data*, and count its bytes until the head is whole."""
        self._moved = False
        super().data_received(data)
        self._head = 0 if self._in_body or self._moved else self._head + len(data)
        if self._head > MOST_HEAD and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Await no head, since it is whole."""
        self._in_body = self._moved = True
        self._end_wait()
        super().on_headers_complete()
        cycle = self.cycle
        # Else it asks for another protocol, or to end the connection, which is uvicorn's to do.
        if cycle is not None and cycle.scope is self.scope and self.parser.should_keep_alive():
            scope: dict[str, Any] = cast(dict[str, Any], self.scope)
            scope["extensions"] = {WHOLE: _Exchange(cycle)}

    def on_message_complete(self) -> None:
        """Reset the count, since a head comes next."""
        # The bytes that came with this end were body: they may be many, and belong to no head.
        self._in_body, self._moved = False, True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Start the timeout for the next head."""
        super().on_response_complete()
        if self.timeout_keep_alive_task is not None:  # no pipelined request waits
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        """Return 400 for bytes that are no HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def cut(self) -> None:
        """Abort the connection at once, even if the client doesn't read what was written."""
        self._end_wait()
        self.transport.abort()

    def _await_head(self) -> None:
        self._end_wait()
        self.server_state.idle[self] = None
        self._deadline = self.loop.time() + HEAD_SECONDS
        if self._timer is None:
            self._timer = self.loop.call_at(self._deadline, self._close_if_late)

    def _end_wait(self) -> None:
        self.server_state.idle.pop(self, None)

    def _close_if_late(self) -> None:
        """Close the connection if it still awaits its head; else look again when that is due."""
        self._timer = None
        if self not in self.server_state.idle:
            return
        if self.loop.time() >= self._deadline:
            self.transport.close()
        else:
            self._timer = self.loop.call_at(self._deadline, self._close_if_late)

    def _refuse(self, status: HTTPStatus, words: str = "") -> None:
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": str(len(words)),
            "Connection": "close",
            **HEADERS,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        response = f"HTTP/1.1 {status.value} {status.phrase}\r\n{head}\r\n{words}"
        self.transport.write(response.encode("ascii"))
        self.transport.close()


class _Exchange:
    """A request's body and its response, each in one piece; uvicorn takes both part by part.

    It would also look at each header by itself, and write the head and the body apart.
    """

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def body(self) -> bytes | None:
        """Return the request's body if all of it has come."""
        cycle = self._cycle
        return None if cycle.more_body or cycle.disconnected else bytes(cycle.body)

    def respond(self, status: int, head: bytes, body: bytes) -> bool:
        """Write a response and end the request.

        Return false where the client reads too slowly, or the connection has to end.
        """
        cycle = self._cycle
        if cycle.response_started or cycle.flow.write_paused or not cycle.keep_alive:
            return False
        if cycle.disconnected:
            return True
        common = b"".join([b"%b: %b\r\n" % header for header in cycle.default_headers])
        cycle.response_started = cycle.response_complete = True
        cycle.transport.write(b"".join((STATUS_LINE[status], common, head, b"\r\n", body)))
        cycle.message_event.set()
        cycle.on_response()
        # Else scope, exchange and cycle would hold one another until they are searched for.
        cast(dict[str, Any], cycle.scope).pop("extensions")
        return True


class _Server(uvicorn.Server):
    def __init__(self, asgi: Any, at_exit: Callable[[], None]) -> None:
        connections = Connections()
        super().__init__(_config(asgi, at_once=connections.at_once))
        self.server_state = connections
        self._at_exit = at_exit

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(AcceptErrorHandler())
        await super().startup(sockets)
        for sock in sockets or ():
            sock.listen(BACKLOG)  # asyncio has set the backlog to what it accepts at once

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._at_exit()
        await super().shutdown(sockets)


class AcceptErrorHandler:
    """A loop exception handler that logs failed accepts once a minute; asyncio logs each."""

    _next = 0.0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log a failed accept; pass any other exception to the default handler."""
        fault = context.get("exception")
        if not (isinstance(fault, OSError) and fault.errno in _EXHAUSTED):
            loop.default_exception_handler(context)
        elif loop.time() >= self._next:
            self._next = loop.time() + COMPLAINT_SECONDS
            log.error("no connection can be taken: %s; next: raise LimitNOFILE", fault.strerror)


def _config(asgi: Any, *, at_once: int) -> uvicorn.Config:
    return uvicorn.Config(
        asgi,
        log_level="error",  # any client can cause a warning with each request
        access_log=False,  # its lines would hold readers' links
        proxy_headers=False,  # DIGEST_TRUSTED_PROXIES says which proxies are believed
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=5,
        http=Connection,
        loop="asyncio",  # uvloop accepts one connection a pass: a new one waits behind a burst
        backlog=at_once,
    )
