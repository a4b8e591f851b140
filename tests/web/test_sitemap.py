"""The sitemap: every public address with its day, cut where it is too long, and robots.txt."""

from __future__ import annotations

import re
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from starlette.requests import Request

from digest.comparisons import editorial
from digest.issues import newsletters, store
from digest.web.directory_pages import Sitemap
from digest.web.directory_pages.sitemap import Place, sitemap_index, url_set
from digest.web.newsletter_cache import NewsletterCache
from digest.web.theme import Theme
from tests.conftest import NOW
from tests.web.conftest import SLUG, Running
from tests.web.test_corrections import correct

SPACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
BASE = "https://news.example.com"


def places(text: str, kind: str = "url") -> dict[str, str | None]:
    """The addresses of a sitemap, each with its day."""
    tree = ElementTree.fromstring(text)  # noqa: S314 - our own
    return {
        str(each.findtext(f"{SPACE}loc")): each.findtext(f"{SPACE}lastmod")
        for each in tree.iter(f"{SPACE}{kind}")
    }


def test_the_sitemap_has_every_page_with_the_day_it_changed(site: Running) -> None:
    told = places(site.get("/sitemap.xml").text)
    assert told[f"{BASE}/"] is None
    assert told[f"{BASE}/issues/weekly/2"] == "2026-11-17"
    assert told[f"{BASE}/comparisons/{SLUG}"] == "2026-11-24"
    assert told[f"{BASE}/tools/lintwick"] == "2026-11-24"
    assert told[f"{BASE}/categories/developer-tools"] == "2026-11-24"
    assert f"{BASE}/issues/weekly/3" not in told
    assert all(site.get(url.removeprefix(BASE)).status_code == 200 for url in told)


def test_an_issue_changes_with_its_correction_and_when_a_comparison_is_withdrawn(
    site: Running,
) -> None:
    correct(site, 1)
    with site.app.database.write() as session:
        issue = store.by_number(session, 1, 2)
        lead = store.carried_comparisons(session, issue.id or 0)[0].comparison.slug
        editorial.withdraw(session, lead, "a wrong quote", NOW + timedelta(days=5))

    told = places(site.get("/sitemap.xml").text)

    assert told[f"{BASE}/issues/weekly/1"] == "2026-11-24"
    assert told[f"{BASE}/issues/weekly/2"] == "2026-11-29"


def test_a_private_newsletter_is_in_no_sitemap(site: Running) -> None:
    with site.app.database.write() as session:
        newsletters.create(session, "inner", {"name": "Inner", "public": "no"})
    assert "inner" not in site.get("/sitemap.xml").text


def test_robots_are_told_where_the_sitemap_is_and_where_there_is_nothing(site: Running) -> None:
    rules = site.get("/robots.txt").text
    assert "Disallow: /api/" in rules
    assert f"\nSitemap: {BASE}/sitemap.xml\n" in rules


def request(part: str | None = None) -> Request:
    params = {} if part is None else {"part": part}
    return Request({"type": "http", "headers": [], "path_params": params})


def test_a_long_sitemap_is_cut_into_parts_that_hold_everything(site: Running) -> None:
    whole = places(site.get("/sitemap.xml").text)
    cut = Sitemap(site.app, Theme(site.app.settings, NewsletterCache(site.app.database)), most=10)
    parts = places(bytes(cut.sitemap(request()).body).decode(), "sitemap")
    assert len(parts) == -(-len(whole) // 10)
    numbers = [re.sub(r"\D", "", url) for url in parts]
    texts = [bytes(cut.sitemap(request(number)).body).decode() for number in numbers]
    assert {url: day for text in texts for url, day in places(text).items()} == whole


@pytest.mark.parametrize("part", ["0", "2", "x", "-1", "99999999"])
def test_a_part_that_is_none_is_not_found(site: Running, part: str) -> None:
    assert site.get(f"/sitemap-{part}.xml").status_code == 404


def test_an_address_in_another_script_is_escaped() -> None:
    text = url_set(BASE, [Place("/tools/比較&co", date(2026, 1, 2))])
    assert "<loc>https://news.example.com/tools/%E6%AF%94%E8%BC%83&amp;co</loc>" in text
    assert places(sitemap_index(BASE, 2), "sitemap") == {
        f"{BASE}/sitemap-1.xml": None,
        f"{BASE}/sitemap-2.xml": None,
    }
