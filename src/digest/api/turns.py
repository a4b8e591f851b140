"""Bound how many requests of one costly kind this process works on at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from digest.api.problems import ApiRefusal, ProblemType

RETRY_SECONDS = 5


class Turns:
    """The turns of one kind of request; *what* says what is being done by those under way."""

    def __init__(self, at_once: int, what: str) -> None:
        self._what = f"{at_once} {what}"
        self._free = BoundedSemaphore(at_once)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold one turn for the length of the block; raises `ApiRefusal` where none is free."""
        if not self._free.acquire(blocking=False):
            raise ApiRefusal(
                ProblemType.UNAVAILABLE,
                f"{self._what} already.",
                next_step=f"send it again in {RETRY_SECONDS} seconds",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        try:
            yield
        finally:
            self._free.release()
