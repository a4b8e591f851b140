from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest

from digest.sources import sitemaps
from digest.sources.listed_page import MOST_LISTED, ListedPage, ListUnreadable
from digest.sources.sitemaps import read_sitemap, sitemap_pages
from tests.sources.site.comparison_site import ComparisonSite

URL = "https://site.test/sitemap.xml"
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def urlset(*locations: str, more: str = "") -> bytes:
    urls = "".join(f"<url><loc>{location}</loc>{more}</url>" for location in locations)
    return f'<urlset xmlns="{NAMESPACE}">{urls}</urlset>'.encode()


def index(*locations: str) -> bytes:
    entries = "".join(f"<sitemap><loc>{location}</loc></sitemap>" for location in locations)
    return f'<sitemapindex xmlns="{NAMESPACE}">{entries}</sitemapindex>'.encode()


class Server:
    """The sitemaps of a site by address."""

    def __init__(self, bodies: dict[str, bytes]) -> None:
        self.bodies, self.asked = bodies, list[str]()

    def read(self, url: str) -> bytes:
        self.asked.append(url)
        return self.bodies[url]

    def pages(self) -> list[str]:
        found = sitemap_pages(self.bodies[URL], url=URL, read=self.read)
        return [page.url for page in found]


def refusal(body: bytes) -> str:
    with pytest.raises(ListUnreadable) as refused:
        read_sitemap(body, url=URL)
    assert refused.value.next_step
    return str(refused.value)


@pytest.mark.parametrize("path", ["/sitemap.xml", "/sitemap.xml.gz"])
def test_a_sitemap_lists_its_pages_with_their_dates(path: str) -> None:
    site = ComparisonSite("https://site.test")
    site.add(20)
    shown = site.shown(path)
    assert shown is not None
    assert read_sitemap(shown.body, url=site.url + path).pages == [
        ListedPage(site.url + page.quoted, page.changed_at) for page in site.pages.values()
    ]


def test_an_index_lists_the_pages_of_its_sitemaps() -> None:
    inner = "https://site.test/b.xml"
    server = Server(
        {
            URL: index("/a.xml.gz", "/b.xml"),
            "https://site.test/a.xml.gz": gzip.compress(urlset("/1", "/2")),
            inner: index("/c.xml"),
            "https://site.test/c.xml": urlset("/2", "/3"),
        }
    )
    assert server.pages() == [f"https://site.test/{number}" for number in (1, 2, 3)]
    assert len(server.asked) == 3


def test_a_sitemap_of_no_namespace_is_read() -> None:
    body = b"<urlset><url><loc>/a</loc></url></urlset>"
    assert read_sitemap(body, url=URL).pages == [ListedPage("https://site.test/a", None)]


def test_the_words_of_other_namespaces_are_passed_over() -> None:
    other = "<x:loc xmlns:x='urn:x'>/no</x:loc><image><loc>/no</loc></image>"
    body = urlset("/a", more=other)
    assert read_sitemap(body, url=URL).pages == [ListedPage("https://site.test/a", None)]


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("2026-10-06", datetime(2026, 10, 6, tzinfo=UTC)),
        (" 2026-10-06T12:00:00+02:00\n", datetime(2026, 10, 6, 10, tzinfo=UTC)),
        ("2026-10-06T10:00:00.5Z", datetime(2026, 10, 6, 10, 0, 0, 500000, tzinfo=UTC)),
        ("2026-10", None),
        ("yesterday", None),
        ("0001-01-01T00:00:00+23:59", None),
    ],
)
def test_a_date_is_believed_if_it_is_one(date: str, moment: datetime | None) -> None:
    [page] = read_sitemap(urlset("/a", more=f"<lastmod>{date}</lastmod>"), url=URL).pages
    assert page.changed_at == moment


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "line 1 isn't XML: no element found"),
        (urlset("/a")[:-3], "line 1 isn't XML: unclosed token"),
        (b"<html><body></body></html>", "isn't a sitemap"),
        (b"{}", "line 1 isn't XML"),
        (
            b"<?xml version='1.0' encoding='klingon'?><urlset/>",
            "the encoding it names isn't known",
        ),
        (gzip.compress(urlset("/a"), mtime=0)[:-8], "broken or cut short"),
        (b"<!DOCTYPE urlset><urlset/>", "declares a document type"),
    ],
)
def test_what_is_no_sitemap_is_refused(body: bytes, why: str) -> None:
    assert why in refusal(body)


def test_entities_that_grow_without_end_are_refused() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    declared = f'<!DOCTYPE urlset [<!ENTITY e0 "lol">{entities}]>'
    text = f"{declared}<urlset><url><loc>&e9;</loc></url></urlset>"
    assert "declares a document type" in refusal(text.encode())


def test_a_packed_sitemap_has_a_bound_when_it_is_unpacked() -> None:
    bomb = gzip.compress(b"<urlset>" + b" " * sitemaps.MOST_BYTES)
    assert "more than the limit of 20,000,000 bytes" in refusal(bomb)


def test_a_sitemap_has_a_bound_on_its_pages() -> None:
    assert "more than 50,000 pages" in refusal(urlset(*map(str, range(MOST_LISTED + 1))))


def test_a_long_address_is_left_out() -> None:
    assert read_sitemap(urlset("/" + "a" * 9000), url=URL).pages == []


def test_an_index_that_lists_itself_ends() -> None:
    server = Server({URL: index(URL)})
    with pytest.raises(ListUnreadable, match="more than two levels"):
        server.pages()
    assert len(server.asked) == 2


def test_an_index_has_a_bound_on_its_sitemaps() -> None:
    server = Server({URL: index(*(f"/{number}.xml" for number in range(51)))})
    with pytest.raises(ListUnreadable, match="more than 50 sitemaps"):
        server.pages()
    assert server.asked == []


def test_a_part_that_can_not_be_read_makes_the_whole_unreadable() -> None:
    server = Server({URL: index("/a.xml"), "https://site.test/a.xml": b"<p>Sorry</p>"})
    with pytest.raises(ListUnreadable, match="isn't a sitemap"):
        server.pages()
