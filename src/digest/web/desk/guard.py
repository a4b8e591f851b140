"""Keeps the desk to this machine: who may ask, and what a page of it may do."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

#: What a page of the desk may do: run its own script, and show mails of its own in frames.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_SAFE = ("GET", "HEAD")


class Guard:
    """Middleware: refuses other names for this machine, and what other sites make a browser ask.

    A page elsewhere can point a name of its own at 127.0.0.1, and can post here without reading
    the answer: the Host and the Origin say so.
    """

    def __init__(self, app: ASGIApp, *, port: int) -> None:
        self._app = app
        self._hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            refusal = self._refusal(headers, scope["method"])
            if refusal:
                await PlainTextResponse(refusal, 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)

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
