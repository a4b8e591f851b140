"""The port a mailing leaves by; the type of an answer is the decision.

`Transport.prepare` is pure: its request can be hashed and recorded before anything is connected.
`Transport.hand_over` never raises for what the network or the provider does: it answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from digest.mail.mailing import Mailing


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A mailing in the form it will travel."""

    payload: bytes = field(repr=False)
    recipients: int

    @property
    def hash(self) -> str:
        """SHA-256 of the payload, as hex."""
        return sha256(self.payload).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """The provider took the whole request."""

    provider_id: str | None = None
    status: int | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """The provider refused the request, definitely: nobody in it was mailed.

    *recipients* maps the index of each recipient that was named to the provider's words; it is
    empty when none was. *too_large* asks for smaller requests.
    """

    status: int | None = None
    detail: str = ""
    recipients: Mapping[int, str] = field(default_factory=dict)
    too_large: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class NotSent:
    """Certainly not sent, and trying again can help.

    *wait* is what the provider asked for, in seconds; ``None`` leaves it to the caller.
    *counts* is false when it was no failure (a rate limit).
    """

    detail: str
    status: int | None = None
    wait: float | None = None
    counts: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Halted:
    """Certainly not sent, and nothing will be until a person mends the set-up."""

    detail: str
    status: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class InDoubt:
    """It may have been sent: never again without evidence or a person's decision.

    *halts* says that the fault is our own, so that the next request would meet it too.
    """

    detail: str
    status: int | None = None
    halts: bool = False


Answer = Accepted | Refused | NotSent | Halted | InDoubt


class Transport(Protocol):
    """A way out for mailings."""

    def prepare(self, mailing: Mailing) -> PreparedRequest:
        """Put a mailing into the form it will travel; touches nothing outside."""
        ...

    def hand_over(self, request: PreparedRequest) -> Answer:
        """Send it, once."""
        ...
