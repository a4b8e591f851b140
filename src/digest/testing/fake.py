"""One fake SendGrid, put together: who answers which path."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from digest.errors import DigestError
from digest.testing import control, reading, script
from digest.testing.courier import Courier, check_local, deliver
from digest.testing.faults import Fault
from digest.testing.ledger import WEBHOOK_KEY, Ledger
from digest.testing.luck import Luck
from digest.testing.mailsend import Limit, MailSend
from digest.testing.message import TEXT, Reply, Request, errors, facts
from digest.testing.misbehave import replaced
from digest.testing.options import Options
from digest.testing.signing import Signer, new_key

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
SEND_LINE = b"POST /v3/mail/send"
#: What a fault that accepts nothing starts from.
UNANSWERED = errors(500, "an unexpected error occurred")


@dataclass
class Tally:
    """What reached the server since it began, accepted or not."""

    connections: int = 0
    sends: int = 0  #: Mail Send requests that began to arrive
    answers: Counter[str] = field(default_factory=Counter)  #: by status, of those that were read


class FakeSendGrid:
    """Everything one running fake works with."""

    def __init__(self, options: Options, clock: Callable[[], float] = time.time) -> None:
        self.options = options
        self.clock = clock
        self.ledger = Ledger(Path(options.ledger))
        self.mail_send = MailSend(
            options=options,
            ledger=self.ledger,
            clock=clock,
            limit=Limit(options.rate_limit),
            refused=lambda body: self.plan.addresses.refuse(body),
        )
        self.courier = Courier(
            ledger=self.ledger,
            signer=Signer(options.webhook_key or _kept_key(self.ledger)),
            luck=Luck(),
            clock=clock,
            deliver=deliver,
            retry_after=options.retry_after,
            tries=options.tries,
        )
        self._begin()

    def _begin(self) -> None:
        """Go on with the ledger as it is, with nothing changed since the start."""
        self.tally = Tally()
        self.courier.luck = Luck.of(self.options.seed, self.options.shares)
        self.courier.to = check_local(self.options.events_to)
        self.courier.begin()
        self._follow(self.options.faults)

    def _follow(self, wanted: Any) -> None:
        seed, kills = self.options.seed, self.options.may_kill
        self.plan = script.parse(wanted, seed=seed, may_kill=kills)
        self.courier.faults = self.plan.events

    async def work(self) -> None:
        """Do what goes on beside the answers, until cancelled."""
        if not self.options.hold_events:
            await self.courier.run()

    def fault(self, start: bytes) -> Fault | None:
        """Return what goes wrong with the request that starts so, if anything does."""
        if start != SEND_LINE:
            return None
        self.tally.sends += 1
        return self.plan.next()

    async def reply(self, request: Request, fault: Fault | None) -> Reply:
        """Answer one request as it should be, or as a fault has it."""
        accepts = fault is None or fault.accepts
        reply = await self.answer(request) if accepts else UNANSWERED
        if fault:
            reply = replaced(fault, reply, self.clock())
        if request.path.startswith("/v3/"):
            self.tally.answers[str(reply.status)] += 1
        return reply

    async def answer(self, request: Request) -> Reply:
        """Answer one request, whatever its path."""
        if request.path.startswith("/v3/"):
            return self.mail_send.answer(request)
        if not _from_here(request):
            return errors(403, "only pages and programs of this machine may ask")
        try:
            if request.method == "POST":
                return await self._change(request)
            if request.method in {"GET", "HEAD"}:
                return await self._look(request)
        except DigestError as fault:
            return errors(400, str(fault))
        return errors(405, "method not allowed")

    async def _change(self, request: Request) -> Reply:
        asked = control.parse(request.body)
        if request.path == "/_fake/reset":
            self.ledger.clear()
            self._begin()
            return facts({})
        if request.path == "/_fake/faults":
            self._follow(asked)
            return facts(self.plan.describe())
        if request.path == "/_fake/events":
            return facts(await control.change_events(self.courier, asked))
        return errors(404, "not found")

    async def _look(self, request: Request) -> Reply:
        if request.path == "/_fake/arrived":
            return facts(vars(self.tally))
        if request.path == "/_fake/events":
            return facts(control.describe_events(self.courier))
        if request.path == "/_fake/faults":
            return facts(self.plan.describe())
        if request.path == "/_fake/webhook-key":
            return Reply(headers=(TEXT,), body=self.courier.signer.public_key.encode())
        return await asyncio.to_thread(reading.answer, self.ledger.path, request, self.courier.luck)


def _kept_key(ledger: Ledger) -> str:
    """Return the key events are signed with; the same one as long as the ledger is kept."""
    key = ledger.note(WEBHOOK_KEY)
    if key is None:
        key = new_key()
        ledger.write_note(WEBHOOK_KEY, key)
    return key


def _from_here(request: Request) -> bool:
    """Refuse what a page of another site makes a browser ask (rebinding, cross-site posts)."""
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    origin = request.headers.get("origin")
    return host in LOCAL_NAMES and (origin is None or urlsplit(origin).hostname in LOCAL_NAMES)
