"""The simulated provider: its record of accepted mails is the reference of the invariants."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from http.client import HTTPMessage
from random import Random
from typing import Any

import orjson

from digest.mail.provider_events import EventKind, ProviderEvent
from digest.mail.sendgrid.http_exchange import Exchange, Phase
from digest.mail.sendgrid.payload import ATTEMPT, BATCH, DELIVERY
from digest.mail.transport import Accepted, Halted, InDoubt, NotSent, Refused, SingleAnswer

#: What a request may meet, with its usual weight beside 100 for a plain 202.
FAULTS = {
    "no-connection": 6,
    "request-cut": 4,
    "slow-down": 5,
    "too-large": 4,
    "refused-for-nothing": 3,
    "key-revoked": 1,
    "sandbox": 1,
    "broke-before": 5,
    "broke-after": 5,
    "silent-before": 4,
    "silent-after": 6,
    "odd-success": 2,
    "moved": 1,
}
#: Faults after which the mail is queued all the same.
TAKEN = {"broke-after", "silent-after"}
FATES = {
    EventKind.DELIVERED: 80,
    EventKind.BOUNCED: 5,
    EventKind.BLOCKED: 3,
    EventKind.DEFERRED: 4,
    EventKind.DROPPED: 3,
    EventKind.COMPLAINED: 3,
    EventKind.UNSUBSCRIBED: 2,
}


#: What a relay answers, by the same faults; to "none" and to others it says 250.
_RELAYED: dict[str, SingleAnswer] = {
    "no-connection": NotSent(detail="no connection"),
    "request-cut": NotSent(detail="the connection ended before it", wait=0.0, counts=False),
    "slow-down": NotSent(status=451, detail="451 too fast", wait=3.0, counts=False),
    "too-large": NotSent(status=450, detail="450 greylisted", about_recipient=True),
    "key-revoked": Halted(status=535, detail="535 who are you"),
    "broke-before": NotSent(status=421, detail="421 closing"),
    "broke-after": InDoubt(detail="the connection ended after DATA"),
    "silent-before": InDoubt(detail="no answer to DATA"),
    "silent-after": InDoubt(detail="no answer to DATA"),
    "odd-success": InDoubt(detail="an answer that is none", halts=True),
    "refused-for-nothing": Refused(status=554, detail="554 no"),
}
#: Answers after which a relay's connection is gone.
CUT_OFF = (InDoubt, Halted, NotSent)
BOUNCED = 0.2


@dataclass(frozen=True)
class Mail:
    """One accepted mail."""

    batch: str
    attempt: str
    delivery: int
    address: str


@dataclass
class Provider:
    """Answers requests, records the accepted mails, and reports their events."""

    random: Random
    troubles: dict[str, float]
    bad: set[str] = field(default_factory=set)  #: addresses it refuses
    names: str = "all"  #: how it refuses them: names "all", the "first", or "none"
    one_by_one: bool = False  #: whether it is a relay, which answers for each mail by itself
    cap: int = 1000  #: recipients it takes in one request
    bounces: int = 1  #: how many times more bounce than usual
    mails: list[Mail] = field(default_factory=list)
    news: list[ProviderEvent] = field(default_factory=list)  #: to be told
    told: list[ProviderEvent] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    requests: int = 0

    def heal(self) -> None:
        """Stop all faults except bad addresses."""
        self.troubles, self.cap = {}, 1000

    def took(self, attempt: str) -> set[int]:
        """Return the deliveries accepted of a request, as a look at the activity page would."""
        return {mail.delivery for mail in self.mails if mail.attempt == attempt}

    def answer(self, payload: bytes, now: datetime) -> Exchange:
        """Judge a request, keep what is taken of it, and answer."""
        self.requests += 1
        body = orjson.loads(payload)
        fault = self._draw()
        self.faults[fault] += 1
        before = _BEFORE.get(fault)
        if before is not None:
            return before
        if fault == "slow-down":
            return _slow_down(self.random, now)
        refusal = self._refusal(body, fault)
        if refusal is not None:
            return refusal
        self._accept(body, now)
        return _AFTER.get(fault) or _taken(self.requests)

    def _draw(self) -> str:
        names, weights = list(self.troubles), list(self.troubles.values())
        return self.random.choices(["none", *names], [100.0, *weights])[0]

    def _refusal(self, body: Any, fault: str) -> Exchange | None:
        people = [personalization["to"][0]["email"] for personalization in body["personalizations"]]
        if len(people) > self.cap or (fault == "too-large" and len(people) > 1):
            return _status(413)
        if fault == "refused-for-nothing":
            return _status(400, orjson.dumps({"errors": [{"message": "no"}]}))
        places = [place for place, who in enumerate(people) if who in self.bad]
        if not places:
            return None
        named = {"all": places, "first": places[:1], "none": [-1]}[self.names]
        errors = [
            {"message": "bad", "field": None if n < 0 else f"personalizations.{n}.to.0.email"}
            for n in named
        ]
        return _status(400, orjson.dumps({"errors": errors}))

    def _accept(self, body: Any, now: datetime) -> None:
        for personalization in body["personalizations"]:
            delivery, address = self._keep(body, personalization)
            fates = {**FATES, EventKind.BOUNCED: FATES[EventKind.BOUNCED] * self.bounces}
            fate = self.random.choices(list(fates), list(fates.values()))[0]
            first = [] if fate is EventKind.DROPPED else [EventKind.PROCESSED]
            last = [EventKind.DELIVERED] if fate is EventKind.COMPLAINED else []
            for kind in [*first, *last, fate]:
                self.news.append(_event(kind, body["custom_args"], delivery, address, now))

    def _keep(self, body: Any, personalization: Any) -> tuple[str, str]:
        """Record a mail as accepted; return its delivery and its address."""
        args, address = body["custom_args"], personalization["to"][0]["email"]
        delivery = personalization["custom_args"][DELIVERY]
        if int(delivery):  # not a watched copy, which nobody reads
            self.mails.append(Mail(args[BATCH], args[ATTEMPT], int(delivery), address))
        return delivery, address

    def relay(self, body: Any, personalization: Any, now: datetime) -> SingleAnswer:
        """Judge one mail of a request as a relay does; a few bounce later."""
        self.requests += 1
        fault = self._draw()
        self.faults[fault] += 1
        if personalization["to"][0]["email"] in self.bad:
            return Refused(status=550, detail="550 no such user")
        answer = _RELAYED.get(fault)
        if answer is None or fault in TAKEN:
            delivery, address = self._keep(body, personalization)
            if self.random.random() < BOUNCED:
                kind = self.random.choice([EventKind.BOUNCED, EventKind.BLOCKED])
                self.news.append(_event(kind, body["custom_args"], delivery, address, now))
        return answer or Accepted(status=250)

    def forge(self) -> list[ProviderEvent]:
        """Return bounces of an attempt that never was, and of a mail that an attempt never had."""
        if not self.mails:
            return []
        mail = self.random.choice(self.mails)
        bounce = ProviderEvent(EventKind.BOUNCED, 1, str(mail.delivery), "f" * 32)
        return [bounce, bounce._replace(delivery="1000000", attempt=mail.attempt)]


def _event(kind: EventKind, args: Any, delivery: str, address: str, now: datetime) -> ProviderEvent:
    return ProviderEvent(
        kind=kind,
        at=int(now.timestamp()),
        delivery=delivery,
        attempt=args[ATTEMPT],
        address=address,
        cause="Bounced Address" if kind is EventKind.DROPPED else "",
    )


def _headers(**named: str) -> HTTPMessage:
    headers = HTTPMessage()
    for name, value in named.items():
        Message.add_header(headers, name.replace("_", "-"), value)
    return headers


def _status(status: int, body: bytes = b"", **headers: str) -> Exchange:
    return Exchange(phase=Phase.ANSWERED, status=status, headers=_headers(**headers), body=body)


def _taken(number: int) -> Exchange:
    return _status(202, X_Message_Id=f"message-{number}")


def _slow_down(random: Random, now: datetime) -> Exchange:
    reset = random.choice([now.timestamp() + 3, now.timestamp() - 60, 4_102_444_800, -5, "soon"])
    return _status(429, X_RateLimit_Reset=str(reset))


#: Answers to requests that were not even read to their end, or were refused whatever they say.
_BEFORE = {
    "no-connection": Exchange(phase=Phase.CONNECTING, fault="refused"),
    "request-cut": Exchange(phase=Phase.WRITING, fault="reset"),
    "key-revoked": _status(401),
    "sandbox": _status(200),
    "broke-before": _status(503),
    "silent-before": Exchange(phase=Phase.WAITING, fault="timeout"),
    "moved": _status(307),
}
_AFTER = {
    "broke-after": _status(502),
    "silent-after": Exchange(phase=Phase.WAITING, fault="closed"),
    "odd-success": _status(201),
}
