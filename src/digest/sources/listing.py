"""Which pages a source has: what is read to learn that, by its kind, and which of them are meant.

Hides that a list may name pages of other sites and of no interest, and when a list is known to be
complete.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urldefrag, urljoin, urlsplit

from digest.sources.models import MAX_URL
from digest.sources.site_reader import NOT_KNOWN, Validators

MOST_PAGES = 5_000  #: that are followed of one source


@dataclass(frozen=True, kw_only=True)
class SourceListing:
    """The pages of a source that are meant; ``None`` where the list hasn't changed."""

    pages: tuple[str, ...] | None
    whole: bool = False  #: whether a page that is missing here is gone
    left_out: int = 0  #: pages that are listed, and not meant
    validators: Validators = NOT_KNOWN


def meant(urls: Iterable[str], *, base: str, match: str) -> tuple[tuple[str, ...], int]:
    """Return the addresses that a source follows, each once in their order, and how many it leaves.

    *match* is a pattern with * and ?, of a path ("/compare/*") or of a whole address, which then
    may be another site's. Without one, every page of the same host is meant.
    """
    chosen = dict.fromkeys(urldefrag(urljoin(base, url))[0] for url in urls)
    followed = [url for url in chosen if _is_meant(url, base, match)]
    return tuple(followed[:MOST_PAGES]), len(chosen) - len(followed[:MOST_PAGES])


def _is_meant(url: str, base: str, match: str) -> bool:
    if len(url) > MAX_URL:
        return False
    if match.startswith(("http://", "https://")):
        return fnmatchcase(url, match)
    try:
        parts = urlsplit(url)
        is_page = parts.scheme in {"http", "https"} and _host(url) == _host(base)
    except ValueError:
        return False
    return is_page and (not match or fnmatchcase(parts.path or "/", match))


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{(parts.hostname or '').removeprefix('www.')}:{parts.port or ''}"
