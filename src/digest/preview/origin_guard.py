"""Keeps the desk to this machine: who may ask, and what a page of it may do."""

from __future__ import annotations

from secrets import compare_digest

from starlette.datastructures import URL, Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

#: What a page of the desk may do: run its own script, and show mails of its own in frames.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
LINK_FIELD = "token"  #: the field of the desk's link that holds it
ASK_FOR_LINK = "Open the desk by the link that digest preview has printed: it holds a token."
_SAFE = ("GET", "HEAD")


class OriginGuard:
    """Middleware: asks for the token that the desk's link holds, and refuses what comes from afar.

    Other users and programs of this machine don't know the token; a browser keeps it as a cookie. A
    page elsewhere can point a name of its own at 127.0.0.1, and can post here without reading the
    answer: the Host and the Origin say so.
    """

    def __init__(self, app: ASGIApp, *, port: int, token: str) -> None:
        self._app = app
        self._hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))
        self._token = token.encode()
        self._cookie = f"digest-desk-{port}"  # browsers send a cookie to every port of a host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = self._instead(Request(scope)) if scope["type"] == "http" else None
        await (answer or self._app)(scope, receive, send)

    def _instead(self, request: Request) -> Response | None:
        """Return what is answered in the desk's place, if it isn't to be asked."""
        refusal = self._refusal(request.headers, request.method)
        if refusal:
            return PlainTextResponse(refusal, 403)
        if request.method in _SAFE and self._is_token(request.query_params.get(LINK_FIELD)):
            return self._let_in(request.url.remove_query_params(LINK_FIELD))
        if not self._is_token(request.cookies.get(self._cookie)):
            return PlainTextResponse(ASK_FOR_LINK, 403)
        return None

    def _is_token(self, given: str | None) -> bool:
        return compare_digest((given or "").encode(), self._token)

    def _let_in(self, url: URL) -> Response:
        """Lead to the page itself, whose address shows no token."""
        answer = RedirectResponse(f"{url.path}?{url.query}" if url.query else url.path, 303)
        answer.set_cookie(self._cookie, self._token.decode(), httponly=True, samesite="strict")
        return answer

    def _refusal(self, headers: Headers, method: str) -> str:
        if headers.get("host", "").lower() not in self._hosts:
            return (
                "This desk answers on this machine only: open it as http://127.0.0.1 and its port."
            )
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return "Another site asked for this."
        if method in _SAFE:
            return ""
        origin = headers.get("origin", "")
        if origin.removeprefix("http://").lower() not in self._hosts:
            return "Another site asked for this."
        if not headers.get("content-type", "").startswith("application/json"):
            return "The desk takes JSON."
        return ""
