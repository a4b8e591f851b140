"""The pages of a sitemap, and of the sitemaps that an index lists.

This module hides that a sitemap may be packed, that it may be an attack (entities that grow without
end, an index of indexes), and where the pages stand in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from xml.parsers import expat

from digest.http_client import OutboundRefused, inflated
from digest.sources.listed_page import MOST_LISTED, ListedPage, ListUnreadable, listed

MOST_BYTES = 20_000_000  #: of one sitemap, unpacked
MOST_SITEMAPS = 50  #: that are read of one index
_MOST_DEPTH = 2  #: an index may list an index, and that one only sitemaps
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_TEXT_DEPTH = 3  # such as urlset, url, loc
_MOST_TEXT = 4_000  #: characters of an address or a date


class SitemapEntries(NamedTuple):
    """What one file lists; a file has either."""

    pages: list[ListedPage]
    sitemaps: list[ListedPage]


def read_sitemap(body: bytes, *, url: str) -> SitemapEntries:
    """Return what *body* lists, XML that may be packed with gzip; raises `ListUnreadable`."""
    found = _Reading(_unpacked(body)).entries
    return SitemapEntries(listed(found["url"], base=url), listed(found["sitemap"], base=url))


def sitemap_pages(
    body: bytes, *, url: str, read: Callable[[str], bytes], depth: int = _MOST_DEPTH
) -> list[ListedPage]:
    """Return the pages of a sitemap, and of all that it lists if it is an index.

    *read* returns the body of a sitemap by its address, and may raise what it likes. Raises
    `ListUnreadable` where a part can't be read: half a list would say that pages are gone.
    """
    sitemap = read_sitemap(body, url=url)
    if sitemap.sitemaps and not depth:
        raise ListUnreadable("the index of sitemaps has more than two levels below it")
    if len(sitemap.sitemaps) > MOST_SITEMAPS:
        raise ListUnreadable(f"the index lists more than {MOST_SITEMAPS} sitemaps")
    pages = {page.url: page for page in sitemap.pages}
    for part in sitemap.sitemaps:
        inner = sitemap_pages(read(part.url), url=part.url, read=read, depth=depth - 1)
        pages |= {page.url: page for page in inner}
        if len(pages) > MOST_LISTED:
            raise ListUnreadable(f"the list names more than {MOST_LISTED:,} pages")
    return list(pages.values())


def _unpacked(body: bytes) -> bytes:
    try:
        return inflated(body, most=MOST_BYTES, source="the sitemap")
    except OutboundRefused as fault:
        raise ListUnreadable(str(fault)) from None


class _Forbidden(Exception):
    """A document type is declared, which no sitemap needs, and which may hold entities."""


class _Reading:
    """One pass over a sitemap; *entries* has address and date by the element they stand in."""

    def __init__(self, body: bytes) -> None:
        self.entries: dict[str, list[tuple[str, str | None]]] = {"url": [], "sitemap": []}
        self._path: list[str] = []
        self._texts: dict[str, str] = {}
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            parser.Parse(body, True)
        except _Forbidden:
            raise ListUnreadable("the sitemap declares a document type, which none needs") from None
        except expat.ExpatError as fault:
            words = expat.ErrorString(fault.code)
            raise ListUnreadable(f"line {fault.lineno} isn't XML: {words}") from None
        except (LookupError, ValueError):  # an encoding that nobody knows, or one of many bytes
            raise ListUnreadable("the encoding it names isn't known") from None

    def _refuse(self, *_: object) -> None:
        raise _Forbidden

    def _start(self, name: str, _: dict[str, str]) -> None:
        self._path.append(name.removeprefix(f"{_NAMESPACE} "))
        if len(self._path) == 1 and self._path[0] not in {"urlset", "sitemapindex"}:
            raise ListUnreadable(
                "this isn't a sitemap, which would begin with urlset or sitemapindex"
            )

    def _text(self, text: str) -> None:
        if len(self._path) == _TEXT_DEPTH:
            known = self._texts.get(self._path[-1], "")
            self._texts[self._path[-1]] = (known + text)[:_MOST_TEXT]

    def _end(self, _: str) -> None:
        name = self._path.pop()
        if len(self._path) == 1 and name in self.entries:
            if "loc" in self._texts:
                self.entries[name].append((self._texts["loc"], self._texts.get("lastmod")))
            self._texts = {}
