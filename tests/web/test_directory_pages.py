"""Finding a comparison on the site: lists, search, tools, categories, and the way between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from digest.comparisons import editorial
from digest.comparisons.store import store_draft
from digest.directory import SharePoint
from digest.issues import newsletters, store
from digest.web.directory_pages.directory_views import bar_steps, paging, share_chart
from tests.conftest import NOW
from tests.directory.conftest import make_draft
from tests.web.conftest import SLUG, MakeSite, Running

LINK = re.compile(r'<a href="(/comparisons/[^"?]+)"')
TOOL = "/tools/ravelin-coder-2"


@pytest.fixture
def many(site: Running) -> Running:
    """A site with 30 more comparisons of one tool."""
    with site.app.database.write() as session:
        for number in range(30):
            draft = make_draft(
                "Ravelin Coder 2",
                f"Oriel {number}",
                category="Coding Tools",
                shares=(25.0 * (number % 5), 50.0),
                published_on=date(2026, 1, 5) + timedelta(days=7 * number),
            )
            store_draft(session, draft, now=NOW)
    return site


def entries(site: Running, path: str) -> list[str]:
    page = site.get(path)
    assert page.status_code == 200
    return LINK.findall(page.text)


def headline(site: Running, path: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", site.get(path).text, re.DOTALL)
    return found[1] if found else ""


def test_every_public_comparison_is_in_the_list_once_and_a_page_has_24(many: Running) -> None:
    pages = [entries(many, f"/comparisons{query}") for query in ("", "?page=2")]
    assert [len(page) for page in pages] == [24, 18]
    assert len({*pages[0], *pages[1]}) == 42
    assert all(many.get(link).status_code == 200 for link in (*pages[0][:3], *pages[1][:3]))


def test_a_page_leads_to_the_ones_before_and_after_it(many: Running) -> None:
    first, second = (many.get(f"/comparisons{query}").text for query in ("", "?page=2"))
    assert '<a href="/comparisons?page=2" rel="next">' in first
    assert 'rel="prev"' not in first
    assert '<a href="/comparisons" rel="prev">' in second
    assert "Page 2 of 2" in second
    assert 'canonical" href="https://news.example.com/comparisons?page=2">' in second


def test_an_entry_shows_names_shares_bars_verdict_category_and_date(site: Running) -> None:
    page = site.get("/comparisons").text
    [entry] = [each for each in page.split("<li>") if f'"/comparisons/{SLUG}"' in each]
    assert '<span>Lintwick</span><b>50%</b><s class="w10"></s>' in entry
    assert '<i>vs</i> Ravelin Coder 2</span><b>75%</b><s class="w15"></s>' in entry
    assert "Ship Ravelin Coder 2. Three of four reviewers would" in entry
    assert "<small><bdi>Developer Tools</bdi> · 27 Oct 2026</small>" in entry


@pytest.mark.parametrize(
    ("share", "steps"), [(0.0, 0), (0.4, 1), (50.0, 10), (99.6, 19), (100.0, 20)]
)
def test_a_small_bar_is_empty_or_full_only_when_nobody_or_everybody_would_ship(
    share: float, steps: int
) -> None:
    assert bar_steps(share) == steps


def test_search_finds_by_name_and_by_what_was_said(site: Running) -> None:
    assert entries(site, "/comparisons?q=ravelin+lintw") == [f"/comparisons/{SLUG}"]
    assert f"/comparisons/{SLUG}" in entries(site, "/comparisons?q=argument+about+tabs")
    page = site.get("/comparisons?q=ravelin").text
    assert "Comparisons with “ravelin”" in page
    assert 'value="ravelin"' in page
    assert '<meta name="robots" content="noindex">' in page


def test_a_search_without_a_find_says_what_to_try(site: Running) -> None:
    page = site.get("/comparisons?q=zzzz").text
    assert "No comparison has all of these words." in page
    assert LINK.findall(page) == []


@pytest.mark.parametrize(
    "query",
    [
        "'%22",
        "%00",
        "%ff%fe",
        "NEAR(",
        "%22%22",
        "a*b*",
        "<script>alert(1)</script>",
        "{{ 7*7 }}",
        "x" * 3000,
        "%F0%9F%98%80",
    ],
)
def test_a_hostile_search_is_answered_with_a_page(site: Running, query: str) -> None:
    page = site.get(f"/comparisons?q={query}")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert site.get(f"/comparisons?q=coder&category={query}").status_code == 200


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "x", "99", "9" * 40, "%00", "%D9%A1"])
def test_a_page_that_is_none_is_not_found(site: Running, number: str) -> None:
    for path in ("/comparisons", "/tools", TOOL, "/categories/developer-tools"):
        assert site.get(f"{path}?page={number}").status_code == 404


@pytest.mark.parametrize("name", ["none", "%00", "Call+us+on+555", "<b>"])
def test_an_address_cannot_give_the_list_a_heading(site: Running, name: str) -> None:
    page = site.get(f"/comparisons?category={name}")

    assert page.status_code == 404
    assert "Call us" not in page.text


def test_a_category_has_its_comparisons_and_a_search_of_its_own(many: Running) -> None:
    assert len(entries(many, "/categories/coding-tools")) == 24
    assert headline(many, "/categories/coding-tools") == "Coding Tools"
    page = many.get("/categories/coding-tools").text
    assert '<input type="hidden" name="category" value="coding-tools">' in page
    assert '<a href="/categories/coding-tools?page=2" rel="next">' in page
    assert entries(many, "/comparisons?q=oriel+17&category=coding-tools") == [
        "/comparisons/ravelin-coder-2-vs-oriel-17"
    ]
    assert entries(many, "/comparisons?q=oriel+17&category=audio") == []
    more = many.get("/comparisons?q=oriel&category=coding-tools").text
    assert 'href="/comparisons?q=oriel&amp;category=coding-tools&amp;page=2"' in more


def test_every_category_is_listed_and_leads_to_its_page(site: Running) -> None:
    paths = re.findall(r'<a href="(/categories/[^"]+)">', site.get("/categories").text)
    assert "/categories/image-and-design" in paths
    assert {headline(site, path) for path in paths} >= {"Audio", "Image &amp; Design"}


@pytest.mark.parametrize("path", ["/categories/none", "/tools/none", "/tools/a%00b", "/tools/"])
def test_what_stands_in_no_public_comparison_has_no_page(site: Running, path: str) -> None:
    assert site.get(path).status_code == 404


def test_a_tool_has_all_its_comparisons_in_a_table_and_its_shares_in_a_chart(
    many: Running,
) -> None:
    page = many.get(TOOL).text
    rows = re.findall(r"<tr><td>(.*?)</td><td><a href=\"(.*?)\">(.*?)</a></td><td>(.*?)</td>", page)
    assert headline(many, TOOL) == "Ravelin Coder 2"
    assert '<h2 id="all">32 comparisons</h2>' in page
    assert len(rows) == 24
    assert rows[1] == ("27 Oct 2026", f"/comparisons/{SLUG}", "Lintwick", "75%")
    assert 'role="img" aria-label="A line through the shares from 5 Jan 2026 to' in page
    second = many.get(f"{TOOL}?page=2").text
    assert second.count("<tr><td>") == 8
    assert "<svg" not in second


def test_a_chart_has_a_point_a_share_at_its_day() -> None:
    shares = [
        SharePoint(date(2026, 1, 1), 0.0),
        SharePoint(date(2026, 1, 2), 75.0),
        SharePoint(date(2026, 1, 5), 100.0),
    ]
    chart = share_chart(shares, "en")
    assert chart is not None
    assert chart.line == "M0 100L25 25L100 0"
    assert chart.dots == "M0 100h0M25 25h0M100 0h0"
    assert (chart.first, chart.last) == ("1 Jan 2026", "5 Jan 2026")
    assert share_chart(shares[:1] * 2, "en") is None
    assert share_chart([], "en") is None


def test_a_place_in_a_list_keeps_what_was_asked_for() -> None:
    middle = paging("/comparisons", 2, 3, q="a b&c", category="")
    assert (middle.newer, middle.older) == (
        "/comparisons?q=a+b%26c",
        "/comparisons?q=a+b%26c&page=3",
    )
    assert (paging("/tools", 1, 1).newer, paging("/tools", 1, 1).older) == ("", "")


def test_a_comparison_leads_to_its_tools_and_its_category(site: Running) -> None:
    page = site.get(f"/comparisons/{SLUG}").text
    for path in ("/tools/lintwick", TOOL, "/categories/developer-tools", "/comparisons"):
        assert f'<a href="{path}"' in page


def test_front_page_and_archive_lead_to_the_lists(site: Running) -> None:
    for path in ("/", "/issues/weekly", "/issues/weekly/1"):
        assert '<a href="/comparisons"' in site.get(path).text


def test_every_list_describes_itself_to_search_engines(site: Running) -> None:
    paths = ("/comparisons", "/categories/audio", "/categories", "/tools", TOOL, "/issues/weekly")
    told = [
        re.findall(r'<meta name="description" content="([^"]{20,})">', site.get(path).text)
        for path in paths
    ]

    assert [len(each) for each in told] == [1] * len(paths)
    assert len({words for each in told for words in each}) == len(paths)


def test_the_icon_is_found_where_browsers_look_unasked(site: Running) -> None:
    icon = site.get("/favicon.ico")
    assert (icon.status_code, icon.text) == (200, site.get("/icon.svg").text)
    assert icon.headers["content-type"] == "image/svg+xml; charset=utf-8"


def test_what_is_withdrawn_or_waits_is_in_no_list(make_running: MakeSite) -> None:
    site = make_running(comparisons_public="issue")
    carried = {link for link in entries(site, "/") if not link.endswith("atom")}
    assert set(entries(site, "/comparisons")) >= carried
    assert len(entries(site, "/comparisons")) < 12
    slug = min(carried).removeprefix("/comparisons/")
    with site.app.database.write() as session:
        editorial.withdraw(session, slug, "a wrong quote", NOW)
    assert f"/comparisons/{slug}" not in entries(site, "/comparisons")
    assert slug not in site.get("/sitemap.xml").text


def test_an_empty_site_says_that_nothing_is_out(make_running: MakeSite) -> None:
    site = make_running(comparisons_public="issue")
    with site.app.database.write() as session:
        for link in entries(site, "/comparisons"):
            editorial.withdraw(session, link.removeprefix("/comparisons/"), "wrong", NOW)
    for path in ("/comparisons", "/tools", "/categories"):
        assert "No comparison is out yet." in site.get(path).text


def test_a_list_is_kept_for_a_minute_and_then_asked_for_by_its_tag(site: Running) -> None:
    page = site.get("/comparisons")
    assert page.headers["cache-control"] == "public, max-age=60"
    again = site.get("/comparisons", headers={"If-None-Match": page.headers["etag"]})
    assert again.status_code == 304


def test_a_full_page_is_light_with_its_styles(many: Running) -> None:
    styles = ("/style.css", "/directory.css", "/icon.svg")
    beside = sum(len(many.get(path).content) for path in styles)
    for path in ("/comparisons", "/comparisons?q=coder", "/categories/coding-tools"):
        assert len(many.get(path).content) + beside < 20_000


def test_the_lists_speak_the_newsletter_s_language(many: Running) -> None:
    with many.app.database.write() as session:
        newsletters.change(session, store.newsletter(session, "weekly"), {"language": "de"})
    assert headline(many, "/comparisons") == "Alle Vergleiche"
    assert "Anteil der Jury" in many.get(TOOL).text
    assert "5.01.2026" in many.get(TOOL).text


def walk(site: Running, start: str) -> Iterator[tuple[str, int, str]]:
    """Follow every link of the site from *start*; yields each path, its status and its page."""
    seen, waiting = {start}, [start]
    base = site.app.settings.base_url
    while waiting:
        path = waiting.pop()
        answer = site.get(path)
        html = "html" in answer.headers.get("content-type", "")
        yield path, answer.status_code, answer.text if html else ""
        if not html:
            continue
        for found in re.findall(r'(?:href|src)="([^"]+)"', answer.text):
            link = found.replace("&amp;", "&").partition("#")[0].removeprefix(base)
            if link.startswith("/") and link not in seen:
                seen.add(link)
                waiting.append(link)


def test_no_link_of_the_site_is_dead_and_every_page_has_title_heading_and_address(
    many: Running,
) -> None:
    with many.app.database.write() as session:
        newsletters.create(session, "tools", {"name": "Werkzeug", "language": "de"})
    pages = list(walk(many, "/"))
    dead = [(path, status) for path, status, _ in pages if status >= 400]
    listed = [
        (path, page)
        for path, _, page in pages
        if page and 'content="noindex"' not in page and not path.endswith("/mail")
    ]
    bare = [
        path
        for path, page in listed
        if not (
            re.search(r"<title>[^<]+</title>", page)
            and page.count("<h1") == 1
            and page.count('<link rel="canonical"') == 1
        )
    ]
    assert (dead, bare) == ([], [])
    assert {path.partition("?")[0].split("/")[1] for path, _ in listed} >= {
        "",
        "issues",
        "comparisons",
        "tools",
        "categories",
    }
    assert len(listed) > 100
    for path, place in re.findall(r"<loc>([^<]+)(</loc>)", many.get("/sitemap.xml").text):
        assert place
        assert path.removeprefix(many.app.settings.base_url) in {path for path, _ in listed}
