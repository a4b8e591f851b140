"""When recorded sign-ups are processed: a moment later, apart from the answer to the request.

In a flood, the answers to new sign-ups go first: what is recorded loses nothing by waiting. A
failed try is repeated, at ever longer intervals of up to `LONGEST_PAUSE`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from subscribers.abuse_prevention import RateLimit
from subscribers.signup.group_commit import GroupCommit, StoreBusy
from subscribers.signup.processing import MAX_SIGNUPS, process_oldest
from subscribers.tokens import Hashes

log = logging.getLogger(__name__)

LONGEST_PAUSE = 60.0  # seconds between two tries while the store fails
#: Sign-ups a second that make a flood: where fewer come, there is time to process them as they do.
FLOOD = 2_000
FLOOD_PAUSE = 1.0  # seconds between two transactions in a flood
MOST_AT_ONCE = 64  # transactions from one pause to the next; a flood may begin meanwhile


class SignupWorker:
    """Process recorded sign-ups in short transactions, between those that requests wait for.

    It looks *pause* seconds after `schedule`, which is called for each sign-up, and calls
    *on_letter* when letters were queued.
    """

    def __init__(
        self,
        writer: GroupCommit,
        hashes: Hashes,
        limit: RateLimit,
        on_letter: Callable[[], None],
        pause: float,
        wait: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._writer = writer
        self._hashes = hashes
        self._limit = limit
        self._on_letter = on_letter
        self._pause, self._wait = pause, wait
        self._task: asyncio.Task[None] | None = None
        self._new = 0  #: sign-ups recorded since the last pause or the last look

    def schedule(self) -> None:
        """Have sign-ups processed soon; return at once."""
        self._new += 1
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
        pause, left = self._pause, False
        while left or self._new:
            self._new = 0
            # The time this takes depends on the address, so it is kept apart from the answer.
            await self._wait(pause)
            flood = self._new > max(FLOOD * pause, MAX_SIGNUPS)
            self._new = 0
            try:
                left = await self._process(1 if flood else MOST_AT_ONCE)
                pause = FLOOD_PAUSE if flood else self._pause
            except (SQLAlchemyError, StoreBusy, TimeoutError) as fault:
                log.error("sign-ups wait: %s", type(fault).__name__)
                left, pause = True, min(2 * pause, LONGEST_PAUSE)

    async def _process(self, transactions: int) -> bool:
        """Process the oldest sign-ups; return whether more may wait."""
        for _ in range(transactions):
            processed, letters = await self._writer.alone(
                lambda session: process_oldest(session, self._hashes, self._limit)
            )
            if letters:
                self._on_letter()
            if processed < MAX_SIGNUPS:
                return False
        return True
