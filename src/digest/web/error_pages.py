"""Answer with a page in words where a page is missing or fails, never with a traceback.

This module hides which error becomes which HTTP status.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digest.errors import DigestError
from digest.web.status_messages import StatusMessage, status_page
from digest.web.theme import Theme
from subscribers.web import Page

log = logging.getLogger(__name__)

RETRY_SECONDS = "60"


class ErrorPages:
    """The handlers of errors; each returns a page."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme

    def not_found(self, request: Request, _fault: Exception) -> Response:
        """Return the 404 page."""
        return self._page(status_page(StatusMessage.MISSING, request), HTTPStatus.NOT_FOUND)

    def gone(self, request: Request, _fault: Exception) -> Response:
        """Return the 410 page of a comparison that was withdrawn."""
        return self._page(status_page(StatusMessage.WITHDRAWN, request), HTTPStatus.GONE)

    def refused(self, request: Request, fault: Exception) -> Response:
        """Return the answer to what the router refuses: 404 for a path, 405 for a method."""
        status = fault.status_code if isinstance(fault, HTTPException) else HTTPStatus.NOT_FOUND
        if status == HTTPStatus.NOT_FOUND:
            return self.not_found(request, fault)
        headers = getattr(fault, "headers", None)
        return PlainTextResponse(f"{HTTPStatus(status).phrase.lower()}\n", status, headers)

    def failed(self, request: Request, fault: Exception) -> Response:
        """Return 503 with Retry-After for a database error, and 500 for any other."""
        if isinstance(fault, SQLAlchemyError):
            unavailable = status_page(StatusMessage.AWAY, request)
            response = self._page(unavailable, HTTPStatus.SERVICE_UNAVAILABLE)
            response.headers["Retry-After"] = RETRY_SECONDS
            return response
        broken = status_page(StatusMessage.BROKEN, request)
        return self._page(broken, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _page(self, page: Page, status: HTTPStatus) -> Response:
        try:
            return HTMLResponse(self._theme.message(page), status)
        except DigestError as fault:  # the page's own template is broken
            log.error("no page can be rendered: %s", fault)
            return PlainTextResponse(f"{page.title}\n", status)


class ErrorMiddleware:
    """Middleware that turns an exception of a page into an error page, and logs its class.

    Only the message of a `DigestError` is logged: others may quote an address.
    """

    def __init__(self, app: ASGIApp, *, faults: ErrorPages) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; raises only once the response has started."""
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as fault:
            if started or scope["type"] != "http":
                raise
            detail = str(fault) if isinstance(fault, DigestError) else ""
            log.error("a page failed: %s %s", type(fault).__name__, detail)
            await self._faults.failed(Request(scope), fault)(scope, receive, send)
