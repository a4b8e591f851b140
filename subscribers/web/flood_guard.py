"""Turns a flood away before it costs a write, and counts what was turned away."""

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

#: How long a network that was stopped isn't asked about again. The database remembers the rest.
REST = 10.0  # seconds
FLUSH = 5.0  # seconds after which counts are noted
_MOST = 10_000  # networks remembered at once
MOST_HELD = 2_000  #: answers kept back at once; each takes about 15 KB with its connection


class FloodGuard:
    """Remembers for a moment who was stopped; the counts go to the database now and then."""

    def __init__(
        self,
        writer: GroupCommit,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        pause: float = FLUSH,
        hold: float = 0.0,
        wait: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._monotonic = monotonic
        self._until: dict[str, tuple[float, LimitReason]] = {}
        self._stops: Counter[LimitReason | None] = Counter()
        self._pause = pause
        self._hold, self._wait = hold, wait
        self.held = 0  #: answers kept back just now
        self._task: asyncio.Task[None] | None = None

    def stopped(self, network: str) -> LimitReason | None:
        """Tell what stops everything from a network just now."""
        for name in (network, ""):
            until, stop = self._until.get(name, (0.0, None))
            if stop is not None and self._monotonic() < until:
                return stop
        return None

    def stop(self, network: str, stop: LimitReason) -> None:
        """Stop a network for a moment, or everyone."""
        if len(self._until) >= _MOST:
            self._until.clear()
        name = "" if stop is LimitReason.EVERYONE else network
        self._until[name] = (self._monotonic() + REST, stop)

    def count(self, stop: LimitReason) -> None:
        """Count a sign-up that was stopped without a write; the count is noted a moment later."""
        self._stops[stop] += 1
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._flush_soon())

    async def keep_back(self) -> None:
        """Keep an answer back a little: who asks again once answered then asks seldom."""
        if self.held >= MOST_HELD:
            return
        self.held += 1
        try:
            await self._wait(self._hold)
        finally:
            self.held -= 1

    async def finish(self) -> None:
        """Note what was counted and not noted yet."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._stops:
            await self.flush()

    async def _flush_soon(self) -> None:
        await asyncio.sleep(self._pause)
        await asyncio.shield(self.flush())

    async def flush(self) -> None:
        """Note the counts so far."""
        stops, self._stops = self._stops, Counter[LimitReason | None]()

        def note(session: Session) -> None:
            rate_limits.note(session, stops, self._clock())

        try:
            await self._writer.alone(note)
        except (SQLAlchemyError, StoreBusy, TimeoutError):
            self._stops.update(stops)
