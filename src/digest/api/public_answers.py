"""Keep finished answers to public reads, for as long as nothing they are made from has changed.

This module hides how an answer is never older than its question, also where another process
changes the database: each question is followed by a look at the directory's state, which all
questions share that were asked before it began.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from anyio.to_thread import run_sync
from sqlmodel import Session

from digest.app.installation import App
from digest.directory import DirectoryState, PublicTerms, directory_state

MOST_BYTES = 16_000_000  #: of all bodies kept


class PublicAnswer(NamedTuple):
    """The body of an answer, with what tells one version of it from another."""

    body: bytes
    etag: str  #: with its quotation marks
    modified: datetime | None  #: when what it tells last changed, where that is known


def public_answer(body: bytes, modified: datetime | None = None) -> PublicAnswer:
    """Return an answer under an entity tag that follows from its body."""
    return PublicAnswer(body, f'"{sha256(body).hexdigest()[:32]}"', modified)


Make = Callable[[Session, PublicTerms], PublicAnswer]


class PublicAnswers:
    """The answers that are kept, those asked for last, up to `MOST_BYTES`."""

    def __init__(self, app: App, *, most_bytes: int = MOST_BYTES) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._state: DirectoryState | None = None
        self._kept: OrderedDict[str, PublicAnswer] = OrderedDict()
        self._bytes = 0
        self._making = asyncio.Lock()  # one at a time: the rest of the site needs threads, too
        self._looking: asyncio.Task[DirectoryState] | None = None
        self._next_look: asyncio.Task[DirectoryState] | None = None

    async def get(self, key: str, make: Make) -> PublicAnswer:
        """Return the answer to the question *key*, by *make* where none is kept.

        Raises what *make* raises, and keeps nothing then.
        """
        state = await self._present_state()
        if kept := self._find(state, key):
            return kept
        async with self._making:
            if kept := self._find(state, key):  # made while this waited
                return kept
            seen, answer = await run_sync(self._made, make)
            self._keep(seen, key, answer)
        return answer

    async def _present_state(self) -> DirectoryState:
        """Return what the next look sees; one that has begun may have missed a change."""
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look(self._looking))
        return await asyncio.shield(self._next_look)

    async def _look(self, before: asyncio.Task[DirectoryState] | None) -> DirectoryState:
        if before is not None and not before.done():
            await asyncio.wait([before])
        self._looking, self._next_look = self._next_look, None
        state = await run_sync(self._read_state)
        if state != self._state:
            self._state, self._bytes = state, 0
            self._kept.clear()
        return state

    def _read_state(self) -> DirectoryState:
        with self._app.database.read() as session:
            return directory_state(session, self._app.public_site.comparisons)

    def _made(self, make: Make) -> tuple[DirectoryState, PublicAnswer]:
        terms = self._app.public_site.comparisons
        with self._app.database.read() as session:
            return directory_state(session, terms), make(session, terms)

    def _find(self, state: DirectoryState, key: str) -> PublicAnswer | None:
        if state != self._state or key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key]

    def _keep(self, state: DirectoryState, key: str, answer: PublicAnswer) -> None:
        if state != self._state or len(answer.body) > self._most_bytes:
            return
        self._kept[key] = answer
        self._bytes += len(answer.body)
        while self._bytes > self._most_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.body)
