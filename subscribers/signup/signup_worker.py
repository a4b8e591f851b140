"""When recorded sign-ups are processed: a moment later, apart from the answer to the request.

A failed try is repeated, at ever longer intervals of up to `LONGEST_PAUSE`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from subscribers.abuse_prevention import RateLimit
from subscribers.signup.group_commit import GroupCommit, StoreBusy
from subscribers.signup.processing import MAX_SIGNUPS, process_oldest
from subscribers.tokens import Hashes

log = logging.getLogger(__name__)

LONGEST_PAUSE = 60.0  # seconds between two tries while the store fails


class SignupWorker:
    """Process recorded sign-ups in short transactions, between those that requests wait for.

    It looks *pause* seconds after `schedule`, and calls *on_letter* when letters were queued.
    """

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
        self._requested = False

    def schedule(self) -> None:
        """Have sign-ups processed soon; return at once."""
        self._requested = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop; sign-ups that are still recorded are processed after the next start."""
        if self._task is None:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        pause = self._pause
        while self._requested:
            # The time this takes depends on the address, so it is kept apart from the answer.
            await asyncio.sleep(pause)
            self._requested = False
            try:
                await self._process()
                pause = self._pause
            except (SQLAlchemyError, StoreBusy, TimeoutError) as fault:
                log.error("sign-ups wait: %s", type(fault).__name__)
                self._requested = True
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _process(self) -> None:
        processed = MAX_SIGNUPS
        while processed == MAX_SIGNUPS:
            processed, letters = await self._writer.alone(
                lambda session: process_oldest(session, self._hashes, self._limit)
            )
            if letters:
                self._on_letter()
