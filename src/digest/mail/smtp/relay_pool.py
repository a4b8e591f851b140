"""Decides when a connection to the relay is kept, used again, and closed."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from digest.mail.smtp.relay_connection import Deadline
from digest.mail.smtp.relay_session import RelaySession

IDLE_SECONDS = 20.0  #: that a connection is kept without a mail; most relays wait for 300


class RelayPool:
    """The idle connections of one process: one for each request that was under way at once.

    Connections are never shared with a forked process, and each is closed once it is idle.
    """

    def __init__(
        self,
        connect: Callable[[Deadline], RelaySession],
        *,
        idle_seconds: float = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect, self._idle_seconds, self._clock = connect, idle_seconds, clock
        self._lock = threading.Lock()
        self._idle: list[RelaySession] = []
        self._process = os.getpid()
        self._timer: threading.Timer | None = None
        weakref.finalize(self, _close_all, self._idle)

    @contextmanager
    def session(self, deadline: Deadline) -> Iterator[RelaySession]:
        """Lend a session that takes a mail, a kept one if there is any; raise `CannotOpen`."""
        session = self._kept(deadline) or self._connect(deadline)
        try:
            yield session
        except BaseException:
            session.close()
            raise
        self._give_back(session)

    def close_idle(self) -> None:
        """Close the connections that nobody has used for a while."""
        old = self._clock() - self._idle_seconds
        with self._lock:
            self._timer = None
            left = [session for session in self._idle if session.idle_since > old]
            closed = [session for session in self._idle if session.idle_since <= old]
            self._idle[:] = left
            self._watch()
        for session in closed:
            session.quit()

    def _kept(self, deadline: Deadline) -> RelaySession | None:
        """Return a kept session that still answers, the one used last; ``None`` without one."""
        while True:
            self._forget_the_parents()
            with self._lock:
                session = self._idle.pop() if self._idle else None
            if session is None or session.is_alive(deadline):
                return session
            session.close()

    def _give_back(self, session: RelaySession) -> None:
        session.idle_since = self._clock()
        if not session.is_usable:
            session.close()
        elif session.is_full:
            session.quit()
        else:
            with self._lock:
                self._idle.append(session)
                self._watch()

    def _watch(self) -> None:
        """Look again when the first connection may be idle for too long."""
        if self._idle and self._timer is None:
            self._timer = threading.Timer(self._idle_seconds, _call, [weakref.ref(self)])
            self._timer.daemon = True
            self._timer.start()

    def _forget_the_parents(self) -> None:
        """Close what a fork has copied: two processes on one connection would mix their mails."""
        if self._process != os.getpid():
            self._process, self._timer, self._lock = os.getpid(), None, threading.Lock()
            _close_all(self._idle)


def _call(pool: weakref.ref[RelayPool]) -> None:
    alive = pool()
    if alive is not None:
        alive.close_idle()


def _close_all(sessions: list[RelaySession]) -> None:
    """Close without a word: in a forked process, the connections are the parent's to end."""
    while sessions:
        sessions.pop().close()
