from __future__ import annotations

from datetime import UTC, datetime

import pytest

from digest.sources.feeds import MOST_BYTES, read_feed
from digest.sources.listed_page import ListedPage, ListUnreadable, listed
from tests.sources.site.comparison_site import NEWEST, ComparisonSite

URL = "https://site.test/news/feed"
PAGE = "https://site.test/a-vs-b"
DAY = datetime(2026, 10, 6, 10, 0, tzinfo=UTC)


def rss(items: str) -> bytes:
    return f'<rss version="2.0"><channel><title>T</title>{items}</channel></rss>'.encode()


def item(link: str, date: str = "") -> str:
    return f"<item><link>{link}</link>{date}</item>"


@pytest.mark.parametrize("path", ["/feed.atom", "/feed.rss", "/feed.json"])
def test_a_feed_of_any_kind_lists_its_pages_with_their_dates(path: str) -> None:
    site = ComparisonSite("https://site.test")
    site.add(NEWEST + 3)
    shown = site.shown(path)
    assert shown is not None
    newest = list(site.pages.values())[: -NEWEST - 1 : -1]
    assert read_feed(shown.body, url=site.url + path) == [
        ListedPage(site.url + page.quoted, page.changed_at) for page in newest
    ]


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("/a-vs-b", PAGE),
        ("../a-vs-b#panel", PAGE),
        (f" {PAGE} ", PAGE),
        ("/\u00fc ber", "https://site.test/%C3%BC%20ber"),
        ("/a?b=c&amp;d=%20", "https://site.test/a?b=c&d=%20"),
    ],
)
def test_an_address_is_made_whole(link: str, url: str) -> None:
    assert read_feed(rss(item(link)), url=URL) == [ListedPage(url, None)]


@pytest.mark.parametrize(
    "link",
    [
        "mailto:a@site.test",
        "javascript:x",
        "file:///etc/passwd",
        "http://[::1",
        "http://a:b@c.test/",
        "/" + "a" * 2000,
    ],
)
def test_what_can_not_be_asked_for_is_left_out(link: str) -> None:
    assert read_feed(rss(item(link) + item("/a-vs-b")), url=URL) == [ListedPage(PAGE, None)]


def test_half_a_character_is_no_part_of_an_address() -> None:
    assert listed([("/\ud800", None), ("/a-vs-b", None)], base=URL) == [ListedPage(PAGE, None)]


def test_a_page_is_listed_once() -> None:
    assert read_feed(rss(item("/a-vs-b") * 3), url=URL) == [ListedPage(PAGE, None)]


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("<pubDate>Tue, 06 Oct 2026 12:00:00 +0200</pubDate>", DAY),
        ("<pubDate>yesterday</pubDate>", None),
        ("<pubDate>Tue, 06 Oct 99999 12:00:00 GMT</pubDate>", None),
    ],
)
def test_a_date_is_believed_if_it_is_one(date: str, moment: datetime | None) -> None:
    assert read_feed(rss(item("/a-vs-b", date)), url=URL) == [ListedPage(PAGE, moment)]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "neither RSS nor Atom"),
        (b"<html><body><p>Hello</p></body></html>", "neither RSS nor Atom"),
        (b"{", "line 1 isn't JSON"),
        (b"{}", "isn't a JSON Feed"),
        (b'{"version": 1}', "isn't a JSON Feed"),
        (rss("<title>&nbsp;&#x110000;</title>"), "the feed is broken"),
        (rss(item("/a")) + b" " * MOST_BYTES, "more than 1,000,000 bytes"),
    ],
)
def test_what_is_no_feed_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(ListUnreadable, match=why):
        read_feed(body, url=URL)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_that_grow_without_end_are_refused(encoding: str) -> None:
    text = '<!DOCTYPE rss [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]><rss version="2.0">&b;</rss>'
    with pytest.raises(ListUnreadable, match="declares entities"):
        read_feed(text.encode(encoding), url=URL)


def test_a_feed_that_is_the_name_of_a_file_is_not_opened() -> None:
    with pytest.raises(ListUnreadable, match="neither RSS nor Atom"):
        read_feed(__file__.encode(), url=URL)


@pytest.mark.parametrize("items", ["null", '{"a": 1}', '[1, {"url": 5}, {}]'])
def test_a_json_feed_without_pages_lists_none(items: str) -> None:
    body = f'{{"version": "https://jsonfeed.org/version/1.1", "items": {items}}}'
    assert read_feed(body.encode(), url=URL) == []
