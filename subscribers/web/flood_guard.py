"""Refuse a flood of sign-ups before it costs a database write, and count the refused ones.

This module hides how long a network stays refused in memory, and when the counts are written.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from subscribers.abuse_prevention import LimitReason, rate_limits
from subscribers.signup import GroupCommit, StoreBusy

#: For how long a stopped network is refused from memory; then the database's limits count again.
STOP_SECONDS = 10.0  # seconds
FLUSH = 5.0  # seconds from a count to its write
_MOST = 10_000  # networks in memory at once
MOST_HELD = 2_000  #: answers delayed at once; each takes about 15 KB with its connection


class FloodGuard:
    """The networks that were stopped a moment ago, and the counts of what was stopped.

    *pause* is the time from a count to its write, *hold* the delay of an answer, both in seconds.
    """

    def __init__(
        self,
        group_commit: GroupCommit,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        pause: float = FLUSH,
        hold: float = 0.0,
        wait: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._group_commit = group_commit
        self._clock = clock
        self._monotonic = monotonic
        self._stopped_until: dict[str, tuple[float, LimitReason]] = {}
        self._counts: Counter[LimitReason | None] = Counter()
        self._pause = pause
        self._hold, self._wait = hold, wait
        self.held = 0  #: answers being delayed now
        self._task: asyncio.Task[None] | None = None

    def stopped(self, network: str) -> LimitReason | None:
        """Return the limit that stops a network now; ``None`` for none."""
        if not self._stopped_until:  # as nearly always
            return None
        for name in (network, ""):
            until, stop = self._stopped_until.get(name, (0.0, None))
            if stop is not None and self._monotonic() < until:
                return stop
        return None

    def stop(self, network: str, stop: LimitReason) -> None:
        """Stop a network for `STOP_SECONDS`, or every network for `LimitReason.EVERYONE`."""
        if len(self._stopped_until) >= _MOST:
            self._stopped_until.clear()
        name = "" if stop is LimitReason.EVERYONE else network
        self._stopped_until[name] = (self._monotonic() + STOP_SECONDS, stop)

    def count(self, stop: LimitReason) -> None:
        """Count a stopped sign-up; the counts are written together, *pause* seconds later."""
        self._counts[stop] += 1
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._flush_soon())

    async def delay(self) -> None:
        """Delay an answer by *hold* seconds, which slows a client that sends after each answer."""
        if self.held >= MOST_HELD:
            return
        self.held += 1
        try:
            await self._wait(self._hold)
        finally:
            self.held -= 1

    async def finish(self) -> None:
        """Write the counts that aren't written yet."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._counts:
            await self.flush()

    async def _flush_soon(self) -> None:
        await asyncio.sleep(self._pause)
        await asyncio.shield(self.flush())

    async def flush(self) -> None:
        """Write the counts so far; keep them for the next write if the database fails."""
        counts, self._counts = self._counts, Counter[LimitReason | None]()

        def note(session: Session) -> None:
            rate_limits.note(session, counts, self._clock())

        try:
            await self._group_commit.alone(note)
        except (SQLAlchemyError, StoreBusy, TimeoutError):
            self._counts.update(counts)
