"""How concurrent writes share a transaction: one thread, one queue, one commit for many items.

SQLite has one writer at a time (https://www.sqlite.org/lockingv3.html). Handlers that queue here
don't compete for its lock, and share the cost of a durable commit.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar
from weakref import WeakSet

from sqlmodel import Session

from subscribers.sql import UnitOfWork

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_WAITING = 2_000  # writes in the queue; one more is refused
MAX_ITEMS = 64  # items a transaction
#: Seconds the first write waits for others to share its commit, and the number that ends the wait:
#: each transaction saved leaves more of the processor to the pages.
GATHERING, ENOUGH = 0.004, 16
WAIT_SECONDS = 8.0  # seconds a caller waits; a mail client's one-click POST waits hardly longer


class StoreBusy(Exception):
    """The store can't keep up; nothing was written."""


@dataclass(slots=True)
class _Write:
    work: Callable[[Session, Sequence[Any]], Sequence[Any]]
    item: Any
    answer: asyncio.Future[Any]
    at: float  #: when it was queued, by `time.monotonic`
    shares: bool  #: whether others may share its transaction, so that it waits for them


class GroupCommit:
    """Run writes one after another in a thread; those with the same work share a transaction.

    The thread starts with the first write, and ends after *idle_seconds* without one. A caller
    waits at most *wait_seconds*.
    """

    def __init__(
        self,
        sessions: UnitOfWork,
        *,
        idle_seconds: float = 5.0,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._sessions = sessions
        self._idle, self._patience = idle_seconds, wait_seconds
        self._queue: deque[_Write] = deque()
        self._taken: list[_Write] = []  #: from the queue, to be committed now
        #: Loops that look at their writes once the oldest has waited too long: a timer
        #: for each write would cost as much as to record it.
        self._watching: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
        self._changed = threading.Condition()
        self._running = False
        self._stopping = False
        self._thread = threading.Thread()

    async def together(
        self, work: Callable[[Session, Sequence[Item]], Sequence[Result]], item: Item
    ) -> Result:
        """Return what *work* returned for an item, after the commit.

        *work* gets the items of all the writes that share the transaction, and returns a result for
        each. Raise `StoreBusy` when the queue is full, `TimeoutError` after *wait_seconds*, and the
        exception of *work* or the database when nothing was written.
        """
        result: Result = await self._written(work, item, shares=True)
        return result

    async def alone(self, work: Callable[[Session], Result]) -> Result:
        """Return what *work* returned in a transaction of its own, after the commit."""
        result: Result = await self._written(lambda session, _: [work(session)], None, shares=False)
        return result

    async def _written(
        self,
        work: Callable[[Session, Sequence[Any]], Sequence[Any]],
        item: object,
        *,
        shares: bool,
    ) -> Any:
        loop = asyncio.get_running_loop()
        write = _Write(work, item, loop.create_future(), time.monotonic(), shares)
        if self._put(write) and shares:
            loop.call_later(GATHERING, self._wake, write)
        if loop not in self._watching:
            self._watching.add(loop)
            loop.call_later(self._patience, self._give_up, loop)
        return await write.answer

    def stop(self) -> None:
        """Write what is queued, and end the thread; call this before the store is closed."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
            thread = self._thread
        if thread.is_alive():
            thread.join()

    def _put(self, write: _Write) -> bool:
        """Queue a write; return whether it is the first of the queue."""
        with self._changed:
            if len(self._queue) >= MOST_WAITING:
                raise StoreBusy
            self._queue.append(write)
            if not self._running:
                self._running = True
                self._thread = threading.Thread(
                    target=self._run, name="subscribers-writer", daemon=True
                )
                self._thread.start()
            is_first = len(self._queue) == 1
            if len(self._queue) == ENOUGH or (is_first and not write.shares):
                self._changed.notify()
            return is_first

    def _wake(self, first: _Write) -> None:
        """Have the queue written, if *first* is still the first in it.

        The event loop keeps the time: the thread would wake for the first write, only to wait, and
        each time take the interpreter from the loop amid the requests that are to share the commit.
        """
        with self._changed:
            if self._queue and self._queue[0] is first:
                self._changed.notify()

    def _give_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """Fail what has waited too long in this loop, and look again when the next will have."""
        with self._changed:
            writes = [*self._taken, *self._queue]
        waiting = [w for w in writes if w.answer.get_loop() is loop and not w.answer.done()]
        late = time.monotonic() - self._patience
        for write in waiting:
            if write.at <= late:
                write.answer.set_exception(TimeoutError())
        rest = [write.at - late for write in waiting if write.at > late]
        if rest:
            loop.call_later(min(rest), self._give_up, loop)
        else:
            self._watching.discard(loop)

    def _run(self) -> None:
        while writes := self._next():
            self._commit(writes)

    def _next(self) -> list[_Write]:
        """Wait for writes, and return those from the front of the queue that share their work."""
        with self._changed:
            while (seconds := self._seconds_to_wait()) > 0:
                if not self._changed.wait(seconds) and not self._queue:
                    break
            writes: list[_Write] = []
            self._taken = writes
            if not self._queue:
                self._running = False
                return writes
            writes.append(self._queue.popleft())
            while self._queue and self._queue[0].work == writes[0].work and len(writes) < MAX_ITEMS:
                writes.append(self._queue.popleft())
            return writes

    def _seconds_to_wait(self) -> float:
        if self._stopping or len(self._queue) >= ENOUGH:
            return 0
        if not self._queue:
            return self._idle
        first = self._queue[0]
        return first.at + GATHERING - time.monotonic() if first.shares else 0

    def _commit(self, writes: list[_Write]) -> None:
        waiting = [write for write in writes if not write.answer.done()]  # the others gave up
        if not waiting:
            return
        try:
            with self._sessions.write() as session:
                results = waiting[0].work(session, [write.item for write in waiting])
                answers = list(zip(waiting, results, strict=True))
        except Exception as fault:  # every one of the callers waits for an answer
            _deliver([(write, fault) for write in waiting])
            return
        _deliver(answers)


def _deliver(answers: Sequence[tuple[_Write, Any]]) -> None:
    """Wake each event loop once for all its answers: a wake-up costs as much as a write."""
    for loop, group in groupby(answers, key=lambda answer: answer[0].answer.get_loop()):
        with suppress(RuntimeError):  # the loop was closed meanwhile: no caller waits any more
            loop.call_soon_threadsafe(_resolve, list(group))


def _resolve(answers: Sequence[tuple[_Write, Any]]) -> None:
    for write, result in answers:
        if write.answer.done():  # the caller has given up
            continue
        if isinstance(result, Exception):
            write.answer.set_exception(result)
        else:
            write.answer.set_result(result)
