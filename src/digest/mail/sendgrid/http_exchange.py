"""Hides how one HTTP exchange is made so that its end is always known: what was sent and answered.

The `sendgrid` client provides URL and headers, and leaves the exchange to `python_http_client`. The
opener there has no time limit, follows redirects with the API key, and loses the status of a
response whose body is cut off. `ExactClient` makes the exchange itself, on a connection that was
kept where `kept_sockets` has one. What ends before a request on such a connection was complete was
certainly not sent, and is made on a new one.
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

from digest.mail.sendgrid.kept_sockets import KeptSocket, KeptSockets, is_silent

CHUNK = 256 * 1024  #: bytes written at once
MAX_BODY = 256 * 1024  #: bytes read of a response body; an error report is far smaller

FINAL = 200  #: the lowest final status; 1xx are interim responses (RFC 9110, section 15.2)
MESSAGE_ID = "X-Message-Id"  #: differs from answer to answer
HTTP_1_1 = 11  #: as `http.client` has it; before, a connection was good for one request
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
    is_whole: bool = False  #: all was said on both sides, and the connection stays open


class ExactClient(Client):  # type: ignore[misc]  # the package has no types
    """The client of `sendgrid` with this module's exchange in place of `urllib`'s opener."""

    kept: KeptSockets

    def _build_client(self, name: str | None = None) -> ExactClient:
        client = ExactClient(
            host=self.host,
            version=self._version,
            request_headers=self.request_headers,
            url_path=[*self._url_path, name] if name else self._url_path,
            append_slash=self.append_slash,
            timeout=self.timeout,
        )
        client.kept = self.kept
        return client

    def post(self, body: bytes) -> Exchange:
        """POST an encoded body, without creating an opener and a TLS context for each request."""
        url = self._build_url(None)
        return post(url, self.request_headers, body, seconds=self.timeout, kept=self.kept)


def post(
    url: str, headers: dict[str, str], data: bytes, *, seconds: float, kept: KeptSockets
) -> Exchange:
    """POST within *seconds* in all; return how the exchange ended.

    A fault of the network or the provider raises nothing; another exception is raised only after
    the connection is made.
    """
    end = time.monotonic() + seconds

    def remaining() -> float:
        seconds_left = end - time.monotonic()
        if seconds_left <= 0:
            raise TimeoutError("the time limit for one request is over")
        return seconds_left

    while (used := kept.take()) is not None:
        result = _exchange(url, headers, data, remaining, kept, used)
        if result.phase is Phase.WAITING:
            kept.distrust()
        if result.phase is not Phase.WRITING:
            return result
    return _exchange(url, headers, data, remaining, kept)


def _exchange(
    url: str,
    headers: dict[str, str],
    data: bytes,
    remaining: Remaining,
    kept: KeptSockets,
    used: KeptSocket | None = None,
) -> Exchange:
    """Make one exchange, on the connection *used* or a new one; keep it if it's good for more."""
    result = Exchange()
    try:
        with closing(_prepared(url, headers, data)) as connection:
            if used is None:
                _connect(connection, remaining)
            else:
                connection.sock = used.sock
            result.phase = Phase.WRITING
            _send_and_read(connection, data, result, remaining, is_used=used is not None)
            message_id = result.headers.get(MESSAGE_ID, "")
            if used is not None and message_id == used.message_id:
                return Exchange(phase=Phase.WAITING, fault="the answer before came once more")
            if result.is_whole and message_id and connection.sock is not None:
                kept.keep(connection.sock, message_id)
                connection.sock = None
    except (OSError, HTTPException) as fault:
        result.fault = _fault_text(fault)
    except Exception as fault:
        if result.phase is not Phase.CONNECTING:
            raise
        result.phase, result.fault = Phase.IMPOSSIBLE, type(fault).__name__
    return result


def _prepared(url: str, headers: dict[str, str], data: bytes) -> HTTPConnection:
    """Return an unconnected connection with the request's head prepared."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        connection: HTTPConnection = HTTPSConnection(
            host, parts.port or HTTPS_PORT, context=_tls_context()
        )
    else:
        connection = HTTPConnection(host, parts.port or HTTP_PORT)
    connection.putrequest("POST", parts.path or "/", skip_accept_encoding=True)
    for name, value in headers.items():
        if name.lower() not in {"host", "content-length", "connection"}:
            connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(data)))
    return connection


def _connect(connection: HTTPConnection, remaining: Remaining) -> None:
    host = connection.host
    candidates = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    connection.sock = connect_to_any([address for *_, address in candidates], remaining)
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sock.settimeout(remaining())
    if isinstance(connection, HTTPSConnection):
        connection.sock = _tls_context().wrap_socket(connection.sock, server_hostname=host)


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
def _tls_context() -> ssl.SSLContext:
    """Return the TLS context of this system, created once: it takes longer than a request."""
    return ssl.create_default_context()


def _send_and_read(
    connection: HTTPConnection,
    data: bytes,
    result: Exchange,
    remaining: Remaining,
    *,
    is_used: bool,
) -> None:
    try:
        _write(connection, data, remaining, is_used=is_used)
    except (OSError, HTTPException):
        if not is_used:  # else what is there to read may be about an earlier request
            _read_early(connection, result, remaining)
        raise
    result.phase = Phase.WAITING
    _read(connection, result, remaining)


def _write(connection: HTTPConnection, data: bytes, remaining: Remaining, *, is_used: bool) -> None:
    view, last = memoryview(data), max(0, len(data) - 1) // CHUNK * CHUNK
    connection.endheaders()
    for start in range(0, len(view), CHUNK):
        connection.sock.settimeout(remaining())
        if start == last and is_used and not is_silent(connection.sock):
            raise ConnectionAbortedError(0, "the provider spoke, or left, before the request did")
        connection.sock.sendall(view[start : start + CHUNK])


def _read(connection: HTTPConnection, result: Exchange, remaining: Remaining) -> None:
    """Read responses until a final one; 1xx are interim responses."""
    stream = _TimedSocket(connection.sock, remaining)
    for number in range(MAX_RESPONSES):
        response = HTTPResponse(stream, method="POST")  # type: ignore[arg-type]
        _begin(response, result)
        if response.status >= FINAL:
            keeps = number == 0 and response.version == HTTP_1_1 and not response.will_close
            result.headers = response.headers
            size = (
                response.length
            )  # ``None`` for a body that ends with its last chunk, or at the end
            result.body = _body(response, MAX_BODY if size is None else min(size, MAX_BODY))
            result.is_whole = keeps and len(result.body) == size and stream.is_empty()
            return
    raise HTTPException("no final answer")


def _begin(response: HTTPResponse, result: Exchange) -> None:
    try:
        response.begin()
    finally:
        # The status line decides, even if the headers after it are cut off.
        if isinstance(response.status, int) and response.status >= FINAL:
            result.status, result.phase = response.status, Phase.ANSWERED


def _body(response: HTTPResponse, most: int) -> bytes:
    """Return what arrives of the body, at most so many bytes; faults are ignored here."""
    parts: list[bytes] = []
    size = 0
    try:
        while size < most and (part := response.read1(most - size)):
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
    """A socket for `HTTPResponse` to read from, within the remaining time."""

    def __init__(self, sock: Any, remaining: Remaining) -> None:
        self._raw = _TimedReader(sock, remaining)
        self._reader = _UnclosedReader(self._raw)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return self._reader  # the same for each response: it may have buffered the next one

    def is_empty(self) -> bool:
        """Return whether nothing that was received is unread; nothing is received after that."""
        self._raw.is_over = True
        return not self._reader.peek(1)


class _UnclosedReader(io.BufferedReader):
    """A reader that stays open when `HTTPResponse` closes an interim response."""

    def close(self) -> None:
        """Do nothing: the socket is closed with the connection."""


class _TimedReader(io.RawIOBase):
    def __init__(self, sock: Any, remaining: Remaining) -> None:
        self._sock, self._remaining = sock, remaining
        self.is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.is_over:
            return None
        self._sock.settimeout(self._remaining())
        size = int(self._sock.recv_into(buffer))
        if size == 0:  # so that a cut-off status line isn't taken for a complete one
            raise ConnectionAbortedError(0, "the provider closed the connection")
        return size


def _fault_text(fault: Exception) -> str:
    kind = type(fault).__name__
    reason = getattr(fault, "strerror", None) or ""
    return f"{kind}: {reason}" if reason else kind
