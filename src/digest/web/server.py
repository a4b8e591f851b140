"""Serves the site: in the foreground, or beside other work of one process."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EADDRINUSE
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from digest.errors import BadSetting

START_SECONDS = 10.0
BACKLOG = 1024  #: connections that wait to be taken; a flood opens hundreds at once
#: A thread beside the site waits at most so long for its turn. Senders take dozens a batch: at
#: Python's 5 ms, a send beside a flooded site went at a tenth of its rate.
SWITCH_SECONDS = 0.0002
MOST_HEAD = 32_768  #: bytes of request line and headers
TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """Take a port (0: a free one); who asks before the site has started waits for its answer.

    Raises `BadSetting`.
    """
    # With the protocol named, asyncio switches Nagle off; else each answer waits 40 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as fault:
        sock.close()
        if fault.errno != EADDRINUSE:
            raise
        raise BadSetting(
            f"something else answers on port {port} already",
            next_step="end it, or give another port: --port 0 takes a free one",
        ) from None
    return sock


def serve(asgi: Any, sock: socket.socket, *, at_exit: Callable[[], None] = lambda: None) -> None:
    """Serve until a signal ends it; *at_exit* then ends answers that would go on for ever."""
    _Server(_config(asgi), at_exit).run(sockets=[sock])


@contextmanager
def served(
    asgi: Any, sock: socket.socket, *, at_exit: Callable[[], None] = lambda: None
) -> Iterator[str]:
    """Serve in a thread for the length of a block; yields the URL."""
    server = _Server(_config(asgi), at_exit)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="site")
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    thread.start()
    host, port = sock.getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        sock.close()
        sys.setswitchinterval(before)


class _BoundedHead(HttpToolsProtocol):
    """Hangs up on a request whose head goes on and on: the parser itself sets no bound."""

    _head = 0  #: bytes of a head that hasn't ended yet
    _in_body = _moved = False

    def data_received(self, data: bytes) -> None:
        self._moved = False
        super().data_received(data)
        self._head = 0 if self._in_body or self._moved else self._head + len(data)
        if self._head > MOST_HEAD and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._in_body = self._moved = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        # What came with this end was body: it may be a large piece, and is no head's.
        self._in_body, self._moved = False, True
        super().on_message_complete()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, at_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._at_exit = at_exit

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._at_exit()
        await super().shutdown(sockets)


def _config(asgi: Any) -> uvicorn.Config:
    return uvicorn.Config(
        asgi,
        log_level="warning",
        access_log=False,  # its lines would hold readers' links
        proxy_headers=False,  # DIGEST_TRUSTED_PROXIES says whose word counts
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=5,
        http=_BoundedHead,
        loop="asyncio",  # uvloop takes one new connection a turn: a newcomer waits behind a burst
    )
