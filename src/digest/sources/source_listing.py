"""Which pages a source has: what is read to learn that, by its kind, and which of them are meant.

Hides that a list may name pages of other sites and of no interest, and when a list is known to be
complete.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from digest.sources.feeds import read_feed
from digest.sources.listed_page import ListUnreadable
from digest.sources.models import Source, SourceKind
from digest.sources.pages import comparison_links
from digest.sources.site_reader import LIST_LIMITS, FetchedPage, ReadingStopped, SiteReader
from digest.sources.sitemaps import sitemap_pages
from digest.sources.store import MOST_PAGES, NOT_KNOWN, SourceListing, Validators

#: For which the sitemaps of one index are read; a poll goes on with nothing else meanwhile.
INDEX_SECONDS = 600.0


def meant(urls: Iterable[str], *, base: str, match: str) -> tuple[tuple[str, ...], int]:
    """Return the addresses that a source follows, each once in their order, and how many it leaves.

    *match* is a pattern with * and ?, of a path ("/compare/*") or of a whole address, which then
    may be another site's. Without one, every page of the same host is meant.
    """
    listed = dict.fromkeys(urls)
    chosen = [url for url in listed if _is_meant(url, base, match)][:MOST_PAGES]
    return tuple(chosen), len(listed) - len(chosen)


def _is_meant(url: str, base: str, match: str) -> bool:
    if match.startswith(("http://", "https://")):
        return fnmatchcase(url, match)
    path = urlsplit(url).path or "/"
    return _host(url) == _host(base) and (not match or fnmatchcase(path, match))


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{(parts.hostname or '').removeprefix('www.')}:{parts.port or ''}"


def list_pages(reader: SiteReader, source: Source, is_single: bool) -> SourceListing:
    """Return the pages that a source has now; *is_single* where its address is its only page.

    Raises `PageGone` and `PageFailed` where it can't be fetched, `ListUnreadable` and
    `ComparisonUnreadable` where what is there is no such list.
    """
    if is_single or source.kind is SourceKind.JSON:
        return SourceListing(pages=(source.url,))
    known = Validators(source.etag, source.last_modified)
    fetched = reader.get(source.url, known, limits=LIST_LIMITS)
    if fetched.body is None:
        return SourceListing(pages=None, validators=known)
    return listing_of(reader, source.kind, fetched, source.match)


def listing_of(
    reader: SiteReader, kind: SourceKind, fetched: FetchedPage, match: str
) -> SourceListing:
    """Return the pages that a list names, of which an index of sitemaps names others to read.

    Raises as `list_pages` does.
    """
    urls, is_whole, may_skip = _pages_in(reader, kind, fetched.body or b"", fetched)
    pages, left_out = meant(urls, base=fetched.url, match=match)
    return SourceListing(
        pages=pages,
        whole=is_whole and len(pages) < MOST_PAGES,
        left_out=left_out,
        validators=fetched.validators if may_skip else NOT_KNOWN,
    )


def _pages_in(
    reader: SiteReader, kind: SourceKind, body: bytes, fetched: FetchedPage
) -> tuple[list[str], bool, bool]:
    """Return the addresses in a list, whether they are all, and whether it speaks for itself."""
    if kind is SourceKind.FEED:
        return [page.url for page in read_feed(body, url=fetched.url)], False, True
    if kind is SourceKind.PAGE:
        links = comparison_links(body, content_type=fetched.content_type, url=fetched.url)
        return list(links), False, True
    parts: list[str] = []
    end = reader.steady() + INDEX_SECONDS

    def read(url: str) -> bytes:
        left = end - reader.steady()
        if left <= 0:
            raise ListUnreadable(
                f"the sitemaps of this index take more than {INDEX_SECONDS / 60:.0f} minutes",
                next_step="follow one of these sitemaps instead",
            )
        if reader.wait(0.0):
            raise ReadingStopped
        parts.append(url)
        limits = replace(LIST_LIMITS, seconds=min(LIST_LIMITS.seconds, left))
        return reader.get(url, limits=limits).body or b""

    pages = sitemap_pages(body, url=fetched.url, read=read)
    # An index may stay as it is while one of its sitemaps changes.
    return [page.url for page in pages], True, not parts
