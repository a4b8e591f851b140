"""Add security headers to every response, and choose how long a page may be cached.

The headers themselves are those of readers' pages, `subscribers.web.HEADERS`. This module hides
the policies of what differs: a frozen mail, the page that frames it, and an image.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from subscribers.web import headers_for, policy

POLICY = policy()
#: The policy of a page that shows a frozen mail in a frame.
FRAMING = f"{POLICY}; frame-src 'self'"
#: A frozen mail: its own styles, pictures from anywhere, and links that open in the whole window.
MAIL = (
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation;"
    " default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'self'"
)
#: A mail that an editor reviews: the same, but its links open in a window of their own only.
REVIEWED_MAIL = MAIL.replace(" allow-top-navigation-by-user-activation", "")

_YEAR = 365 * 24 * 3600  # seconds; the longest that is worth asking for (RFC 9111)
#: An image: never another at its address, shown by mail and by other sites, and it runs nothing.
IMAGE = {
    "Cache-Control": f"public, max-age={_YEAR}, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Robots-Tag": "all",
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


class SecurityHeaders:
    """Middleware that adds each header the response doesn't carry already."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        self._app = app
        self._headers = [
            (name.lower().encode(), value.encode())
            for name, value in headers_for(https=tls).items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, adding headers to an HTTP response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", [])
                names = {name for name, _ in given}  # in lower case, as ASGI has them
                added = [header for header in self._headers if header[0] not in names]
                message["headers"] = [*given, *added]
            await send(message)

        await self._app(scope, receive, send_secured)
