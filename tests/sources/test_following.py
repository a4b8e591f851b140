"""What can be followed at an address, and what is added of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

import pytest

from digest.db import Database
from digest.errors import ComparisonUnreadable, WrongState
from digest.http_client import Answer, Limits
from digest.sources import store
from digest.sources.following import NothingToFollow, add_source, find_source
from digest.sources.listed_page import ListUnreadable
from digest.sources.models import AcceptRule, SourceKind
from digest.sources.site_reader import LIST_LIMITS, PageFailed, ReadingStopped, SiteReader
from digest.sources.source_listing import INDEX_SECONDS, list_pages, meant
from tests.comparisons.conftest import PAGE
from tests.sources.conftest import SITE, Followed

SITEMAP = (
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    f"<url><loc>{SITE}/compare/a</loc></url><url><loc>{SITE}/about</loc></url>"
    "<url><loc>https://elsewhere.example.org/compare/b</loc></url></urlset>"
)
INDEX = (
    '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    f"<sitemap><loc>{SITE}/sitemap.xml</loc></sitemap></sitemapindex>"
)
FEED = (
    '<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><id>x</id>'
    f'<entry><id>1</id><title>A</title><link href="{SITE}/compare/a"/></entry></feed>'
)
LINKS = '<html><body><h1>All</h1><a href="/compare/a">A</a><a href="/about">B</a></body></html>'


class Pages:
    """Answers by path, with an ETag, and nothing else at the site."""

    def __init__(self, **answers: str) -> None:
        self.answers = {f"/{name}": text for name, text in answers.items()}
        self.status = 404
        self.asked: list[str] = []

    def get(
        self, url: str, *, headers: Mapping[str, str] = MappingProxyType({}), limits: Limits
    ) -> Answer:
        path = url.removeprefix(SITE)
        self.asked.append(path)
        text = self.answers.get(path)
        if text is None:
            return Answer(status=self.status, headers={}, body=b"", url=url)
        kind = "text/html" if "<html" in text else "text/plain"
        if headers.get("If-None-Match"):
            return Answer(status=304, headers={}, body=b"", url=url)
        named = {"content-type": kind, "etag": '"1"'}
        return Answer(status=200, headers=named, body=text.encode(), url=url)

    def allows(self, url: str) -> bool:
        return True

    def delay(self, url: str) -> float:
        return 0.0

    def reader(self) -> SiteReader:
        return SiteReader(client=self, robots=self, wait=lambda _: False)


def test_an_address_of_a_sitemap_is_followed_as_one() -> None:
    found = find_source(Pages(map=SITEMAP).reader(), f"{SITE}/map")
    assert (found.kind, found.url) == (SourceKind.SITEMAP, f"{SITE}/map")
    assert found.pages == (f"{SITE}/compare/a", f"{SITE}/about")
    assert found.listing.left_out == 1


def test_an_address_of_a_feed_is_followed_as_one() -> None:
    found = find_source(Pages(feed=FEED).reader(), f"{SITE}/feed")
    assert (found.kind, found.pages) == (SourceKind.FEED, (f"{SITE}/compare/a",))


def test_a_comparison_itself_is_followed_alone() -> None:
    found = find_source(Pages(page=PAGE).reader(), f"{SITE}/page")
    assert (found.kind, found.is_single) == (SourceKind.PAGE, True)


def test_of_a_site_its_sitemap_is_found() -> None:
    pages = Pages(**{"": LINKS, "sitemap.xml": SITEMAP})
    found = find_source(pages.reader(), f"{SITE}/", match="/compare/*")
    assert (found.kind, found.url) == (SourceKind.SITEMAP, f"{SITE}/sitemap.xml")
    assert found.pages == (f"{SITE}/compare/a",)


def test_of_a_site_without_a_front_page_its_sitemap_is_found() -> None:
    found = find_source(Pages(**{"sitemap.xml": SITEMAP}).reader(), f"{SITE}/")
    assert found.kind is SourceKind.SITEMAP


def test_of_a_site_without_a_list_the_links_are_followed() -> None:
    found = find_source(Pages(**{"": LINKS}).reader(), f"{SITE}/", match="/compare/*")
    assert (found.kind, found.url) == (SourceKind.PAGE, f"{SITE}/")
    assert found.pages == (f"{SITE}/compare/a",)


def test_where_nothing_is_the_message_says_so() -> None:
    with pytest.raises(NothingToFollow, match="its server answers 404"):
        find_source(Pages().reader(), f"{SITE}/")


def test_a_pattern_that_no_page_matches_is_told() -> None:
    with pytest.raises(NothingToFollow, match="none of its 3 pages matches /x") as fault:
        find_source(Pages(map=SITEMAP).reader(), f"{SITE}/map", match="/x/*")
    assert "--match" in str(fault.value.next_step)


def test_a_pattern_that_is_too_long_to_keep_is_refused() -> None:
    with pytest.raises(NothingToFollow, match="more than 400 characters"):
        find_source(Pages().reader(), SITE, match="x" * 401)


def test_a_kind_that_is_named_must_be_right() -> None:
    with pytest.raises(ListUnreadable):
        find_source(Pages(page=LINKS).reader(), f"{SITE}/page", kind=SourceKind.SITEMAP)
    with pytest.raises(ComparisonUnreadable):
        find_source(Pages(page=LINKS).reader(), f"{SITE}/page", kind=SourceKind.JSON)


def test_a_server_that_fails_is_told_as_that() -> None:
    pages = Pages()
    pages.status = 503
    with pytest.raises(PageFailed, match="answers 503"):
        find_source(pages.reader(), f"{SITE}/")


def test_a_pattern_of_a_whole_address_may_name_another_site() -> None:
    urls = [f"{SITE}/compare/a", "https://elsewhere.example.org/compare/b"]
    there = "https://elsewhere.example.org/*"
    assert meant(urls, base=SITE, match=there) == (("https://elsewhere.example.org/compare/b",), 1)


def test_with_and_without_www_are_one_site() -> None:
    urls = ["https://www.tools.example.com/a"]
    assert meant(urls, base=SITE, match="") == (("https://www.tools.example.com/a",), 0)


def test_a_list_that_has_not_changed_is_not_read_again(followed: Followed) -> None:
    with followed.database.read() as session:
        source = store.by_id(session, followed.source_id)
    pages = Pages(**{"sitemap.xml": SITEMAP})
    listing = list_pages(pages.reader(), source, False)
    source.etag, source.last_modified = listing.validators
    assert (listing.whole, source.etag) == (True, '"1"')
    assert list_pages(pages.reader(), source, False).pages is None


def test_an_index_of_sitemaps_is_read_each_time(followed: Followed) -> None:
    with followed.database.read() as session:
        source = store.by_id(session, followed.source_id)
    source.url = f"{SITE}/index"
    pages = Pages(**{"index": INDEX, "sitemap.xml": SITEMAP})
    listing = list_pages(pages.reader(), source, False)
    assert listing.pages == (f"{SITE}/compare/a", f"{SITE}/about")
    assert listing.validators == store.NOT_KNOWN


def test_an_index_that_takes_too_long_is_given_up() -> None:
    times = iter([0.0, 1.0, INDEX_SECONDS])
    pages = Pages(index=INDEX.replace("/sitemap.xml", "/index"))  # which lists itself
    reader = replace(pages.reader(), steady=lambda: next(times))
    with pytest.raises(ListUnreadable, match="take more than 10 minutes") as fault:
        find_source(reader, f"{SITE}/index", kind=SourceKind.SITEMAP)
    assert fault.value.next_step == "follow one of these sitemaps instead"
    assert pages.asked == ["/index", "/index"]


def test_a_stop_ends_the_reading_of_an_index() -> None:
    pages = Pages(index=INDEX, **{"sitemap.xml": SITEMAP})
    reader = replace(pages.reader(), wait=lambda _: True)
    with pytest.raises(ReadingStopped):
        find_source(reader, f"{SITE}/index", kind=SourceKind.SITEMAP)
    assert pages.asked == ["/index"]


def test_a_stop_ends_the_pause_between_two_requests() -> None:
    pages = Pages(map=SITEMAP)

    class Slow(Pages):
        def delay(self, url: str) -> float:
            return 9.0

    reader = SiteReader(client=pages, robots=Slow(), wait=lambda _: True)
    reader.get(f"{SITE}/map", limits=LIST_LIMITS)
    with pytest.raises(ReadingStopped):
        reader.get(f"{SITE}/map", limits=LIST_LIMITS)
    assert pages.asked == ["/map"]


def test_what_is_followed_already_is_not_added_twice(database: Database, now: datetime) -> None:
    found = find_source(Pages(page=PAGE).reader(), f"{SITE}/page")
    with database.write() as session:
        source = add_source(session, found, accept=AcceptRule.CHANGES, now=now)
        assert store.has_page(session, source.id or 0, f"{SITE}/page")
    with database.write() as session, pytest.raises(WrongState, match=r"follows .* already"):
        add_source(session, found, now=now)
