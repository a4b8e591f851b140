"""The application: which module answers which path, and what one running fake holds."""

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
from digest.fake_sendgrid import control_api, read_api
from digest.fake_sendgrid.events.signing import Signer, new_key
from digest.fake_sendgrid.events.webhook_poster import WebhookPoster, check_local, deliver
from digest.fake_sendgrid.faults import script
from digest.fake_sendgrid.faults.catalogue import Fault
from digest.fake_sendgrid.faults.effects import fault_response
from digest.fake_sendgrid.faults.outcomes import OutcomeOdds
from digest.fake_sendgrid.http.http_message import (
    TEXT,
    HttpRequest,
    HttpResponse,
    error_response,
    json_response,
)
from digest.fake_sendgrid.mail_send_api import MailSend, RequestLimit
from digest.fake_sendgrid.message_store import WEBHOOK_KEY, MessageStore
from digest.fake_sendgrid.options import Options

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
SEND_LINE = b"POST /v3/mail/send"
#: The answer that a fault changes where the request is not accepted.
UNANSWERED = error_response(500, "an unexpected error occurred")


@dataclass
class ServerCounts:
    """Counts of what reached the server since its start or last reset, accepted or not."""

    connections: int = 0
    sends: int = 0  #: Mail Send requests that began to arrive
    answers: Counter[str] = field(default_factory=Counter)  #: answers to /v3 by status code


class FakeSendGrid:
    """One running fake: its message store, fault plan, webhook poster and counts."""

    def __init__(self, options: Options, clock: Callable[[], float] = time.time) -> None:
        self.options = options
        self.clock = clock
        self.ledger = MessageStore(Path(options.ledger))
        self.mail_send = MailSend(
            options=options,
            ledger=self.ledger,
            clock=clock,
            limit=RequestLimit(options.rate_limit),
            refused=lambda body: self.plan.addresses.refuse(body),
        )
        self.poster = WebhookPoster(
            ledger=self.ledger,
            signer=Signer(options.webhook_key or _kept_key(self.ledger)),
            odds=OutcomeOdds(),
            clock=clock,
            deliver=deliver,
            retry_after=options.retry_after,
            tries=options.tries,
        )
        self._begin()

    def _begin(self) -> None:
        """Start from the options and the message store: no count, no change made by a test."""
        self.tally = ServerCounts()
        self.poster.odds = OutcomeOdds.of(self.options.seed, self.options.shares)
        self.poster.to = check_local(self.options.events_to)
        self.poster.begin()
        self._set_faults(self.options.faults)

    def _set_faults(self, wanted: Any) -> None:
        seed, kills = self.options.seed, self.options.may_kill
        self.plan = script.parse(wanted, seed=seed, may_kill=kills)
        self.poster.faults = self.plan.events

    async def work(self) -> None:
        """Post events until cancelled; return at once where events are held."""
        if not self.options.hold_events:
            await self.poster.run()

    def fault(self, start: bytes) -> Fault | None:
        """Return the fault that the request beginning with *start* meets, or ``None``."""
        if start != SEND_LINE:
            return None
        self.tally.sends += 1
        return self.plan.next()

    async def reply(self, request: HttpRequest, fault: Fault | None) -> HttpResponse:
        """Return the answer to one request, changed by *fault* where there is one."""
        accepts = fault is None or fault.accepts
        reply = await self.answer(request) if accepts else UNANSWERED
        if fault:
            reply = fault_response(fault, reply, self.clock())
        if request.path.startswith("/v3/"):
            self.tally.answers[str(reply.status)] += 1
        return reply

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """Return the right answer to one request, whatever its path."""
        if request.path.startswith("/v3/"):
            return self.mail_send.answer(request)
        if not _from_here(request):
            return error_response(403, "only pages and programs of this machine may ask")
        try:
            if request.method == "POST":
                return await self._change(request)
            if request.method in {"GET", "HEAD"}:
                return await self._read(request)
        except DigestError as fault:
            return error_response(400, str(fault))
        return error_response(405, "method not allowed")

    async def _change(self, request: HttpRequest) -> HttpResponse:
        request_body = control_api.parse(request.body)
        if request.path == "/_fake/reset":
            self.ledger.clear()
            self._begin()
            return json_response({})
        if request.path == "/_fake/faults":
            self._set_faults(request_body)
            return json_response(self.plan.describe())
        if request.path == "/_fake/events":
            return json_response(await control_api.change_events(self.poster, request_body))
        return error_response(404, "not found")

    async def _read(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/_fake/arrived":
            return json_response(vars(self.tally))
        if request.path == "/_fake/events":
            return json_response(control_api.describe_events(self.poster))
        if request.path == "/_fake/faults":
            return json_response(self.plan.describe())
        if request.path == "/_fake/webhook-key":
            return HttpResponse(headers=(TEXT,), body=self.poster.signer.public_key.encode())
        return await asyncio.to_thread(read_api.answer, self.ledger.path, request, self.poster.odds)


def _kept_key(ledger: MessageStore) -> str:
    """Return the key that signs events (PEM); the store keeps it from one start to the next."""
    key = ledger.note(WEBHOOK_KEY)
    if key is None:
        key = new_key()
        ledger.write_note(WEBHOOK_KEY, key)
    return key


def _from_here(request: HttpRequest) -> bool:
    """Return whether the host and origin are local: no DNS rebinding, no cross-site post."""
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    origin = request.headers.get("origin")
    return host in LOCAL_NAMES and (origin is None or urlsplit(origin).hostname in LOCAL_NAMES)
