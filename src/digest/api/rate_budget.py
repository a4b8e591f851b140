"""Count each caller's requests in the present minute, and tell what is left.

This module hides how callers are counted: in this process alone, so that each process of a site
allows the whole quota. The fields of the headers are those of draft-ietf-httpapi-ratelimit-headers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

WINDOW = 60  #: seconds
#: Callers counted apart in one minute; all further ones share one count, so memory stays bounded.
MOST_CALLERS = 50_000


@dataclass(frozen=True, kw_only=True)
class RateState:
    """What a caller has left of a policy; *quota* 0 is no limit."""

    policy: str
    quota: int
    left: int
    seconds: int  #: until the quota is whole again

    @property
    def spent(self) -> bool:
        """Whether this request was one too many."""
        return self.left < 0

    def headers(self) -> dict[str, str]:
        """Return the headers that tell it; none where there is no limit."""
        if not self.quota:
            return {}
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.quota};w={WINDOW}',
            "RateLimit": f'"{self.policy}";r={max(0, self.left)};t={self.seconds}',
        }


class RateBudget:
    """The requests of every caller in the present minute; *steady* counts seconds."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._window = -1
        self._used: dict[str, int] = {}

    def take(self, policy: str, caller: str, quota: int) -> RateState:
        """Count one request of a caller, and return what is left."""
        now = self._steady()
        window = int(now // WINDOW)
        if window != self._window:
            self._window, self._used = window, {}
        if caller not in self._used and len(self._used) >= MOST_CALLERS:
            caller = ""
        used = self._used.get(caller, 0) + 1
        self._used[caller] = used
        left = quota - used if quota else 0
        seconds = WINDOW - int(now % WINDOW)
        return RateState(policy=policy, quota=quota, left=left, seconds=seconds)
