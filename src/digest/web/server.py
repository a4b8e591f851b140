"""Serves the site: in the foreground, or beside other work of one process."""

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
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from digest.errors import BadSetting
from digest.web.security_headers import HEADERS

log = logging.getLogger(__name__)

START_SECONDS = 10.0
BACKLOG = 1024  #: connections that wait to be taken; a flood opens hundreds at once
#: A thread beside the site waits at most so long for its turn. Senders take dozens a batch: at
#: Python's 5 ms, a send beside a flooded site went at a tenth of its rate.
SWITCH_SECONDS = 0.0002
_EXHAUSTED = (EMFILE, ENFILE, ENOBUFS, ENOMEM)
MOST_HEAD = 32_768  #: bytes of request line and headers
HEAD_SECONDS = 10.0  #: from the connection, or from the answer before, to the end of a head
MOST_CONNECTIONS = 4096
TAKEN_AT_ONCE = 64  #: connections taken in one turn of the loop; each waits a turn to be counted
#: Parts of the process's file descriptors: the sender and the database need some too.
_SHARE, _SHARE_AT_ONCE = 2, 16
COMPLAINT_SECONDS = 60.0  #: between two lines on connections that can't be taken


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """Take a port (0: a free one); who asks before the site has started waits for its answer.

    *host* is an address of this machine or a name for one; ``::`` is every one, IPv4's too.
    Raises `BadSetting`.
    """
    address = host.strip("[]")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with ExitStack() as unless_listening:
        try:
            # With the protocol named, asyncio switches Nagle off; else each answer waits 40 ms.
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
    """Return where a site on this socket is."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(asgi: Any, sock: socket.socket, *, at_exit: Callable[[], None] = lambda: None) -> None:
    """Serve until a signal ends it; *at_exit* then ends answers that would go on for ever."""
    _Server(asgi, at_exit).run(sockets=[sock])


@contextmanager
def served(
    asgi: Any, sock: socket.socket, *, at_exit: Callable[[], None] = lambda: None
) -> Iterator[str]:
    """Serve in a thread for the length of a block; yields the URL."""
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
    """What the connections of one server share: how many there may be, and which can go first."""

    def __init__(self) -> None:
        super().__init__()
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if descriptors == resource.RLIM_INFINITY:
            descriptors = MOST_CONNECTIONS * _SHARE
        self.most = min(MOST_CONNECTIONS, descriptors // _SHARE)
        self.at_once = min(TAKEN_AT_ONCE, descriptors // _SHARE_AT_ONCE)
        self.idle: dict[Connection, None] = {}  #: those that owe a head, the oldest first

    def make_room(self) -> None:
        """For a newcomer, cut the connection that has owed its head longest if there are too many.

        So who asks at once is answered, however many say nothing.
        """
        if len(self.connections) > self.most:
            next(iter(self.idle)).cut()


class Connection(HttpToolsProtocol):
    """Hangs up on a head that goes on and on, or doesn't come: the parser itself sets no bound."""

    server_state: Connections
    _head = 0  #: bytes of a head that hasn't ended yet
    _in_body = _moved = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a head, and make room if there are too many."""
        super().connection_made(cast(asyncio.Transport, transport))
        self._await_head()
        self.server_state.make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and count it while no head is whole."""
        self._moved = False
        super().data_received(data)
        self._head = 0 if self._in_body or self._moved else self._head + len(data)
        if self._head > MOST_HEAD and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """End the wait: the head is whole."""
        self._in_body = self._moved = True
        self._head_came()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Count from anew: a head comes next."""
        # What came with this end was body: it may be a large piece, and is no head's.
        self._in_body, self._moved = False, True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begin to wait for the next head."""
        super().on_response_complete()
        if self.timeout_keep_alive_task is not None:  # no request waits behind this one
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def cut(self) -> None:
        """Hang up at once, even on who doesn't read what was written."""
        self._head_came()
        self.transport.abort()

    def _await_head(self) -> None:
        self._head_came()
        self.server_state.idle[self] = None
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_came(self) -> None:
        self.server_state.idle.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: HTTPStatus, words: str = "") -> None:
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": str(len(words)),
            "Connection": "close",
            **HEADERS,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        said = f"HTTP/1.1 {status.value} {status.phrase}\r\n{head}\r\n{words}"
        self.transport.write(said.encode("ascii"))
        self.transport.close()


class _Server(uvicorn.Server):
    def __init__(self, asgi: Any, at_exit: Callable[[], None]) -> None:
        connections = Connections()
        super().__init__(_config(asgi, at_once=connections.at_once))
        self.server_state = connections
        self._at_exit = at_exit

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(Complaints())
        await super().startup(sockets)
        for sock in sockets or ():
            sock.listen(BACKLOG)  # asyncio has made the queue as short as what it takes at once

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._at_exit()
        await super().shutdown(sockets)


class Complaints:
    """Says once in a while that connections can't be taken: asyncio says it for each, at length."""

    _next = 0.0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Handle what the loop can't tell anybody else."""
        fault = context.get("exception")
        if not (isinstance(fault, OSError) and fault.errno in _EXHAUSTED):
            loop.default_exception_handler(context)
        elif loop.time() >= self._next:
            self._next = loop.time() + COMPLAINT_SECONDS
            log.error("no connection can be taken: %s; next: raise LimitNOFILE", fault.strerror)


def _config(asgi: Any, *, at_once: int) -> uvicorn.Config:
    return uvicorn.Config(
        asgi,
        log_level="error",  # of its warnings, anybody can cause a line with each request
        access_log=False,  # its lines would hold readers' links
        proxy_headers=False,  # DIGEST_TRUSTED_PROXIES says whose word counts
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=5,
        http=Connection,
        loop="asyncio",  # uvloop takes one new connection a turn: a newcomer waits behind a burst
        backlog=at_once,
    )
