"""What is shown when a page isn't there or can't be made: words, never a traceback."""

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
    """Turns what goes wrong into pages."""

    def __init__(self, looks: Theme) -> None:
        self._looks = looks

    def not_found(self, request: Request, _fault: Exception) -> Response:
        """Answer for what doesn't exist."""
        return self._page(status_page(StatusMessage.MISSING, request), HTTPStatus.NOT_FOUND)

    def refused(self, request: Request, fault: Exception) -> Response:
        """Answer what the router refuses: a path that leads nowhere, a method that isn't taken."""
        status = fault.status_code if isinstance(fault, HTTPException) else HTTPStatus.NOT_FOUND
        if status == HTTPStatus.NOT_FOUND:
            return self.not_found(request, fault)
        headers = getattr(fault, "headers", None)
        return PlainTextResponse(f"{HTTPStatus(status).phrase.lower()}\n", status, headers)

    def failed(self, request: Request, fault: Exception) -> Response:
        """Answer for a page that couldn't be made."""
        if isinstance(fault, SQLAlchemyError):
            away = status_page(StatusMessage.AWAY, request)
            response = self._page(away, HTTPStatus.SERVICE_UNAVAILABLE)
            response.headers["Retry-After"] = RETRY_SECONDS
            return response
        broken = status_page(StatusMessage.BROKEN, request)
        return self._page(broken, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _page(self, page: Page, status: HTTPStatus) -> Response:
        try:
            return HTMLResponse(self._looks.message(page), status)
        except DigestError as fault:  # the page's own template is broken
            log.error("no page can be made: %s", fault)
            return PlainTextResponse(f"{page.title}\n", status)


class LastResort:
    """Middleware: whatever a page raises ends here, and only its kind reaches the log."""

    def __init__(self, app: ASGIApp, *, faults: ErrorPages) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as fault:
            if begun or scope["type"] != "http":
                raise
            said = str(fault) if isinstance(fault, DigestError) else ""
            log.error("a page failed: %s %s", type(fault).__name__, said)
            await self._faults.failed(Request(scope), fault)(scope, receive, send)
