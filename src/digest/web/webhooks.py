"""Where the provider's events come in."""

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
MOST_AT_ONCE = 32  #: posts held in memory; those beyond come again later
THREADS = 4  #: that verify and write; apart from the threads that serve readers
RETRY_SECONDS = "30"
CALM = 4  #: with no more posts under way than this, an answer waits for its events to be applied
PATIENCE = 2.0  #: seconds such an answer waits at most
_MAX_DIGITS = 12


class Webhook:
    """Answers 2xx only after what it took in is on disk; applies it afterwards."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._verifier = Verifier(app.settings.webhook_key_list())
        self._keys_seen = self._keys_now()
        self._drainer = ConsumerThread(app.drain())
        self._turned_away = RejectedPosts(app.spool().folder)
        self._under_way = 0
        self._threads = CapacityLimiter(THREADS)

    def start(self) -> None:
        """Go on with what an earlier process left in the spool."""
        self._drainer.wake()

    def stop(self) -> None:
        """Apply no more; what waits stays in the spool."""
        self._drainer.stop()

    async def answer(self, request: Request) -> Response:
        """Verify the raw bytes, then put them on disk; everything else happens afterwards."""
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
        place = self._drainer.drain.spool.append(body, received, _moment(timestamp))
        self._drainer.wake(place)
        if self._under_way <= CALM:
            self._drainer.wait(place, PATIENCE)

    def _note(self, reason: RejectionReason, detail: str = "") -> None:
        self._turned_away.note(reason, self._app.clock(), detail)

    def _current(self) -> Verifier:
        """Return what verifies with the keys of now: a key is replaced without a restart."""
        now = self._keys_now()
        if now != self._keys_seen:
            try:
                self._verifier = Verifier(self._app.settings.webhook_key_list())
            except BadSetting as fault:  # half-written, say: the keys known so far stay good
                log.error("the webhook's keys were not changed: %s", fault)
            else:
                self._keys_seen = now
        return self._verifier

    def _keys_now(self) -> tuple[int, int]:
        path = self._app.settings.webhook_keys_file
        try:
            found = path.stat() if path is not None else None
        except OSError:
            return (0, 0)
        return (found.st_mtime_ns, found.st_size) if found is not None else (0, 0)


def routes(webhook: Webhook) -> list[Route]:
    """Return the webhook's routes: two, since a redirect would lose the post."""
    return [
        Route(path, webhook.answer, methods=["POST"])
        for path in ("/webhooks/sendgrid", "/webhooks/sendgrid/")
    ]


async def _bounded(request: Request) -> bytes | None:
    """Read a body up to the cap; ``None`` when it is larger, read no further."""
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
    """Read when a post was signed; it is verified by now, and 0 when it is no number."""
    return int(timestamp) if timestamp.isdecimal() and len(timestamp) <= _MAX_DIGITS else 0


def _later(why: str) -> Response:
    later = {"Retry-After": RETRY_SECONDS}
    return PlainTextResponse(f"{why}; try again", HTTPStatus.SERVICE_UNAVAILABLE, headers=later)


def _plain(words: str, status: HTTPStatus) -> Response:
    return PlainTextResponse(words, status)
