"""Tells whether a form was sent by a page of this site, as far as the browser says."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request


def is_ours(request: Request, base_url: str) -> bool:
    """Tell whether nothing speaks against it: what is no browser sends neither header.

    ``Sec-Fetch-Site`` is the browser's own word. ``Origin`` is asked where it is missing; since our
    pages send no referrer, browsers write "null" there for them as well.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin", "null")
    if origin == "null":
        return True
    host = urlsplit(origin).netloc
    return host in (urlsplit(base_url).netloc, request.headers.get("host", ""))
