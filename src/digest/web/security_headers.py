"""Puts the headers that keep pages safe on whatever is answered."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Nothing runs, nothing is fetched from elsewhere, nobody frames us.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
SCRIPT = "; script-src 'self'"  # where the form has a sum to do
#: The same for a page that shows a frozen mail in a frame.
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
    """Return the headers of what is the same for everybody: who may keep it, and find it.

    Pages with a form are kept by browsers only ("private"): the form tells how old it is.
    """
    return {
        "Cache-Control": f"{by}, max-age={seconds}",
        "X-Robots-Tag": "all" if found else "noindex",
    }


def with_form(policy: str = POLICY, *, scripted: bool) -> dict[str, str]:
    """Return the headers of a page with a sign-up form; *scripted*: its script may run."""
    script = SCRIPT if scripted else ""
    return cacheable_headers(60, by="private") | {"Content-Security-Policy": policy + script}


class SecurityHeaders:
    """Middleware: adds each header that an answer doesn't carry already."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        self._app = app
        self._headers = dict(HEADERS)
        if tls:
            self._headers["Strict-Transport-Security"] = f"max-age={_YEAR}; includeSubDomains"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, secured)
