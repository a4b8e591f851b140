"""How links are requested over HTTP, the one check of a mail that needs the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING

from digest.render.filters import is_web_link
from digest.render.lint import Finding, read_html, warning

if TYPE_CHECKING:  # long to import, and most checks make no request
    from digest.http_client import OutboundClient

MOST = 100  #: links requested for one mail
_PARALLEL_REQUESTS = 8
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


def check_link(client: OutboundClient, url: str) -> str:
    """Return what is wrong with *url*, empty when it answers."""
    from digest.http_client import Limits, OutboundFault, OutboundRefused

    try:
        status = client.get(url, limits=Limits(bytes=1_000_000, seconds=10.0)).status
    except OutboundRefused as refused:
        # A page that is larger than we care to read is there.
        return "" if refused.fault is OutboundFault.TOO_LARGE else f"doesn't answer ({refused})"
    answers = status < HTTPStatus.BAD_REQUEST or status in _REACHABLE_ERRORS
    return "" if answers else f"answers {status}"
