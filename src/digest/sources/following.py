"""How a source is added: what its address is, and what it lists.

Hides where a site's list of pages is looked for when only the site is named: its sitemap, its
feed, then the links of the page itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin

from sqlmodel import Session, select

from digest.errors import ComparisonUnreadable, DigestError, WrongState
from digest.sources import store
from digest.sources.listed_page import ListUnreadable
from digest.sources.models import MAX_MATCH, AcceptRule, Source, SourceKind
from digest.sources.pages import read_page
from digest.sources.site_reader import LIST_LIMITS, FetchedPage, PageGone, SiteReader
from digest.sources.source_listing import listing_of
from digest.sources.store import SourceListing

#: Where a site's list of pages usually is, by the address of any of its pages.
_USUAL = (
    ("/sitemap.xml", SourceKind.SITEMAP),
    ("/sitemap_index.xml", SourceKind.SITEMAP),
    ("/feed.xml", SourceKind.FEED),
    ("/feed", SourceKind.FEED),
    ("/rss.xml", SourceKind.FEED),
)


class NothingToFollow(DigestError):
    """There is nothing at this address that can be followed."""


@dataclass(frozen=True, kw_only=True)
class FoundSource:
    """What is at an address: its kind, the address to follow, and the pages meant there."""

    url: str
    kind: SourceKind
    listing: SourceListing
    is_single: bool  #: whether the address itself is the only page

    @property
    def pages(self) -> Sequence[str]:
        """The addresses that would be followed."""
        return self.listing.pages or ()


def find_source(
    reader: SiteReader, url: str, *, kind: SourceKind | None = None, match: str = ""
) -> FoundSource:
    """Return what is at *url*; of a site's own page, what lists the site's pages.

    Raises `NothingToFollow` and `PageFailed` with what to do instead, and where a *kind* is named,
    what isn't right about it: `ListUnreadable` or `ComparisonUnreadable`.
    """
    if len(match) > MAX_MATCH:
        raise NothingToFollow(
            f"the pattern has more than {MAX_MATCH} characters",
            next_step="match a shorter part of the addresses: --match '*/compare/*'",
        )
    try:
        fetched = reader.get(url, limits=LIST_LIMITS)
    except PageGone as fault:
        found = None if kind else next(_elsewhere(reader, url, match), None)
        if found is None:
            step = "check the address in a browser"
            raise NothingToFollow(f"nothing is at {url}: {fault}", next_step=step) from None
        return found
    if kind is not None:
        return _with_pages(_as(reader, kind, fetched, match), match)
    for guess in (SourceKind.SITEMAP, SourceKind.FEED, SourceKind.PAGE):
        with suppress(ListUnreadable, ComparisonUnreadable):
            found = _as(reader, guess, fetched, match)
            if guess is not SourceKind.PAGE or found.is_single:
                return _with_pages(found, match)
    return next(_elsewhere(reader, fetched.url, match), None) or _by_links(reader, fetched, match)


def add_source(
    session: Session,
    found: FoundSource,
    *,
    match: str = "",
    newsletter: str = "",
    accept: AcceptRule = AcceptRule.NONE,
    now: datetime,
) -> Source:
    """Follow what was found from now on; the caller commits. Raises `WrongState` if it is already.

    The first poll is due at once.
    """
    known = session.exec(select(Source).where(Source.url == found.url)).one_or_none()
    if known is not None:
        raise WrongState(
            f"source {known.id} follows {found.url} already",
            next_step=f"digest sources show {known.id}",
        )
    source = Source(
        url=found.url,
        kind=found.kind,
        match=match,
        newsletter=newsletter,
        accept=accept,
        added_at=now,
        next_poll_at=now,
    )
    session.add(source)
    session.flush()
    if found.is_single:
        store.add_pages(session, source, [found.url], now)
    return source


def _as(reader: SiteReader, kind: SourceKind, fetched: FetchedPage, match: str) -> FoundSource:
    """Return what was fetched as a source of this kind; raises where it's none."""
    is_single = kind in {SourceKind.PAGE, SourceKind.JSON} and _holds_comparison(kind, fetched)
    listing = (
        SourceListing(pages=(fetched.url,))
        if is_single
        else listing_of(reader, kind, fetched, match)
    )
    if is_single and _is_json(fetched):
        kind = SourceKind.JSON
    return FoundSource(url=fetched.url, kind=kind, listing=listing, is_single=is_single)


def _holds_comparison(kind: SourceKind, fetched: FetchedPage) -> bool:
    """Return whether a page is a comparison itself; of JSON, raise what isn't right about it."""
    try:
        read_page(fetched.body or b"", content_type=fetched.content_type, url=fetched.url)
    except ComparisonUnreadable:
        if kind is SourceKind.JSON:
            raise
        return False
    return True


def _is_json(fetched: FetchedPage) -> bool:
    return (fetched.body or b"").lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def _with_pages(found: FoundSource, match: str) -> FoundSource:
    if found.pages:
        return found
    listed = found.listing.left_out
    meant = f"none of its {listed:,} pages matches {match}" if match else "it lists no page here"
    raise NothingToFollow(
        f"{found.url} is a {found.kind}, and {meant}",
        next_step="give another --match, such as '/compare/*', or none",
    )


def _elsewhere(reader: SiteReader, url: str, match: str) -> Iterator[FoundSource]:
    """Yield what is found in the usual places of a page's site."""
    for path, kind in _USUAL:
        with suppress(DigestError):  # nothing is there, or something else
            found = _as(reader, kind, reader.get(urljoin(url, path), limits=LIST_LIMITS), match)
            if found.pages:
                yield found


def _by_links(reader: SiteReader, fetched: FetchedPage, match: str) -> FoundSource:
    with suppress(ComparisonUnreadable):
        found = _as(reader, SourceKind.PAGE, fetched, match)
        if found.pages:
            return found
    raise NothingToFollow(
        f"{fetched.url} is neither a sitemap, a feed nor a comparison, its site has no sitemap or"
        " feed in the usual places, and it links to no page that is meant",
        next_step="give the address of the site's sitemap or feed",
    )
