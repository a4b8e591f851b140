"""How links are requested over HTTP, the one check of a mail that needs the network."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from urllib.error import HTTPError, URLError
from urllib.request import Request, build_opener

from digest.render.filters import is_web_link
from digest.render.lint import Finding, read_html, warning

MOST = 100  #: links requested for one mail
_PARALLEL_REQUESTS = 8
_TIMEOUT_SECONDS = 10.0
#: Status codes of servers that refuse HEAD; the link is requested again with GET.
_RETRIED_WITH_GET = (
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.NOT_IMPLEMENTED,
    HTTPStatus.FORBIDDEN,
)
_REACHABLE_ERRORS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)

LinkCheck = Callable[[str], str]  #: from a URL to what is wrong with it, empty when it answers


def unreachable(html: str, tags: Iterable[str], check: LinkCheck) -> list[Finding]:
    """Return a warning for each link or image that doesn't answer, in the order of the mail.

    URLs that contain one of *tags* belong to one reader and aren't requested. At most `MOST` URLs
    are requested.
    """
    own = tuple(tags)
    lines: dict[str, int] = {}
    for tag in read_html(html).named("a", "img"):
        url = tag.get("href") or tag.get("src") or ""
        if is_web_link(url) and not any(reader_tag in url for reader_tag in own):
            lines.setdefault(url, tag.line)
    urls = list(lines)[:MOST]
    with ThreadPoolExecutor(_PARALLEL_REQUESTS) as pool:
        answers = zip(urls, pool.map(check, urls), strict=True)
        return [
            warning(
                "unreachable",
                "html",
                f"{url[:80]!r} {fault}",
                "Correct it, or ask again later.",
                line=lines[url],
            )
            for url, fault in answers
            if fault
        ]


def check_link(url: str) -> str:
    """Return what is wrong with *url*, empty when it answers; its body isn't read."""
    fault = _request(url, "HEAD")
    if fault is None:
        fault = _request(url, "GET")
    return fault or ""


def _request(url: str, method: str) -> str | None:
    """Return what is wrong, empty when it answers; ``None`` when GET should be tried as well."""
    request = Request(url, method=method, headers={"User-Agent": "digest-link-check"})  # noqa: S310
    try:
        with build_opener().open(request, timeout=_TIMEOUT_SECONDS):
            return ""
    except HTTPError as fault:
        fault.close()
        if method == "HEAD" and fault.code in _RETRIED_WITH_GET:
            return None
        return "" if fault.code in _REACHABLE_ERRORS else f"answers {fault.code}"
    except (URLError, OSError, http.client.HTTPException, ValueError) as fault:
        return f"doesn't answer ({getattr(fault, 'reason', fault)!s:.60})"
