"""Resolve a host, check its addresses, connect to one, and give all of it one deadline.

This module hides how a connection is bound to the address that was checked: a name is resolved
once, and the socket is opened to one of those addresses, never to the name again. So a name that
leads elsewhere a moment later (DNS rebinding) leads nowhere.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

import httpcore2

from digest.http_client.address_rules import AddressRules
from digest.http_client.outbound_refused import OutboundFault, OutboundRefused

#: From a host name, or an address in any notation, to its IP addresses; raises `OSError`.
Resolve = Callable[[str], Sequence[str]]
_MOST_ADDRESSES = 8  #: tried for one host
_WRITTEN_AT_ONCE = 65_536


def system_addresses(host: str) -> list[str]:
    """Return the addresses of *host* as this machine resolves it; raises `OSError`."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class RequestDeadline(threading.local):
    """When the request that this thread makes must be over."""

    at = 0.0  #: by `time.monotonic`

    def begin(self, seconds: float) -> None:
        """Let the time of a new request run."""
        self.at = time.monotonic() + seconds

    def left(self, most: float | None = None) -> float:
        """Return the seconds that are left, or *most*; raises the library's timeout if none are."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout
        return left if most is None else min(left, most)


class CheckedNetwork(httpcore2.NetworkBackend):
    """Opens connections to addresses that the rules allow, and to no others."""

    def __init__(self, rules: AddressRules, resolve: Resolve, deadline: RequestDeadline) -> None:
        self._rules, self._resolve, self._deadline = rules, resolve, deadline
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Return a connection to *host*; raises `OutboundRefused`, or the library's errors."""
        addresses = self._allowed(host, self._resolved(host))[:_MOST_ADDRESSES]

        def connect(address: str, share: int) -> httpcore2.NetworkStream:
            seconds = self._deadline.left(timeout) / share
            stream = self._sockets.connect_tcp(
                address, port, seconds, local_address, socket_options
            )
            return _TimedStream(stream, self._deadline)

        for at, address in enumerate(addresses[:-1]):
            with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                return connect(address, len(addresses) - at)
        return connect(addresses[-1], 1)

    def _resolved(self, host: str) -> list[str]:
        """Return the addresses of *host*; the system's resolver knows no time limit of its own."""
        answers: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._resolve(host))
            except (OSError, UnicodeError) as fault:  # the latter for a label that is too long
                answers.put(fault)

        threading.Thread(target=ask, name="resolve", daemon=True).start()
        try:
            answer = answers.get(timeout=self._deadline.left())
        except Empty:
            raise httpcore2.ConnectTimeout from None
        if isinstance(answer, Exception) or not answer:
            raise OutboundRefused(OutboundFault.NAME, f"no server is called {host[:100]}")
        return list(answer)

    def _allowed(self, host: str, addresses: list[str]) -> list[str]:
        objections = {address: self._rules.objection(address) for address in addresses}
        allowed = [address for address, objection in objections.items() if objection is None]
        if not allowed:
            address, objection = next(iter(objections.items()))
            named = "" if address == host else f"{host[:100]} leads to "
            words = f"{named}{address}, {objection}" if named else f"{address} is {objection}"
            raise OutboundRefused(OutboundFault.ADDRESS, words)
        return allowed


class _TimedStream(httpcore2.NetworkStream):
    """A connection on which every step has the time that its request has left.

    The library gives each step a time of its own, so that a server could take a second for each
    byte.
    """

    def __init__(self, stream: httpcore2.NetworkStream, deadline: RequestDeadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout=self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        connection: socket.socket = self._stream.get_extra_info("socket")
        unsent = memoryview(buffer)
        while unsent:
            connection.settimeout(self._deadline.left(timeout))
            try:
                unsent = unsent[connection.send(unsent[:_WRITTEN_AT_ONCE]) :]
            except TimeoutError as fault:
                raise httpcore2.WriteTimeout(fault) from fault
            except OSError as fault:
                raise httpcore2.WriteError(fault) from fault

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = self._deadline.left(timeout)
        return _TimedStream(
            self._stream.start_tls(ssl_context, server_hostname, timeout=left), self._deadline
        )

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:  # the library's own type
        return self._stream.get_extra_info(info)
