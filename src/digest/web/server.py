"""Serves the site: in the foreground, or beside other work of one process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EADDRINUSE
from typing import Any

import uvicorn

from digest.errors import BadSetting

START_SECONDS = 10.0
BACKLOG = 128


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """Take a port (0: a free one) without answering on it yet; raises `BadSetting`."""
    # With the protocol named, asyncio switches Nagle off; else each answer waits 40 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
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
    sock.listen(BACKLOG)  # who asks before the site has started waits, and isn't refused
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="site")
    thread.start()
    host, port = sock.getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        sock.close()


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
        h11_max_incomplete_event_size=32_768,
    )
