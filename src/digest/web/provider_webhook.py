"""Receive the provider's event posts: verify each, keep it durably, and answer.

This module hides how many posts are handled at once, when the provider has to try again, and how
rejected posts are counted. Nothing of a rejected post is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from digest.app.installation import App
from digest.delivery.events import ConsumerThread
from digest.errors import BadSetting, BadSignature, SpoolFull
from digest.mail.provider import WebhookVerifier

log = logging.getLogger(__name__)

MAX_BODY = 2_000_000  #: bytes; the provider's own batches end at 768 KB
MOST_AT_ONCE = 32  #: posts held in memory; further posts get 503, and the provider retries
THREADS = 4  #: threads that verify and write, apart from those that serve readers
RETRY_SECONDS = "30"
MAX_WAITING = 4  #: up to this many posts under way, a response waits until its events are applied
WAIT_SECONDS = 2.0  #: the longest such wait, in seconds
QUIET = timedelta(minutes=1)  #: between two log lines for one reason
_MAX_DIGITS = 12


class RejectionReason(StrEnum):
    """Why a post was rejected."""

    UNSIGNED = "unsigned"
    TOO_LARGE = "too-large"
    BUSY = "busy"
    FULL = "full"


_DESCRIPTIONS = {
    RejectionReason.UNSIGNED: "not signed with a key of DIGEST_WEBHOOK_KEYS",
    RejectionReason.TOO_LARGE: "larger than the provider's posts are",
    RejectionReason.BUSY: "too many at once; the provider retries them",
    RejectionReason.FULL: "they couldn't be stored; the provider retries them",
}


@dataclass
class RejectedPosts:
    """Counts the posts this process rejected, and logs them at most once a minute for a reason."""

    #: By reason, since the start of the process; a reason that never was counts 0.
    total: dict[RejectionReason, int] = field(
        default_factory=lambda: dict.fromkeys(RejectionReason, 0)
    )
    _days: dict[date, dict[RejectionReason, int]] = field(default_factory=dict)
    _quiet_until: dict[RejectionReason, datetime] = field(default_factory=dict)
    _unlogged: dict[RejectionReason, int] = field(default_factory=dict)

    def note(self, reason: RejectionReason, now: datetime, detail: str = "") -> None:
        """Count and log one rejected post."""
        day = now.astimezone(UTC).date()
        if day not in self._days:
            yesterday = day - timedelta(days=1)
            self._days = {yesterday: self._days.get(yesterday, {}), day: {}}
        for counts in (self.total, self._days[day], self._unlogged):
            counts[reason] = counts.get(reason, 0) + 1
        self._log(reason, now, detail)

    def since_yesterday(self, now: datetime) -> Mapping[RejectionReason, int]:
        """Return the number of posts of today and yesterday (UTC) by reason, without zeros."""
        today = now.astimezone(UTC).date()
        days = [self._days.get(day, {}) for day in (today, today - timedelta(days=1))]
        counts = {reason: sum(day.get(reason, 0) for day in days) for reason in RejectionReason}
        return {reason: number for reason, number in counts.items() if number}

    def _log(self, reason: RejectionReason, now: datetime, detail: str) -> None:
        until = self._quiet_until.get(reason)
        if until is not None and now < until:
            return
        self._quiet_until[reason] = now + QUIET
        number = self._unlogged.pop(reason)
        level = logging.ERROR if reason is RejectionReason.FULL else logging.WARNING
        description = f"{_DESCRIPTIONS[reason]} ({detail})" if detail else _DESCRIPTIONS[reason]
        log.log(level, "webhook: rejected %d post(s): %s", number, description)


class Webhook:
    """The webhook's handler: answer 2xx only once a post is on disk, here or in the database.

    A consumer thread applies the events to the database afterwards. Raises `BadSetting` for keys
    that can't be read.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self.path = f"/webhooks/{app.provider.name}"
        self._verifier = app.provider.verifier(app.settings.webhook_key_list())
        self._keys_seen = self._keys_now()
        self._consumer = ConsumerThread(app.events.consumer())
        self.rejected = RejectedPosts()
        self._under_way = 0
        self._threads = CapacityLimiter(THREADS)

    def start(self) -> None:
        """Apply the events that an earlier process left."""
        self._consumer.wake()

    def stop(self) -> None:
        """Stop applying events; those that wait stay where they are."""
        self._consumer.stop()

    async def answer(self, request: Request) -> Response:
        """Verify the raw body, keep it durably, and return 204.

        Return 403 for a bad signature, 413 for a body over `MAX_BODY` bytes, and 503 with
        Retry-After while the spool is full or `MOST_AT_ONCE` posts are under way.
        """
        if self._under_way >= MOST_AT_ONCE:
            self._note(RejectionReason.BUSY)
            return _later("too much at once")
        self._under_way += 1
        try:
            body = await _bounded(request)
            if body is None:
                self._note(RejectionReason.TOO_LARGE)
                return _plain("too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return await self._take(body, request.headers)
        except ClientDisconnect:
            return _plain("cut off", HTTPStatus.BAD_REQUEST)
        finally:
            self._under_way -= 1

    async def _take(self, body: bytes, headers: Mapping[str, str]) -> Response:
        try:
            await run_sync(self._keep, body, headers, limiter=self._threads)
        except BadSignature:
            self._note(RejectionReason.UNSIGNED)
            return _plain("not signed by the provider", HTTPStatus.FORBIDDEN)
        except SpoolFull as fault:
            self._note(RejectionReason.FULL, str(fault))
            return _later("not stored")
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def _keep(self, body: bytes, headers: Mapping[str, str]) -> None:
        signed = self._current().verify(body, headers)
        received = int(self._app.clock().timestamp())
        position = self._consumer.consumer.receive(body, received, signed)
        self._consumer.wake(position)
        if self._under_way <= MAX_WAITING:
            self._consumer.wait(position, WAIT_SECONDS)
        else:
            self._app.events.ask_workers()

    def _note(self, reason: RejectionReason, detail: str = "") -> None:
        self.rejected.note(reason, self._app.clock(), detail)

    def _current(self) -> WebhookVerifier:
        """Return the verifier for the present keys, so that a key changes without a restart."""
        now = self._keys_now()
        if now != self._keys_seen:
            try:
                keys = self._app.settings.webhook_key_list()
                self._verifier = self._app.provider.verifier(keys)
            except BadSetting as fault:  # half-written, say: the earlier keys stay in use
                log.error("the webhook's keys were not changed: %s", fault)
            else:
                self._keys_seen = now
        return self._verifier

    def _keys_now(self) -> tuple[int, int]:
        path = self._app.settings.webhook_keys_file
        try:
            status = path.stat() if path is not None else None
        except OSError:
            return (0, 0)
        return (status.st_mtime_ns, status.st_size) if status is not None else (0, 0)


def routes(webhook: Webhook) -> list[Route]:
    """Return the webhook's two routes; a redirect between them would lose the post."""
    return [
        Route(path, webhook.answer, methods=["POST"]) for path in (webhook.path, f"{webhook.path}/")
    ]


async def _bounded(request: Request) -> bytes | None:
    """Return the body; ``None`` for one over `MAX_BODY` bytes, without reading its rest."""
    announced = request.headers.get("content-length", "0")
    if len(announced) > _MAX_DIGITS or (announced.isdecimal() and int(announced) > MAX_BODY):
        return None
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
    return b"".join(parts)


def _later(why: str) -> Response:
    headers = {"Retry-After": RETRY_SECONDS}
    return PlainTextResponse(f"{why}; try again", HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)


def _plain(words: str, status: HTTPStatus) -> Response:
    return PlainTextResponse(words, status)
