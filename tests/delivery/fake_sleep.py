"""A stop signal whose waits take no time, for tests of waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable


class InstantWaits(threading.Event):
    """A stop event whose waits take no time and are recorded; *meanwhile* runs during each."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.waits: list[float] = []
        self.meanwhile = meanwhile

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        self.meanwhile()
        return self.is_set()
