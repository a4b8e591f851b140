"""Decides when a connection to the provider is used again: only where it can't blur an answer.

A connection is kept after an answer that has a message id, was read whole, and has nothing behind
it, from a provider that keeps it too. It is used again within seconds, as long as nothing has come
by it: neither its end nor a late word. An answer with the message id of the one before is that one
once more, and no answer. Once a request on a used connection got no answer, no connection is kept
any more, so that this costs a process one doubt at most.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
import weakref
from collections.abc import Callable
from typing import NamedTuple

IDLE_SECONDS = 2.0  #: that a connection is kept; providers close theirs after a minute or so


class KeptSocket(NamedTuple):
    """A connection between two requests, and the message id of its last answer."""

    sock: socket.socket
    message_id: str
    since: float


class KeptSockets:
    """The connections of one process that are between two requests."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        process: Callable[[], int] = os.getpid,
    ) -> None:
        self._clock, self._process_now = clock, process
        self._lock = threading.Lock()
        self._idle: list[KeptSocket] = []
        self._process = process()
        self._is_trusted = True
        weakref.finalize(self, _close_all, self._idle)

    def take(self) -> KeptSocket | None:
        """Return a connection to use again, the one used last; ``None`` without one."""
        self._forget_the_parents()
        with self._lock:
            while self._idle:
                kept = self._idle.pop()
                if self._clock() - kept.since <= IDLE_SECONDS and is_silent(kept.sock):
                    return kept
                kept.sock.close()
        return None

    def keep(self, sock: socket.socket, message_id: str) -> None:
        """Keep a connection that is between two requests, after an answer with a message id."""
        with self._lock:
            if self._is_trusted:
                self._idle.append(KeptSocket(sock, message_id, self._clock()))
                return
        sock.close()

    def distrust(self) -> None:
        """Keep no connection any more."""
        with self._lock:
            self._is_trusted = False
            _close_all(self._idle)

    def _forget_the_parents(self) -> None:
        """Close what a fork has copied: two processes on one connection would mix their answers."""
        if self._process != self._process_now():
            self._process, self._lock = self._process_now(), threading.Lock()
            _close_all(self._idle)


def is_silent(sock: socket.socket) -> bool:
    """Return whether nothing has come by a connection, not even its end."""
    if getattr(sock, "pending", int)():  # what TLS has decrypted and nobody has read
        return False
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return not poll.poll(0)


def _close_all(idle: list[KeptSocket]) -> None:
    while idle:
        idle.pop().sock.close()
