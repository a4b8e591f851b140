"""Restrict the preview to one editor's browser on this machine.

Hides the checks of token, Host, Origin and Sec-Fetch-Site, and the page's content policy.
"""

from __future__ import annotations

import re
from secrets import compare_digest

from starlette.datastructures import URL, Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

#: The page may run its own script and show its own mails in frames, and nothing else.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
LINK_FIELD = "token"  #: the query field that holds the token
ASK_FOR_LINK = "Open the desk with the link that digest preview printed: it contains a token."
_SAFE = ("GET", "HEAD")
#: This machine's names, at any port: through a tunnel (ssh -L) the browser sees another one.
_OWN_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?")


class OriginGuard:
    """ASGI middleware: require the token of the printed link, and refuse cross-origin requests.

    Other users and programs of this machine don't know the token, which the browser keeps as a
    cookie. A foreign page could point its own name at 127.0.0.1 (DNS rebinding), or post here
    without reading the response (CSRF): the Host and Origin headers show that. A page of another
    port of this machine is foreign too, so the origin of an order is compared with its host.
    """

    def __init__(self, app: ASGIApp, *, port: int, token: str) -> None:
        self._app = app
        self._token = token.encode()
        self._cookie = f"digest-desk-{port}"  # browsers send a cookie to every port of a host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        response = self._intercept(Request(scope)) if scope["type"] == "http" else None
        await (response or self._app)(scope, receive, send)

    def _intercept(self, request: Request) -> Response | None:
        """Return the response to a request that isn't passed on, else ``None``."""
        refusal = self._refusal(request.headers, request.method)
        if refusal:
            return PlainTextResponse(refusal, 403)
        if request.method in _SAFE and self._is_token(request.query_params.get(LINK_FIELD)):
            return self._redirect_with_cookie(request.url.remove_query_params(LINK_FIELD))
        if not self._is_token(request.cookies.get(self._cookie)):
            return PlainTextResponse(ASK_FOR_LINK, 403)
        return None

    def _is_token(self, value: str | None) -> bool:
        return compare_digest((value or "").encode(), self._token)

    def _redirect_with_cookie(self, url: URL) -> Response:
        """Return a redirect to the address without the token, which sets the cookie."""
        response = RedirectResponse(f"{url.path}?{url.query}" if url.query else url.path, 303)
        response.set_cookie(self._cookie, self._token.decode(), httponly=True, samesite="strict")
        return response

    def _refusal(self, headers: Headers, method: str) -> str:
        host = headers.get("host", "").lower()
        if not _OWN_HOST.fullmatch(host):
            return (
                "The desk only answers on this machine: open it at http://127.0.0.1 and its port."
            )
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return "This request came from another site."
        if method in _SAFE:
            return ""
        if headers.get("origin", "").lower() != f"http://{host}":
            return "This request came from another site."
        if not headers.get("content-type", "").startswith("application/json"):
            return "The desk only accepts JSON."
        return ""
