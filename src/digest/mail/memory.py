"""A transport that keeps what it is given, for tests and dry runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from digest.mail.mailing import Mailing
from digest.mail.transport import Accepted, Answer, PreparedRequest


@dataclass
class MemoryTransport:
    """Accepts every mailing, or answers as *answer* says; keeps those it accepted."""

    answer: Callable[[Mailing], Answer] = lambda _: Accepted(provider_id="memory")
    accepted: list[Mailing] = field(default_factory=list)
    _prepared: dict[bytes, Mailing] = field(default_factory=dict, repr=False)

    def prepare(self, mailing: Mailing) -> PreparedRequest:
        """Remember the mailing under a payload of its own."""
        payload = f"{mailing.attempt}:{len(self._prepared)}".encode()
        self._prepared[payload] = mailing
        return PreparedRequest(payload=payload, recipients=len(mailing.recipients))

    def hand_over(self, request: PreparedRequest) -> Answer:
        """Answer as told, and keep what was accepted."""
        mailing = self._prepared.pop(request.payload)
        answer = self.answer(mailing)
        if isinstance(answer, Accepted):
            self.accepted.append(mailing)
        return answer

    def addresses(self) -> list[str]:
        """Every address that was mailed, in order, once for each mail."""
        return [r.address for mailing in self.accepted for r in mailing.recipients]
