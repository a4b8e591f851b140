"""Badges and frames: true to the newest public revision, safe, and fit for other sites."""

from __future__ import annotations

import re
from html import unescape
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, Page

from digest.comparisons import editorial
from digest.comparisons.store import by_slug, latest
from digest.issues import store
from digest.render.accent import OWN
from digest.web.sharing.badge import badge
from tests.conftest import NOW
from tests.web.browser import Scheme, barriers, visitor
from tests.web.conftest import SLUG, MakeSite, Running
from tests.web.test_corrections import mend

SVG = "{http://www.w3.org/2000/svg}"


def words(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def embeds(site: Running, slug: str = SLUG) -> list[str]:
    page = site.get(f"/comparisons/{slug}").text
    return [unescape(code) for code in re.findall(r"<textarea [^>]*>([^<]*)</textarea>", page)]


def sources(site: Running, slug: str = SLUG) -> list[str]:
    found = re.findall(r'src="https://news\.example\.com([^"]+)"', " ".join(embeds(site, slug)))
    return [unescape(path) for path in found]


def test_the_code_on_the_page_leads_to_a_badge_for_each_tool_and_to_a_frame(site: Running) -> None:
    left, right, frame = (site.get(path) for path in sources(site))

    assert words(left.text) == ["Lintwick", "50% would ship · 27 Oct 2026"]
    assert words(right.text) == ["Ravelin Coder 2", "75% would ship · 27 Oct 2026"]
    assert left.headers["content-type"] == "image/svg+xml; charset=utf-8"
    assert re.findall(r"<h2>(.*)</h2>", frame.text) == ["Lintwick", "Ravelin Coder 2"]
    assert re.findall(r"<strong>(.*)</strong>", frame.text) == ["50%", "75%"]


def test_other_sites_may_show_them_but_not_keep_them_for_long(site: Running) -> None:
    badge, _, frame = (site.get(path).headers for path in sources(site))

    assert badge["cache-control"] == frame["cache-control"] == "public, max-age=300"
    assert badge["cross-origin-resource-policy"] == "cross-origin"
    assert frame["cross-origin-resource-policy"] == "cross-origin"
    assert frame["content-security-policy"].endswith("frame-ancestors *")
    assert (
        "frame-ancestors 'none'"
        in site.get(f"/comparisons/{SLUG}").headers["content-security-policy"]
    )


def test_they_follow_a_revision_and_say_of_when_it_is(site: Running) -> None:
    with site.app.database.read() as session:
        slug = store.by_number(session, 1, 1).pick["chosen"][0]["slug"]
    badge, _, frame = sources(site, slug)
    site.clock.advance(days=8)
    mend(site, 1, 25.0)

    assert words(site.get(badge).text)[1] == "25% would ship · 2 Dec 2026"
    assert "<strong>25%</strong>" in site.get(frame).text


def test_they_say_that_a_comparison_was_withdrawn(site: Running) -> None:
    badge, _, frame = sources(site)
    with site.app.database.write() as session:
        editorial.withdraw(session, SLUG, "a wrong quote", NOW)

    assert words(site.get(badge).text) == ["Lintwick", "withdrawn"]
    told = site.get(frame).text
    assert "This comparison has been withdrawn" in told
    assert "would ship" not in told + site.get(badge).text


@pytest.mark.parametrize("part", ["badge.svg", "frame"])
def test_what_is_not_public_has_none(make_running: MakeSite, part: str) -> None:
    site = make_running(comparisons_public="issue")

    assert site.get(f"/comparisons/{SLUG}/{part}").status_code == 404
    assert site.get(f"/comparisons/nothing-vs-nothing/{part}").status_code == 404


def test_a_tool_that_is_not_compared_has_no_badge(site: Running) -> None:
    assert site.get(f"/comparisons/{SLUG}/badge.svg?tool=plainsight").status_code == 404
    assert site.get(f"/comparisons/{SLUG}/badge.svg?tool=%00").status_code == 404
    assert words(site.get(f"/comparisons/{SLUG}/badge.svg").text)[0] == "Lintwick"


def test_no_votes_are_no_share(site: Running) -> None:
    with site.app.database.write() as session:
        for side in latest(session, by_slug(session, SLUG)).contenders:
            side.panel_share = None

    assert words(site.get(sources(site)[0]).text)[1] == "No panel vote yet"


@pytest.mark.parametrize(
    "name",
    ["</title><script>alert(1)</script>", '" onload="x', "ことば工房", "M" * 60, "\u202ei", "&"],
)
def test_a_badge_holds_any_name_as_text_of_a_given_width(name: str) -> None:
    drawn = badge(name, "75% would ship", OWN)
    root = ElementTree.fromstring(drawn)  # noqa: S314 - our own
    widths = [int(text.get("textLength", "")) for text in root.iter(f"{SVG}text")]

    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg", "title", "style", "clipPath", "rect", "g", "text",
    }  # fmt: skip
    assert words(drawn)[0][:10] in name.replace("\u202e", "")
    assert int(root.get("width", "")) == sum(widths) + 4 * 9


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_frame_and_the_opened_codes_have_no_barrier_and_fit(
    site: Running, browser: Browser, scheme: Scheme
) -> None:
    found, widths = {}, {}
    with visitor(browser, scheme=scheme, width=320) as window:
        page = window.new_page()
        page.goto(f"{site.url}/comparisons/{SLUG}/frame")
        found["frame"], widths["frame"] = barriers(page), scroll_width(page)
        height = page.evaluate("document.querySelector('.duo').getBoundingClientRect().bottom")
        page.goto(f"{site.url}/comparisons/{SLUG}")
        page.locator("summary").focus()
        page.keyboard.press("Enter")
        assert page.get_by_label("Badge for Lintwick", exact=True).is_visible()
        found["codes"], widths["codes"] = barriers(page), scroll_width(page)

    assert found == {"frame": [], "codes": []}
    assert widths == {"frame": 320, "codes": 320}
    assert height <= 400


def scroll_width(page: Page) -> int:
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width
