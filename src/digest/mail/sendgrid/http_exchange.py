"""Hides how one HTTP exchange is made so that its end is always known: what was sent and answered.

The `sendgrid` client provides URL and headers, and leaves the exchange to `python_http_client`. The
opener there has no time limit, follows redirects with the API key, and loses the status of a
response whose body is cut off. `ExactClient` makes the exchange itself, on a connection that no
other request has used; `connections_ahead` may have made it before.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from http.client import (
    HTTP_PORT,
    HTTPS_PORT,
    HTTPConnection,
    HTTPException,
    HTTPMessage,
    HTTPResponse,
    HTTPSConnection,
)
from typing import Any
from urllib.parse import urlsplit

from python_http_client import Client

from digest.mail.sendgrid.connections_ahead import (
    ConnectionsAhead,
    OpeningConnection,
    wait_beside,
)

CHUNK = 256 * 1024  #: bytes written at once
MAX_BODY = 256 * 1024  #: bytes read of a response body; an error report is far smaller

FINAL = 200  #: the lowest final status; 1xx are interim responses (RFC 9110, section 15.2)
MAX_RESPONSES = 20  #: responses read until a final one must have come

Remaining = Callable[[], float]  #: seconds left; raises `TimeoutError` when none are


class Phase(StrEnum):
    """How far an exchange got before it ended."""

    IMPOSSIBLE = "impossible"  #: a local fault before any connection; a retry fails as well
    CONNECTING = "connecting"  #: no connection: the provider received nothing
    WRITING = "writing"  #: the request was never complete
    WAITING = "waiting"  #: the request was complete, and no status came back
    ANSWERED = "answered"  #: a status came back


@dataclass(kw_only=True)
class Exchange:
    """The result of one request."""

    phase: Phase = Phase.CONNECTING
    status: int | None = None
    headers: HTTPMessage = field(default_factory=HTTPMessage)
    body: bytes = field(default=b"", repr=False)
    fault: str = ""


class ExactClient(Client):  # type: ignore[misc]  # the package has no types
    """The client of `sendgrid` with this module's exchange in place of `urllib`'s opener."""

    ahead: ConnectionsAhead

    def _build_client(self, name: str | None = None) -> ExactClient:
        client = ExactClient(
            host=self.host,
            version=self._version,
            request_headers=self.request_headers,
            url_path=[*self._url_path, name] if name else self._url_path,
            append_slash=self.append_slash,
            timeout=self.timeout,
        )
        client.ahead = self.ahead
        return client

    def post(self, body: bytes) -> Exchange:
        """POST an encoded body, without creating an opener and a TLS context for each request."""
        url = self._build_url(None)
        return post(url, self.request_headers, body, seconds=self.timeout, ahead=self.ahead)


def post(
    url: str, headers: dict[str, str], data: bytes, *, seconds: float, ahead: ConnectionsAhead
) -> Exchange:
    """POST on an unused connection, within *seconds* in all; return how the exchange ended.

    A fault of the network or the provider raises nothing; another exception is raised only after
    the connection is made.
    """
    result = Exchange()
    end = time.monotonic() + seconds

    def remaining() -> float:
        seconds_left = end - time.monotonic()
        if seconds_left <= 0:
            raise TimeoutError("the time limit for one request is over")
        return seconds_left

    try:
        with closing(_prepared(url, headers, data, ahead)) as connection:
            wanted = _connect(connection, remaining, ahead)
            result.phase = Phase.WRITING
            begun = ahead.begin(connection, wanted)
            try:
                _send_and_read(connection, data, result, remaining, begun)
            finally:
                ahead.keep(begun)
    except (OSError, HTTPException) as fault:
        result.fault = _fault_text(fault)
    except Exception as fault:
        if result.phase is not Phase.CONNECTING:
            raise
        result.phase, result.fault = Phase.IMPOSSIBLE, type(fault).__name__
    return result


def _prepared(
    url: str, headers: dict[str, str], data: bytes, ahead: ConnectionsAhead
) -> HTTPConnection:
    """Return an unconnected connection with the request's head prepared."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        connection: HTTPConnection = HTTPSConnection(
            host, parts.port or HTTPS_PORT, context=ahead.tls()
        )
    else:
        connection = HTTPConnection(host, parts.port or HTTP_PORT)
    connection.putrequest("POST", parts.path or "/", skip_accept_encoding=True)
    for name, value in headers.items():
        if name.lower() not in {"host", "content-length", "connection"}:
            connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(data)))
    connection.putheader("Connection", "close")
    return connection


def _connect(connection: HTTPConnection, remaining: Remaining, ahead: ConnectionsAhead) -> int:
    """Connect, unless there is a connection; return how many to begin for requests to come."""
    host = connection.host
    connection.sock, wanted = ahead.take(remaining())
    if connection.sock is not None:
        connection.sock.settimeout(remaining())
        return wanted
    ahead.note_lookup()
    candidates = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    connection.sock = connect_to_any([address for *_, address in candidates], remaining)
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sock.settimeout(remaining())
    if isinstance(connection, HTTPSConnection):
        connection.sock = ahead.tls().wrap_socket(connection.sock, server_hostname=host)
    return wanted


def connect_to_any(addresses: Sequence[tuple[Any, ...]], remaining: Remaining) -> socket.socket:
    """Connect to the first address that answers; split the remaining time evenly.

    Raise `OSError` if none answers or there is no address.
    """
    for untried, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        try:
            return socket.create_connection(address[:2], remaining() / untried)
        except OSError:
            if untried == 1:
                raise
    raise OSError("there is no address")


@cache
def system_tls() -> ssl.SSLContext:
    """Return the TLS context of this system, created once: it takes longer than a request."""
    return ssl.create_default_context()


def _send_and_read(
    connection: HTTPConnection,
    data: bytes,
    result: Exchange,
    remaining: Remaining,
    begun: Sequence[OpeningConnection],
) -> None:
    try:
        _write(connection, data, remaining)
    except (OSError, HTTPException):
        _read_early(connection, result, remaining)
        raise
    result.phase = Phase.WAITING
    _read(connection, result, remaining, begun)


def _write(connection: HTTPConnection, data: bytes, remaining: Remaining) -> None:
    connection.endheaders()
    view = memoryview(data)
    for start in range(0, len(view), CHUNK):
        connection.sock.settimeout(remaining())
        connection.sock.sendall(view[start : start + CHUNK])


def _read(
    connection: HTTPConnection,
    result: Exchange,
    remaining: Remaining,
    begun: Sequence[OpeningConnection] = (),
) -> None:
    """Read responses until a final one; 1xx are interim responses."""
    stream = _TimedSocket(connection.sock, remaining, begun)
    for _ in range(MAX_RESPONSES):
        # All that it needs of a socket is `makefile`.
        response = HTTPResponse(stream, method="POST")  # type: ignore[arg-type]
        _begin(response, result)
        if response.status >= FINAL:
            result.headers = response.headers
            result.body = _body(response)
            return
    raise HTTPException("no final answer")


def _begin(response: HTTPResponse, result: Exchange) -> None:
    try:
        response.begin()
    finally:
        # The status line decides, even if the headers after it are cut off.
        if isinstance(response.status, int) and response.status >= FINAL:
            result.status, result.phase = response.status, Phase.ANSWERED


def _body(response: HTTPResponse) -> bytes:
    """Return what arrives of the body, at most `MAX_BODY` bytes; faults are ignored here."""
    parts: list[bytes] = []
    size = 0
    try:
        while size < MAX_BODY and (part := response.read1(MAX_BODY - size)):
            parts.append(part)
            size += len(part)
    except (OSError, HTTPException, ValueError):
        pass
    return b"".join(parts)


def _read_early(connection: HTTPConnection, result: Exchange, remaining: Remaining) -> None:
    """Read a response sent before the request was complete, such as an early 413."""
    if connection.sock is None:
        return
    early = Exchange(phase=Phase.WRITING)
    with suppress(OSError, HTTPException):
        _read(connection, early, remaining)
    if early.status is not None:
        result.phase, result.status = early.phase, early.status
        result.headers, result.body = early.headers, early.body


class _TimedSocket:
    """A socket for `HTTPResponse` to read from, within the remaining time.

    While it waits, the connections *begun* for requests to come go on.
    """

    def __init__(self, sock: Any, remaining: Remaining, begun: Sequence[OpeningConnection]) -> None:
        self._reader = _UnclosedReader(_TimedReader(sock, remaining, begun))

    def makefile(self, _mode: str) -> io.BufferedReader:
        return self._reader  # the same for each response: it may have buffered the next one


class _UnclosedReader(io.BufferedReader):
    """A reader that stays open when `HTTPResponse` closes an interim response."""

    def close(self) -> None:
        """Do nothing: the socket is closed with the connection."""


class _TimedReader(io.RawIOBase):
    def __init__(self, sock: Any, remaining: Remaining, begun: Sequence[OpeningConnection]) -> None:
        self._sock, self._remaining, self._begun = sock, remaining, begun

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = self._receive(buffer)
        if size == 0:  # so that a cut-off status line isn't taken for a complete one
            raise ConnectionAbortedError(0, "the provider closed the connection")
        return size

    def _receive(self, buffer: Any) -> int:
        while going := [each for each in self._begun if each.wants]:
            self._sock.settimeout(0)
            try:
                return int(self._sock.recv_into(buffer))
            except ssl.SSLWantReadError:
                wait_beside(self._sock, going, self._remaining())
            except ssl.SSLWantWriteError:  # TLS has to answer first, such as to a new key
                break
        self._sock.settimeout(self._remaining())
        return int(self._sock.recv_into(buffer))


def _fault_text(fault: Exception) -> str:
    kind = type(fault).__name__
    reason = getattr(fault, "strerror", None) or ""
    return f"{kind}: {reason}" if reason else kind
