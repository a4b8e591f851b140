"""Hides how the connection of the next request is made while the answer to this one is awaited.

On a real network a connection takes two round trips before the first byte of a request. Each is
used for one request at most. One that fails or was closed says nothing: it is thrown away, and the
request gets a connection that is made for it, whose fault is told.

Each request begins one connection for the next, and a second one where its own wasn't open yet:
answers come sooner then than connections. Those that got too old unused make them fewer again.
"""

from __future__ import annotations

import math
import os
import select
import socket
import ssl
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.client import HTTPConnection

FRESH = 5.0  #: seconds within which a connection made ahead is used
MOST = 2  #: connections that a request begins at most
ENOUGH = 100  #: connections that wait for requests; with so many, none is begun
LOOKED_UP = 60.0  #: seconds for which connections go to an address without a look at its name


class OpeningConnection:
    """A TLS connection to the peer of another one; only `advance` waits for it."""

    def __init__(self, like: ssl.SSLSocket, host: str, now: float) -> None:
        """Begin to connect; raise `OSError` if that can't even begin."""
        self.began = now
        self.wants = select.POLLOUT  #: what it waits for; 0 once it's open, or failed
        self._context, self._host = like.context, host
        self._sock: socket.socket = socket.socket(like.family, socket.SOCK_STREAM)
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.connect_ex(like.getpeername())  # go_on reads how that ended

    def fileno(self) -> int:
        """Return the number of its descriptor, for `select.poll`."""
        return self._sock.fileno()

    def go_on(self) -> None:
        """Do what it was waiting for."""
        try:
            self._shake_hands()
            self.wants = 0
        except ssl.SSLWantReadError:
            self.wants = select.POLLIN
        except ssl.SSLWantWriteError:
            self.wants = select.POLLOUT
        except OSError:
            self.close()

    def advance(self, seconds: float) -> None:
        """Go on until it's open or failed, waiting so long at most."""
        end = time.monotonic() + seconds
        while self.wants:
            waiting = select.poll()
            waiting.register(self, self.wants)
            if not waiting.poll(max(0.0, end - time.monotonic()) * 1000):
                return
            self.go_on()

    def unused(self) -> ssl.SSLSocket | None:
        """Return it if it's open, and the peer has neither closed it nor spoken; else close it."""
        if not self.wants and isinstance(self._sock, ssl.SSLSocket) and _is_silent(self._sock):
            return self._sock
        self.close()
        return None

    def close(self) -> None:
        """End it, without a word to the peer."""
        self.wants = 0
        self._sock.close()

    def _shake_hands(self) -> None:
        if not isinstance(self._sock, ssl.SSLSocket):
            if fault := self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(fault, os.strerror(fault))
            self._sock = self._context.wrap_socket(
                self._sock, server_hostname=self._host, do_handshake_on_connect=False
            )
        self._sock.do_handshake()


class ConnectionsAhead:
    """The connections that one process has made for requests to come.

    *tls* returns what each of its TLS connections is made by.
    """

    def __init__(
        self, tls: Callable[[], ssl.SSLContext], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.tls, self._clock = tls, clock
        self._ready: deque[OpeningConnection] = deque()  # the oldest first
        self._lock, self._process = threading.Lock(), os.getpid()
        self._looked_up = self._ended = -math.inf
        weakref.finalize(self, _close_all, self._ready)

    def take(self, seconds: float) -> tuple[ssl.SSLSocket | None, int]:
        """Return a connection that nothing has used, if there is one; it's the caller's to close.

        One that is still being made is waited for while it's fresh, and half of *seconds* at most.
        Return too how many connections to begin beside it.
        """
        self._forget_the_parents()
        wanted = 1
        while (oldest := self._pop()) is not None:
            age = self._clock() - oldest.began
            if age >= FRESH:
                oldest.close()
                continue
            oldest.advance(0.0)
            wanted = MOST if oldest.wants else wanted
            oldest.advance(min(FRESH - age, seconds / 2))
            if (sock := oldest.unused()) is not None:
                return sock, wanted
        return None, wanted

    def begin(self, connection: HTTPConnection, wanted: int) -> list[OpeningConnection]:
        """Begin connections beside one in use, where requests follow each other by TLS."""
        now, sock = self._clock(), connection.sock
        follows = now - self._ended < FRESH and now - self._looked_up < LOOKED_UP
        begun: list[OpeningConnection] = []
        follows = follows and len(self._ready) < ENOUGH
        if follows and isinstance(sock, ssl.SSLSocket):
            with suppress(OSError):
                for _ in range(wanted):
                    begun.append(OpeningConnection(sock, connection.host, now))
        return begun

    def keep(self, begun: Iterable[OpeningConnection]) -> None:
        """Keep what was begun for requests to come; the one beside it is over."""
        self._ended = self._clock()
        with self._lock:
            self._ready.extend(begun)

    def note_lookup(self) -> None:
        """Note that the name of the provider was looked up."""
        self._looked_up = self._clock()

    def _pop(self) -> OpeningConnection | None:
        with self._lock:
            return self._ready.popleft() if self._ready else None

    def _forget_the_parents(self) -> None:
        """Close what a fork has copied: two processes must not write to one connection."""
        if self._process != os.getpid():
            self._process, self._lock = os.getpid(), threading.Lock()
            _close_all(self._ready)


def wait_beside(sock: ssl.SSLSocket, begun: Iterable[OpeningConnection], seconds: float) -> None:
    """Wait until *sock* has something to read; go on with the other connections meanwhile.

    Return after each step of another connection too, and after *seconds*.
    """
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    for each in begun:
        waiting.register(each, each.wants)
    ready = [descriptor for descriptor, _ in waiting.poll(seconds * 1000)]
    for each in begun:
        if each.fileno() in ready:
            each.go_on()


def _is_silent(sock: ssl.SSLSocket) -> bool:
    """Return whether a connection is open, and nothing came by it that a program can read."""
    try:
        sock.recv(1)
    except ssl.SSLWantReadError:  # what came, if anything, was TLS's own
        return True
    except OSError:
        return False
    return False


def _close_all(connections: deque[OpeningConnection]) -> None:
    while connections:
        connections.pop().close()
