"""What a feed or a sitemap says of a page, and which of its words are believed.

This module hides what a list may hold: web addresses only, each once, and no more than a sitemap
may have.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple
from urllib.parse import quote, urldefrag, urljoin, urlsplit

from digest.errors import DigestError

MOST_LISTED = 50_000  #: pages in one sitemap, by its protocol
_MAX_URL = 2_000
_KEPT_AS_THEY_ARE = "%!#$&'()*+,/:;=?@[]~"


class ListedPage(NamedTuple):
    """A page that is listed somewhere, and when it last changed, if the list says so."""

    url: str
    changed_at: datetime | None


class ListUnreadable(DigestError):
    """The list of pages can't be read."""

    next_step = "check the address and its --kind, or ask the site"


def listed(found: Iterable[tuple[str, str | None]], *, base: str) -> list[ListedPage]:
    """Return the pages of *found*, addresses with a date in ISO 8601, in their order.

    Addresses are relative to *base*. Raises `ListUnreadable` for too many of them.
    """
    entries = list(islice(found, MOST_LISTED + 1))
    if len(entries) > MOST_LISTED:
        raise ListUnreadable(f"the list names more than {MOST_LISTED:,} pages")
    pages: dict[str, ListedPage] = {}
    for reference, date in entries:
        url = _web_address(reference, base)
        if url is not None and url not in pages:
            pages[url] = ListedPage(url, _moment(date))
    return list(pages.values())


def _web_address(reference: str, base: str) -> str | None:
    """Return the whole address in ASCII; ``None`` for what no request can be made to."""
    try:
        url = urldefrag(urljoin(base, reference.strip()))[0]
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError for a port no host has
        quoted = quote(url, safe=_KEPT_AS_THEY_ARE)
    except ValueError:  # also for half a character, which XML can spell
        return None
    sound = parts.scheme in {"http", "https"} and parts.hostname and not parts.username
    return quoted if sound and len(quoted) <= _MAX_URL else None


def _moment(date: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat((date or "").strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # the latter for a year that a time zone leads out of
        return None
