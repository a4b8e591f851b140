"""A server in threads of its own that answers by path as no server should."""

from __future__ import annotations

import gzip
import socketserver
import ssl
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import cast
from urllib.parse import parse_qs, urlsplit

MEGABYTE = bytes(1 << 20)
TEN_GIGABYTES = 10 << 30
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def whole(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def forever(first: bytes, part: bytes) -> Iterator[bytes]:
    yield first
    while True:
        yield part


@cache
def bomb() -> bytes:
    """Return a gzip stream of 20 KB that becomes 20 MB."""
    return gzip.compress(MEGABYTE * 20)


#: What is sent for each path; a part that is "" stands for a moment in which nothing is sent.
ANSWERS: dict[str, Callable[[], Iterable[bytes]]] = {
    "/plain": lambda: [whole(b"hello", 'ETag: "one"', "Set-Cookie: seen=1")],
    "/missing": lambda: [whole(b"gone", status="404 Not Found")],
    "/unchanged": lambda: [b"HTTP/1.1 304 Not Modified\r\nContent-Encoding: gzip\r\n\r\n"],
    "/gzip": lambda: [whole(gzip.compress(b"hello"), "Content-Encoding: gzip")],
    "/two-members": lambda: [
        whole(gzip.compress(b"hel") + gzip.compress(b"lo") + b"\0\0", "Content-Encoding: GZIP")
    ],
    "/deflate": lambda: [whole(zlib.compress(b"hello"), "Content-Encoding: deflate")],
    "/bomb": lambda: [whole(bomb(), "Content-Encoding: gzip")],
    "/members": lambda: forever(OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"") * 1000),
    "/half-gzip": lambda: [whole(gzip.compress(b"hello")[:-6], "Content-Encoding: gzip")],
    "/no-gzip": lambda: [whole(b"hello", "Content-Encoding: gzip")],
    "/brotli": lambda: [whole(b"hello", "Content-Encoding: br")],
    "/announced": lambda: forever(
        OK + f"Content-Length: {TEN_GIGABYTES}\r\n\r\n".encode(), MEGABYTE
    ),
    "/unannounced": lambda: forever(OK + b"\r\n", MEGABYTE),
    "/chunks": lambda: forever(CHUNKED, b"100000\r\n" + MEGABYTE + b"\r\n"),
    "/drip": lambda: forever(OK + b"Content-Length: 100000\r\n\r\n", b".\0"),
    "/drip-head": lambda: forever(OK + b"X-Slow: ", b".\0"),
    "/silent": lambda: forever(b"", b""),
    "/long-head": lambda: forever(OK, b"X-Filler: " + b"." * 1000 + b"\r\n"),
    "/continue": lambda: forever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "/chatter": lambda: [b"SSH-2.0-OpenSSH_9.2p1\r\n"],
    "/closed": lambda: [b""],
    "/cut": lambda: [OK + b"Content-Length: 100\r\n\r\nhello"],
    "/loop": lambda: [whole(b"", "Location: /loop", status="302 Found")],
    "/old": lambda: [whole(b"", "Location: /plain#part", status="301 Moved Permanently")],
    "/nowhere": lambda: [whole(b"", status="302 Found")],
}


#: After these, the connection is closed; after others it stays open.
CUT_OFF = {"/chatter", "/closed", "/cut"}


@dataclass
class HostileServer:
    """A running server; *asked* has each request's head, and *names* the TLS names asked for."""

    address: str
    port: int
    asked: list[str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        with suppress(OSError):  # the client has heard enough
            while self._answer():
                pass

    def _answer(self) -> bool:
        """Answer a request; return whether another one may follow on this connection."""
        server = cast("_Server", self.server)
        lines = list[bytes]()
        while (line := self.rfile.readline()) != b"\r\n":
            if not line:  # the client has gone
                return False
            lines.append(line)
        head = b"".join(lines).decode("latin-1")
        server.running.asked.append(head)
        parts = urlsplit(head.split()[1])
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        for part in _parts(parts.path, query):
            drips = part == b"" or part.endswith(b".\0")
            self.wfile.write(part.removesuffix(b"\0") if drips else part)
            if drips and server.stopped.wait(0.01):
                return False
        return parts.path not in CUT_OFF


def _parts(path: str, query: dict[str, str]) -> Iterable[bytes]:
    if path == "/to":
        return [whole(b"", f"Location: {query['url']}", status="302 Found")]
    if path == "/status":
        return [whole(b"", status=f"{query['code']} So")]
    return ANSWERS[path]()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: str, tls: ssl.SSLContext | None) -> None:
        super().__init__((address, 0), _Handler)
        self.running, self.stopped = (
            HostileServer(address, self.server_address[1]),
            threading.Event(),
        )
        if tls is not None:
            tls.sni_callback = lambda _, name, __: self.running.names.append(name)
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients break off, which is what is tested."""


@contextmanager
def hostile_server(
    address: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[HostileServer]:
    """Run the server on a free port of *address*."""
    with _Server(address, tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.running
        finally:
            server.stopped.set()
            server.shutdown()
            thread.join()
