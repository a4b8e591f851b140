"""Receive the provider's event posts: verify each, write it to the spool, and answer.

This module hides how many posts are handled at once, and when the provider has to try again.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from digest.app.installation import App
from digest.delivery.events import ConsumerThread, RejectedPosts, RejectionReason
from digest.errors import BadSetting, BadSignature, SpoolFull
from digest.mail.sendgrid import SIGNATURE, TIMESTAMP, Verifier

log = logging.getLogger(__name__)

MAX_BODY = 2_000_000  #: bytes; the provider's own batches end at 768 KB
MOST_AT_ONCE = 32  #: posts held in memory; further posts get 503, and the provider retries
THREADS = 4  #: threads that verify and write, apart from those that serve readers
RETRY_SECONDS = "30"
CALM = 4  #: up to this many posts under way, an answer waits until its events are applied
PATIENCE = 2.0  #: the longest such wait, in seconds
_MAX_DIGITS = 12


class Webhook:
    """The webhook's handler: answer 2xx only once a post's events are on disk.

    A consumer thread applies the events to the database afterwards. Raises `BadSetting` for keys
    that can't be read.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._verifier = Verifier(app.settings.webhook_key_list())
        self._keys_seen = self._keys_now()
        self._consumer = ConsumerThread(app.events.consumer())
        self._rejected = RejectedPosts(app.events.spool_folder)
        self._under_way = 0
        self._threads = CapacityLimiter(THREADS)

    def start(self) -> None:
        """Apply the events that an earlier process left in the spool."""
        self._consumer.wake()

    def stop(self) -> None:
        """Stop applying events; those that wait stay in the spool."""
        self._consumer.stop()

    async def answer(self, request: Request) -> Response:
        """Verify the raw body, write it to the spool, and return 204.

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
            return await self._take(
                body,
                request.headers.get(SIGNATURE, ""),
                request.headers.get(TIMESTAMP, ""),
            )
        except ClientDisconnect:
            return _plain("cut off", HTTPStatus.BAD_REQUEST)
        finally:
            self._under_way -= 1

    async def _take(self, body: bytes, signature: str, timestamp: str) -> Response:
        try:
            await run_sync(self._keep, body, signature, timestamp, limiter=self._threads)
        except BadSignature:
            self._note(RejectionReason.UNSIGNED)
            return _plain("not signed by the provider", HTTPStatus.FORBIDDEN)
        except SpoolFull as fault:
            self._note(RejectionReason.FULL, str(fault))
            return _later("not stored")
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def _keep(self, body: bytes, signature: str, timestamp: str) -> None:
        self._current().verify(body, signature=signature, timestamp=timestamp)
        received = int(self._app.clock().timestamp())
        position = self._consumer.drain.spool.append(body, received, _moment(timestamp))
        self._consumer.wake(position)
        if self._under_way <= CALM:
            self._consumer.wait(position, PATIENCE)

    def _note(self, reason: RejectionReason, detail: str = "") -> None:
        self._rejected.note(reason, self._app.clock(), detail)

    def _current(self) -> Verifier:
        """Return the verifier for the present keys, so that a key changes without a restart."""
        now = self._keys_now()
        if now != self._keys_seen:
            try:
                self._verifier = Verifier(self._app.settings.webhook_key_list())
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
        Route(path, webhook.answer, methods=["POST"])
        for path in ("/webhooks/sendgrid", "/webhooks/sendgrid/")
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


def _moment(timestamp: str) -> int:
    """Return when a verified post was signed, in seconds since 1970; 0 for no number."""
    return int(timestamp) if timestamp.isdecimal() and len(timestamp) <= _MAX_DIGITS else 0


def _later(why: str) -> Response:
    headers = {"Retry-After": RETRY_SECONDS}
    return PlainTextResponse(f"{why}; try again", HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)


def _plain(words: str, status: HTTPStatus) -> Response:
    return PlainTextResponse(words, status)
