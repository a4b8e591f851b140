"""Tell the time by the database server's clock, so that all machines on it go by one clock.

This module decides how the server's time is told between two readings: by the seconds that have
passed since the last one, which setting this machine's clock doesn't change.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

READ_EVERY = 60.0  #: seconds; clocks drift apart by milliseconds meanwhile


def since_boot() -> float:
    """Return the seconds since this machine started, those that it slept included if it can."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True)
class _Reading:
    server: datetime
    at: float


class ServerClock:
    """The time of a database server; this machine's own until the server was first asked."""

    def __init__(self, seconds: Callable[[], float] = since_boot) -> None:
        self._seconds = seconds
        self._reading: _Reading | None = None

    def __call__(self) -> datetime:
        """Return the time, in UTC."""
        reading = self._reading
        if reading is None:
            return datetime.now(UTC)
        return reading.server + timedelta(seconds=self._seconds() - reading.at)

    def is_due(self) -> bool:
        """Return whether to read the server's clock again."""
        reading = self._reading
        return reading is None or self._seconds() - reading.at >= READ_EVERY

    def set(self, server: datetime) -> None:
        """Take *server* for the time now; it is late by the answer's way, never early."""
        self._reading = _Reading(server.astimezone(UTC), self._seconds())
