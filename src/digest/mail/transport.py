"""Decides which answers a transport gives: the type of an answer is the decision on a retry.

Each type names its `SendOutcome`, which is what tables and logs hold of it.

`Transport.prepare` is pure, so a request can be hashed and recorded before a connection is made.
`Transport.hand_over` never raises for a fault of the network or the provider; it returns an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar, Protocol, TypeVar

from digest.mail.mailing import Mailing
from subscribers.models import SendOutcome

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A mailing in its wire format."""

    payload: bytes = field(repr=False)
    recipients: int
    one_by_one: bool = False  #: whether each mail is handed over, and answered, by itself

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
    *about_recipient* is true if it's the recipient who is put off, not the sender.
    """

    outcome: ClassVar[SendOutcome] = SendOutcome.NOT_SENT
    detail: str
    status: int | None = None
    wait: float | None = None
    counts: bool = True
    about_recipient: bool = False


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


SingleAnswer = Accepted | Refused | NotSent | Halted | InDoubt


@dataclass(frozen=True, kw_only=True, slots=True)
class Mixed:
    """Each recipient has an answer of their own, in the order of the request."""

    outcome: ClassVar[SendOutcome] = SendOutcome.MIXED
    answers: Sequence[SingleAnswer]
    status: int | None = None
    detail: str = ""

    def accepted(self, recipients: Sequence[_T]) -> list[_T]:
        """Return those of *recipients*, in the order of the request, whose mail was accepted."""
        fates = zip(recipients, self.answers, strict=True)
        return [each for each, answer in fates if isinstance(answer, Accepted)]


Answer = SingleAnswer | Mixed


class Transport(Protocol):
    """Sends mailings."""

    def prepare(self, mailing: Mailing) -> PreparedRequest:
        """Return a mailing in its wire format, without side effects."""
        ...

    def hand_over(self, request: PreparedRequest) -> Answer:
        """Send a request once, and return the answer."""
        ...
