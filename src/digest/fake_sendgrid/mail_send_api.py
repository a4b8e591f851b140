"""The provider's API under /v3: authorization, rate limit, acceptance, and the status codes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from digest.fake_sendgrid import suppression_api
from digest.fake_sendgrid.http.http_message import (
    JSON,
    HttpRequest,
    HttpResponse,
    error_response,
    json_response,
)
from digest.fake_sendgrid.mail_send_rules import RuleViolation, check
from digest.fake_sendgrid.mail_send_rules.violation import HELP
from digest.fake_sendgrid.message_store import MessageStore
from digest.fake_sendgrid.options import Options

SEND, BATCH = "/v3/mail/send", "/v3/mail/batch"
UNVERIFIED = (
    "The from address does not match a verified Sender Identity. Mail cannot be sent until this"
    " error is resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/"
    "sender-identity/ to see the Sender Identity requirements"
)
Refusal = HttpResponse | None


@dataclass
class RequestLimit:
    """The requests counted in the current second; ``None`` allows any number."""

    per_second: int | None
    _second: int = 0
    _used: int = 0

    def headers(self, now: float) -> tuple[tuple[str, str], ...]:
        """Count one request, and return the rate limit headers; *now* is in Unix seconds."""
        if self.per_second is None:
            return ()
        if int(now) != self._second:
            self._second, self._used = int(now), 0
        self._used += 1
        left = max(0, self.per_second - self._used)
        return (
            ("X-RateLimit-Limit", str(self.per_second)),
            ("X-RateLimit-Remaining", str(left)),
            ("X-RateLimit-Reset", str(self._second + 1)),
        )

    @property
    def exceeded(self) -> bool:
        """Whether the last counted request was one too many."""
        return self.per_second is not None and self._used > self.per_second


@dataclass
class MailSend:
    """The API under /v3; an accepted request is recorded in the message store.

    *refused* returns, for a valid body, the violations that a fault script wants reported.
    """

    options: Options
    ledger: MessageStore
    clock: Callable[[], float]
    limit: RequestLimit
    refused: Callable[[dict[str, Any]], list[RuleViolation]]

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Return the answer to one request; an accepted one is on disk by then."""
        limit = self.limit.headers(self.clock())
        reply = self._not_allowed(request) or self._by_path(request)
        return HttpResponse(status=reply.status, headers=(*reply.headers, *limit), body=reply.body)

    def _not_allowed(self, request: HttpRequest) -> Refusal:
        key = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        known = (self.options.key, self.options.unscoped_key)
        if not key or key == "None" or (self.options.key is not None and key not in known):
            message = "The provided authorization grant is invalid, expired, or revoked"
            return error_response(401, message)
        if key == self.options.unscoped_key:
            return error_response(403, "access forbidden")
        if self.limit.exceeded:
            return error_response(429, "too many requests")
        return None

    def _by_path(self, request: HttpRequest) -> HttpResponse:
        if request.path == SEND:
            return _wrong_form(request, "POST") or self._send(request.body)
        if request.path == BATCH:
            batch = {"batch_id": secrets.token_urlsafe(24)}
            return _wrong_method(request, "POST") or json_response(batch, 201)
        if request.path.startswith((suppression_api.ROOT, suppression_api.GLOBAL)):
            return suppression_api.answer(self.ledger, request)
        return error_response(404, "not found")

    def _send(self, raw: bytes) -> HttpResponse:
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return error_response(400, "Bad Request")
        problems = check(body, now=self.clock(), lenient=self.options.lenient)
        problems = problems or self.refused(body)
        if problems:
            return json_response({"errors": [problem._asdict() for problem in problems]}, 400)
        if not _verified(body["from"]["email"], self.options.sender):
            return error_response(403, UNVERIFIED, "from", HELP + "from")
        if _is_sandbox(body):
            return HttpResponse(status=200, headers=(JSON,))
        message_id = self.ledger.record(body, at=self.clock())
        return HttpResponse(status=202, headers=(("X-Message-Id", message_id),))


def _wrong_method(request: HttpRequest, method: str) -> Refusal:
    if request.method == method:
        return None
    reply = error_response(405, "method not allowed")
    return HttpResponse(status=405, headers=(*reply.headers, ("Allow", method)), body=reply.body)


def _wrong_form(request: HttpRequest, method: str) -> Refusal:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    accept = request.headers.get("accept", "*/*")
    if request.method != method:
        return _wrong_method(request, method)
    if kind != "application/json" or "content-encoding" in request.headers:
        return error_response(415, "Content-Type should be application/json.")
    if not any(wanted in accept for wanted in ("*/*", "application/*", "application/json")):
        return error_response(406, "not acceptable")
    return None


def _verified(address: str, sender: str | None) -> bool:
    if sender is None:
        return True
    address, sender = address.lower(), sender.lower()
    return address == sender or address.rpartition("@")[2] == sender


def _is_sandbox(body: dict[str, Any]) -> bool:
    switch = (body.get("mail_settings") or {}).get("sandbox_mode") or {}
    return switch.get("enable") is True
