"""Have waiting letters sent by a thread or by a worker, never inside a web request.

This module hides when letters are sent, and how long the thread waits after a failure.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from digest.errors import DigestError
from subscribers.models import LetterState

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0  # seconds


class LetterWorker:
    """A thread that starts when it is woken, sends letters, and ends when none waits.

    *send* sends what waits, or asks a worker to, and returns how many ended in which state. While
    a letter can't be sent, the pause between two tries doubles, from *pause* to `LONGEST_PAUSE`
    seconds.
    """

    def __init__(
        self,
        send: Callable[[], Counter[LetterState]],
        *,
        pause: float = FIRST_PAUSE,
        wait: Callable[[threading.Event, float], object] = threading.Event.wait,
    ) -> None:
        self._send = send
        self._pause, self._wait = pause, wait
        self._lock = threading.Lock()
        self._stop_event = threading.Event()
        self._wake_event = threading.Event()
        self._woken = False
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Start the thread, or make it look again; return at once."""
        with self._lock:
            self._woken = True
            self._wake_event.set()
            if self._thread is None and not self._stop_event.is_set():
                self._thread = threading.Thread(target=self._run, name="letters")
                self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """Stop after the present letter, waiting up to *seconds*; other letters stay enqueued."""
        with self._lock:
            self._stop_event.set()
            self._wake_event.set()
            thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _run(self) -> None:
        pause = self._pause
        while self._goes_on():
            if self._sent_all():
                pause = self._pause
                continue
            self._woken = True
            self._wait(self._stop_event, self._pause)
            self._wait(self._wake_event, pause - self._pause)  # a new letter may be sendable
            pause = min(2 * pause, LONGEST_PAUSE)

    def _goes_on(self) -> bool:
        """Return whether to look for letters; under the lock, so that no call to `wake` is lost."""
        with self._lock:
            on = self._woken and not self._stop_event.is_set()
            self._woken = False
            self._wake_event.clear()
            if not on:
                self._thread = None
            return on

    def _sent_all(self) -> bool:
        try:
            done = self._send()
        except (DigestError, SQLAlchemyError) as fault:
            why = str(fault) if isinstance(fault, DigestError) else type(fault).__name__
            log.error("letters wait: %s", why)
            return False
        if done:
            log.info(
                "letters: %s", ", ".join(f"{number} {state}" for state, number in done.items())
            )
        return LetterState.WAITING not in done
