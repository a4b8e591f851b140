"""Has sign-ups taken in a moment after they were asked for, and tells when letters wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from subscribers.abuse_prevention import RateLimit
from subscribers.signup.group_commit import GroupCommit, StoreBusy
from subscribers.signup.processing import AT_ONCE, process_oldest
from subscribers.tokens import Hashes

log = logging.getLogger(__name__)

LONGEST_PAUSE = 60.0  # seconds between two tries while the store is out of order


class SignupWorker:
    """Takes in what was asked for, in short transactions between those that readers wait for."""

    def __init__(
        self,
        writer: GroupCommit,
        hashes: Hashes,
        limit: RateLimit,
        on_letter: Callable[[], None],
        pause: float,
    ) -> None:
        self._writer = writer
        self._hashes = hashes
        self._limit = limit
        self._on_letter = on_letter
        self._pause = pause
        self._task: asyncio.Task[None] | None = None
        self._asked = False

    def soon(self) -> None:
        """Look for sign-ups soon; returns at once."""
        self._asked = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Look no more; what was asked for is in the store, and is taken in at the next start."""
        if self._task is None:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        pause = self._pause
        while self._asked:
            # What this costs depends on the address: it comes apart from the answer, some time on.
            await asyncio.sleep(pause)
            self._asked = False
            try:
                await self._take()
                pause = self._pause
            except (SQLAlchemyError, StoreBusy, TimeoutError) as fault:
                log.error("sign-ups wait: %s", type(fault).__name__)
                self._asked = True
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _take(self) -> None:
        asked = AT_ONCE
        while asked == AT_ONCE:
            asked, letters = await self._writer.alone(
                lambda session: process_oldest(session, self._hashes, self._limit)
            )
            if letters:
                self._on_letter()
