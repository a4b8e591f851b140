"""Where the provider's events come in."""

from __future__ import annotations

import logging

from anyio.to_thread import run_sync
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from digest.app import App
from digest.delivery.receive import receive
from digest.errors import BadSignature
from digest.mail.sendgrid.webhook import SIGNATURE, TIMESTAMP, Verifier, parse

log = logging.getLogger(__name__)

MAX_BODY = 4_000_000  #: bytes; the provider's own batches end at 768 KB
RETRY_SECONDS = "30"


class Webhook:
    """Answers 2xx only after what it took in is on disk."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._verifier = Verifier(app.settings.webhook_key_list())

    async def answer(self, request: Request) -> Response:
        """Verify the raw bytes, then take the events in."""
        body = await _bounded(request)
        if body is None:
            return PlainTextResponse("too large", 413)
        try:
            self._verifier.verify(
                body,
                signature=request.headers.get(SIGNATURE, ""),
                timestamp=request.headers.get(TIMESTAMP, ""),
            )
        except BadSignature:
            return PlainTextResponse("not signed by the provider", 403)
        return await run_sync(self._take, body)

    def _take(self, body: bytes) -> Response:
        try:
            parsed = parse(body)
        except ValueError:
            return PlainTextResponse("not a JSON array", 400)
        try:
            with self._app.database.write() as session:
                tracked = receive(
                    session, parsed.events, hashes=self._app.hashes(), now=self._app.clock()
                )
        except SQLAlchemyError as fault:
            log.error("events refused, the provider tells them again: %s", type(fault).__name__)
            return PlainTextResponse(
                "not stored; try again", 503, headers={"Retry-After": RETRY_SECONDS}
            )
        log.info(
            "events: %d new, %d unknown, %d unreadable",
            tracked.new,
            tracked.unknown,
            len(parsed.unreadable),
        )
        return Response(status_code=204)


def routes(app: App) -> list[Route]:
    """Return the webhook's route."""
    return [Route("/webhooks/sendgrid", Webhook(app).answer, methods=["POST"])]


async def _bounded(request: Request) -> bytes | None:
    """Read a body up to the cap; ``None`` when it is larger, read no further."""
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > MAX_BODY:
        return None
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
    return b"".join(parts)
