"""Holds a transport that stores mailings in memory, for tests and dry runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from digest.mail.mailing import Mailing, pack, unpack
from digest.mail.transport import Accepted, Answer, Mixed, PreparedRequest


@dataclass
class MemoryTransport:
    """Accepts every mailing, or answers by *answer*; stores the accepted mailings."""

    answer: Callable[[Mailing], Answer] = lambda _: Accepted(provider_id="memory")
    accepted: list[Mailing] = field(default_factory=list)
    one_by_one: bool = False

    def prepare(self, mailing: Mailing) -> PreparedRequest:
        """Return the mailing as JSON; store nothing."""
        return PreparedRequest(
            payload=pack(mailing),
            recipients=len(mailing.recipients),
            one_by_one=self.one_by_one,
        )

    def hand_over(self, request: PreparedRequest) -> Answer:
        """Return the answer, and store the mailing as far as it is accepted."""
        mailing = unpack(request.payload)
        answer = self.answer(mailing)
        if isinstance(answer, Accepted):
            self.accepted.append(mailing)
        elif isinstance(answer, Mixed):
            kept = answer.accepted(mailing.recipients)
            self.accepted.append(replace(mailing, recipients=kept))
        return answer

    def addresses(self) -> list[str]:
        """Return the address of every accepted mail, in order of sending."""
        return [r.address for mailing in self.accepted for r in mailing.recipients]
