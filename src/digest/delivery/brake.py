"""Stops a send between two requests."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass
class Brake:
    """Tells every sender to stop, or to wait; safe to use from a signal handler."""

    grace: float = 30.0  #: seconds that what is under way has to end after a stop
    stopping: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Let no further batch be claimed; what is under way is finished."""
        self.stopping.set()
