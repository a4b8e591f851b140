"""The fault plan: which kinds of faults exist, their settings, and which request meets one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from digest.fake_sendgrid.events.webhook_batches import EventFaults
from digest.fake_sendgrid.mail_send_rules.violation import RuleViolation, about


class FaultKind(StrEnum):
    """The kinds of faults of a Mail Send request."""

    CUT_REQUEST = "cut-request"  #: reset at byte *at* of the request; nothing is recorded
    CUT = "cut"  #: no answer at all
    CUT_ANSWER = "cut-answer"  #: *at* bytes of the answer, then nothing
    CUT_BODY = "cut-body"  #: whole headers that announce a body, then a piece of it
    DELAY = "delay"  #: the right answer, *seconds* late
    DRIP = "drip"  #: the right answer, *step* bytes every *seconds*
    HANG = "hang"  #: silence until the client leaves, for *seconds* at most
    STATUS = "status"  #: another status
    NO_ID = "no-id"  #: the right answer without X-Message-Id
    WITH_BODY = "with-body"  #: the right answer with a body
    RATE_LIMIT = "rate-limit"  #: 429, with X-RateLimit-Reset as *reset* says
    REFUSE = "refuse"  #: 400 naming the recipients at *places*, or nobody
    GARBAGE = "garbage"  #: bytes that are no HTTP
    HTTP_09 = "http-0.9"  #: text without any head
    CONTINUE = "continue"  #: 100 Continue, and no more
    ENDLESS = "endless"  #: an answer whose body goes on for *bytes*
    MANY_HEADERS = "many-headers"  #: an answer with *count* headers more
    TWICE = "twice"  #: the right answer, and a stale one behind it
    KILL = "kill"  #: SIGKILL to the process *pid*, and no answer


#: The settings of each kind, with their defaults; *accept* is whether the request is checked and
#: recorded as usual before its answer goes wrong.
SETTINGS: Mapping[FaultKind, Mapping[str, Any]] = {
    FaultKind.CUT_REQUEST: {"at": 0},
    FaultKind.CUT: {"accept": True, "reset": False},
    FaultKind.CUT_ANSWER: {"accept": True, "at": 10, "reset": False},
    FaultKind.CUT_BODY: {"accept": True, "reset": False},
    FaultKind.DELAY: {"seconds": 1.0},
    FaultKind.DRIP: {"seconds": 0.3, "step": 1},
    FaultKind.HANG: {"accept": True, "seconds": 600.0},
    FaultKind.STATUS: {
        "accept": False, "status": 503, "body": "", "html": False, "size": 0, "headers": {},
    },
    FaultKind.NO_ID: {},
    FaultKind.WITH_BODY: {"body": '{"message":"success"}'},
    FaultKind.RATE_LIMIT: {"reset": "soon", "seconds": 2.0},
    FaultKind.REFUSE: {"places": [], "html": False, "size": 0},
    FaultKind.GARBAGE: {"accept": True},
    FaultKind.HTTP_09: {"accept": True},
    FaultKind.CONTINUE: {"accept": True},
    FaultKind.ENDLESS: {"accept": True, "bytes": 1_000_000_000},
    FaultKind.MANY_HEADERS: {"accept": True, "count": 10_000},
    FaultKind.TWICE: {},
    FaultKind.KILL: {"accept": True, "pid": 0},
}  # fmt: skip
#: Kinds that never check nor record the request, whatever their settings.
NEVER_ACCEPT = frozenset({FaultKind.RATE_LIMIT, FaultKind.REFUSE})


@dataclass(frozen=True, kw_only=True)
class FaultCondition:
    """Which requests a fault meets; requests are counted from 1 since the script was set."""

    on: list[int] | None = None  #: only these numbers
    first: int = 1
    last: int | None = None
    every: int = 1  #: each n-th from first to last, the first included
    chance: float = 1.0  #: the share of those, drawn from the seed and the number
    times: int | None = None  #: at most this often


@dataclass(frozen=True)
class Fault:
    """One line of a script: what goes wrong, and when."""

    kind: FaultKind
    when: FaultCondition
    settings: Mapping[str, Any]

    @property
    def accepts(self) -> bool:
        """Whether the request is checked and recorded as usual before its answer goes wrong."""
        return self.kind not in NEVER_ACCEPT and bool(self.settings.get("accept", True))

    def meets(self, number: int, draw: float) -> bool:
        """Return whether the fault meets the request *number*; *draw* is from 0 to 1."""
        when = self.when
        if when.on is not None and number not in when.on:
            return False
        if number < when.first or (when.last is not None and number > when.last):
            return False
        return (number - when.first) % when.every == 0 and draw < when.chance


@dataclass(frozen=True, kw_only=True)
class BadAddresses:
    """Valid addresses that are refused on request."""

    containing: str | None = None  #: in the part before the @
    listed: list[str] = field(default_factory=list)
    one_in: int | None = None  #: chosen by hash, so always the same addresses
    named: str = "all"  #: "all" or "first": the violations one answer names

    def refuse(self, body: Mapping[str, Any]) -> list[RuleViolation]:
        """Return a violation for each such address in a valid body."""
        violations = [
            about(
                f"personalizations.{number}.{kind}.{index}.email",
                "Does not contain a valid address.",
                f"personalizations.{kind}",
            )
            for number, personalization in enumerate(body["personalizations"])
            for kind in ("to", "cc", "bcc")
            for index, mailbox in enumerate(personalization.get(kind) or ())
            if self._is_bad(mailbox["email"].lower())
        ]
        return violations[:1] if self.named == "first" else violations

    def _is_bad(self, address: str) -> bool:
        if self.containing and self.containing.lower() in address.partition("@")[0]:
            return True
        if self.one_in and _number(address) % self.one_in == 0:
            return True
        return address in (bad.lower() for bad in self.listed)


@dataclass
class FaultPlan:
    """A parsed fault script, with the counts of requests and of met faults."""

    faults: tuple[Fault, ...] = ()
    addresses: BadAddresses = field(default_factory=BadAddresses)
    events: EventFaults = field(default_factory=EventFaults)
    seed: int = 0
    number: int = 0  #: of the last request
    met: Counter[int] = field(default_factory=Counter)  #: by place in the script

    def next(self) -> Fault | None:
        """Count one request, and return the first fault that meets it, or ``None``."""
        self.number += 1
        for index, fault in enumerate(self.faults):
            draw = _number(f"{self.seed}|{index}|{self.number}") / 2**64
            spent = fault.when.times is not None and self.met[index] >= fault.when.times
            if not spent and fault.meets(self.number, draw):
                self.met[index] += 1
                return fault
        return None

    def describe(self) -> dict[str, Any]:
        """Return the number of counted requests, and how many each line of the script met."""
        return {
            "requests": self.number,
            "faults": [
                {"do": fault.kind, "met": self.met[index]}
                for index, fault in enumerate(self.faults)
            ],
            "addresses": asdict(self.addresses),
            "events": asdict(self.events),
        }


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
