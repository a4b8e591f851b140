"""Add security headers to every response, and choose how long a page may be cached.

This module hides the Content Security Policy (W3C CSP 3) of each kind of page.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: No script runs, nothing is fetched from another site, and no site may frame the page.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
SCRIPT = "; script-src 'self'"  # for a page whose form has a proof of work
#: The policy of a page that shows a frozen mail in a frame.
FRAMING = f"{POLICY}; frame-src 'self'"
#: A frozen mail: its own styles, pictures from anywhere, and links that open in the whole window.
MAIL = (
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation;"
    " default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'self'"
)
_YEAR = 31_536_000
_OFF = ("accelerometer", "camera", "geolocation", "gyroscope", "microphone", "payment", "usb")

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # readers' tokens are in URLs
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in _OFF),
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


def cacheable_headers(seconds: int, *, by: str = "public", found: bool = True) -> dict[str, str]:
    """Return the headers of a response that is the same for every visitor.

    *seconds* is how long it may be cached, *by* "public" caches or by browsers only ("private"):
    a form's token tells its age, so pages with a form are private. *found* lets search engines
    index it.
    """
    return {
        "Cache-Control": f"{by}, max-age={seconds}",
        "X-Robots-Tag": "all" if found else "noindex",
    }


def with_form(policy: str = POLICY, *, scripted: bool) -> dict[str, str]:
    """Return the headers of a page with a sign-up form; *scripted* lets its script run."""
    script = SCRIPT if scripted else ""
    return cacheable_headers(60, by="private") | {"Content-Security-Policy": policy + script}


class SecurityHeaders:
    """Middleware that adds each header the response doesn't carry already."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        self._app = app
        self._headers = dict(HEADERS)
        if tls:
            self._headers["Strict-Transport-Security"] = f"max-age={_YEAR}; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, adding headers to an HTTP response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_secured)
