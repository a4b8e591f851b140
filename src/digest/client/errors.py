"""What a client of the API may catch: the API's refusal, or no answer at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ApiProblem(Exception):
    """The API refused a request, and says why (RFC 9457)."""

    def __init__(
        self, status: int, facts: Mapping[str, Any], *, retry_after: float | None = None
    ) -> None:
        self.status = status  #: the HTTP status
        self.retry_after = retry_after  #: seconds, where the API says how long to wait
        self.facts = facts  #: all that the answer holds
        self.title = str(facts.get("title") or f"the API answered {status}")
        self.detail = str(facts.get("detail") or "")
        self.next_step = facts.get("next_step")  #: what to do, where something can be done
        words = f"{self.title}: {self.detail}" if self.detail else self.title
        super().__init__(f"{words} ({status})")


class ApiUnreachable(Exception):
    """The API couldn't be reached, or gave no answer."""

    def __init__(self, message: str, *, sent: bool) -> None:
        self.sent = sent  #: whether the request may have been carried out
        super().__init__(message)
