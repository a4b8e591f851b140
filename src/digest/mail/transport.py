"""Decides which answers a transport gives: the type of an answer is the decision on a retry.

Each type names its `SendOutcome`, which is what tables and logs hold of it.

`Transport.prepare` is pure, so a request can be hashed and recorded before a connection is made.
`Transport.hand_over` never raises for a fault of the network or the provider; it returns an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar, Protocol

from digest.mail.mailing import Mailing
from subscribers.models import SendOutcome


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A mailing in its wire format."""

    payload: bytes = field(repr=False)
    recipients: int

    @property
    def hash(self) -> str:
        """Return the SHA-256 of the payload in hexadecimal."""
        return sha256(self.payload).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """The provider accepted the whole request."""

    outcome: ClassVar[SendOutcome] = SendOutcome.ACCEPTED
    provider_id: str | None = None
    status: int | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """The provider refused the request, and no recipient was mailed.

    *recipients* maps the index of each recipient named in the refusal to the provider's reason.
    *too_large* is true if smaller requests may be accepted.
    """

    outcome: ClassVar[SendOutcome] = SendOutcome.REFUSED
    status: int | None = None
    detail: str = ""
    recipients: Mapping[int, str] = field(default_factory=dict)
    too_large: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class NotSent:
    """The request was certainly not sent, and a retry can help.

    *wait* is the delay the provider asked for, in seconds; ``None`` leaves it to the caller.
    *counts* is false if the circuit breaker must not count the answer as a failure (a rate limit).
    """

    outcome: ClassVar[SendOutcome] = SendOutcome.NOT_SENT
    detail: str
    status: int | None = None
    wait: float | None = None
    counts: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Halted:
    """The request was certainly not sent, and none will be until a person repairs the set-up."""

    outcome: ClassVar[SendOutcome] = SendOutcome.HALTED
    detail: str
    status: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class InDoubt:
    """The request may have been sent: retry only on evidence or a person's decision.

    *halts* is true if the fault is local, so that the next request would fail as well.
    """

    outcome: ClassVar[SendOutcome] = SendOutcome.IN_DOUBT
    detail: str
    status: int | None = None
    halts: bool = False


Answer = Accepted | Refused | NotSent | Halted | InDoubt


class Transport(Protocol):
    """Sends mailings."""

    def prepare(self, mailing: Mailing) -> PreparedRequest:
        """Return a mailing in its wire format, without side effects."""
        ...

    def hand_over(self, request: PreparedRequest) -> Answer:
        """Send a request once, and return the answer."""
        ...
