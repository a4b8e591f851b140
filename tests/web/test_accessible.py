"""Accessibility of every page a reader can reach, by axe-core and by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from digest.comparisons.models import Call
from subscribers.tokens import DatedTarget, LinkTarget
from tests.web.browser import Scheme, barriers, shifted, visitor
from tests.web.conftest import SLUG, MakeSite, Running
from tests.web.voter import LEFT, link

pytestmark = pytest.mark.browser

WHO = LinkTarget(1, "weekly")
OPEN = [
    "/",
    "/issues",
    "/issues/weekly/1",
    f"/comparisons/{SLUG}",  # every call is known
    f"/comparisons/{SLUG}/vote",
    "/comparisons/marrow-search-vs-plainsight",  # none is
    "/comparisons/kotoba-kobo-vs-lexicart",
    "/comparisons",
    "/comparisons?q=coder",
    "/comparisons?q=nothing",
    "/categories",
    "/categories/developer-tools",
    "/tools",
    "/tools/ravelin-coder-2",
    "/own-links",
    "/api/v1/docs",
    "/nothing",
    "/subscribe",
    "/subscribe?lang=de",
    "/subscribe/frame",
    "/privacy",
    "/privacy?lang=de",
]
OWN = ["", "/topics", "/pause", "/address", "/erase"]


def paths(site: Running) -> list[str]:
    """Return every page one can open, a reader's own ones among them."""
    links = site.links
    own = links.preferences(WHO, "ada@example.org").removeprefix(site.app.settings.base_url)
    mailed = [links.unsubscribe(WHO), links.confirm(DatedTarget(*WHO, site.clock()))]
    vote = link(site, LEFT, Call.SHIP)
    return [
        *OPEN,
        *(f"{own}{part}" for part in OWN),
        *(url.removeprefix(site.app.settings.base_url) for url in mailed),
        vote,
        "/u/broken",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_barrier(site: Running, browser: Browser, scheme: Scheme) -> None:
    found: dict[str, list[str]] = {}
    with visitor(browser, scheme=scheme) as window:
        page = window.new_page()
        for path in paths(site):
            page.goto(site.url + path)
            if wrong := barriers(page):
                found[path] = wrong

    assert found == {}


def press(page: Page) -> None:
    """Press the one button, and wait for the page it leads to."""
    with page.expect_navigation():
        page.get_by_role("button").click()


def test_no_answer_to_a_form_has_a_barrier(site: Running, browser: Browser) -> None:
    with visitor(browser) as window:
        page = window.new_page()
        page.goto(f"{site.url}/subscribe")
        page.get_by_label("Your email address").fill("nobody@nowhere.invalid")
        site.clock.advance(seconds=5)
        press(page)
        assert page.get_by_role("alert").count() == 1
        refused = barriers(page)
        page.goto(site.links.unsubscribe(WHO).replace("https://news.example.com", site.url))
        press(page)
        left = barriers(page)

    assert (refused, left) == ([], [])


def test_a_barrier_would_be_found(browser: Browser) -> None:
    with visitor(browser) as window:
        page = window.new_page()
        page.set_content("<p style='color:#ccc'>Pale words</p><input>")

        found = barriers(page)

    assert any(one.startswith("color-contrast") for one in found)
    assert any(one.startswith("label") for one in found)


#: The borders of what matches, and whether each can be told from the page behind it.
EDGES = """(selector) => [...document.querySelectorAll(selector)].map((each) => {
  const { borderTopColor, borderTopStyle, borderTopWidth } = getComputedStyle(each);
  const behind = getComputedStyle(document.body).backgroundColor;
  return borderTopStyle === 'solid' && parseFloat(borderTopWidth) >= 1 && borderTopColor !== behind
    && !borderTopColor.startsWith('rgba');
})"""


#: The words of links less than 24 pixels high (WCAG 2.2, 2.5.8).
LOW_LINKS = """() => [...document.querySelectorAll('a')]
  .filter((each) => each.getBoundingClientRect().height < 24).map((each) => each.textContent)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_buttons_fields_and_bars_have_edges_in_forced_colours(
    site: Running, browser: Browser, scheme: Scheme
) -> None:
    with visitor(browser, scheme=scheme) as window:
        page = window.new_page()
        page.emulate_media(forced_colors="active")
        edges = {path: seen(page, site.url + path) for path in paths(site)}

    assert {path for path, found in edges.items() if not all(found)} == set()
    assert len(edges[f"/comparisons/{SLUG}"]) == 2 + 8  # a field, a button, two bars of four


def seen(page: Page, url: str) -> list[bool]:
    """Return, for every button, field and part of a bar, whether its edge is seen."""
    page.goto(url)
    found: list[bool] = page.evaluate(EDGES, "button, input[id], .bar > *")
    return found


def test_a_bar_s_two_parts_differ_in_forced_colours(site: Running, browser: Browser) -> None:
    with visitor(browser) as window:
        page = window.new_page()
        page.emulate_media(forced_colors="active")
        page.goto(f"{site.url}/comparisons/{SLUG}")
        fills = {
            page.locator(part).first.evaluate("(each) => getComputedStyle(each).backgroundColor")
            for part in (".bar b", ".bar s")
        }

    assert len(fills) == 2


#: Gives every tool a name of 60 letters without a blank; returns how wide the page then is.
LONG_NAMES = """() => {
  const names = document.querySelectorAll('.tool h2 a, figcaption, .told h2 a, .duo h2, .duo h3');
  for (const each of names) each.textContent = 'D'.repeat(60);
  return names.length && document.documentElement.scrollWidth;
}"""


@pytest.mark.parametrize("width", [320, 700])
@pytest.mark.parametrize(
    "path", [f"/comparisons/{SLUG}", f"/comparisons/{SLUG}/frame", "/issues/weekly/1"]
)
def test_a_name_without_a_blank_stays_in_its_column(
    site: Running, browser: Browser, path: str, width: int
) -> None:
    with visitor(browser, width=width) as window:
        page = window.new_page()
        page.goto(site.url + path)

        assert page.evaluate(LONG_NAMES) == width


@pytest.mark.parametrize("width", [320, 1000])
def test_no_page_has_to_be_scrolled_sideways_and_nothing_moves(
    site: Running, browser: Browser, width: int
) -> None:
    with visitor(browser, width=width) as window:
        page = window.new_page()
        sizes = {path: settled(page, site.url + path) for path in paths(site)}

    assert sizes == dict.fromkeys(sizes, (width, 0))


@pytest.mark.parametrize("width", [320, 1000])
def test_every_link_is_high_enough_for_a_finger(
    site: Running, browser: Browser, width: int
) -> None:
    low: dict[str, list[str]] = {}
    with visitor(browser, width=width) as window:
        page = window.new_page()
        for path in paths(site):
            page.goto(site.url + path)
            if found := page.evaluate(LOW_LINKS):
                low[path] = found

    assert low == {}


def test_a_reader_s_own_size_of_type_is_kept_and_fits(site: Running, browser: Browser) -> None:
    with visitor(browser, width=375) as window:
        page = window.new_page()
        session = window.new_cdp_session(page)
        session.send("Page.setFontSizes", {"fontSizes": {"standard": 32}})
        sizes = {path: (settled(page, site.url + path)[0], smallest(page)) for path in paths(site)}

    assert {path: width for path, (width, _) in sizes.items() if width != 375} == {}
    assert {path: size for path, (_, size) in sizes.items() if size < 26} == {}


def smallest(page: Page) -> float:
    """Return the size of a page's smallest words, in pixels."""
    found: float = page.evaluate(
        """() => Math.min(...[...document.querySelectorAll('p, a, dd, label, button, input')]
             .map((each) => parseFloat(getComputedStyle(each).fontSize)))"""
    )
    return found


def settled(page: Page, url: str) -> tuple[int, float]:
    page.goto(url)
    return page.evaluate("document.documentElement.scrollWidth"), shifted(page)


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_form_for_other_sites_fits_into_600_pixels(
    site: Running, browser: Browser, language: str
) -> None:
    with visitor(browser, width=320) as window:
        page = window.new_page()
        page.set_viewport_size({"width": 320, "height": 200})
        page.goto(f"{site.url}/subscribe/frame?lang={language}")

        assert page.evaluate("document.documentElement.scrollHeight") <= 600
        assert page.locator("a[href^='/privacy']").is_visible()


def test_the_form_is_filled_in_and_sent_by_keyboard(site: Running, browser: Browser) -> None:
    with visitor(browser, scripts=False) as window:
        page = window.new_page()
        page.goto(f"{site.url}/")
        site.clock.advance(seconds=5)
        page.keyboard.press("Tab")
        page.keyboard.type("tab@example.org")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/subscribe")

        assert page.get_by_role("heading", level=1).inner_text() == "Check your inbox"


def test_a_frozen_mail_s_links_open_in_the_whole_window(site: Running, browser: Browser) -> None:
    with visitor(browser, scripts=False, width=1000) as window:
        page = window.new_page()
        page.goto(f"{site.url}/issues/weekly/1/mail")
        page.get_by_role("link", name="Unsubscribe").first.click()
        page.wait_for_url("**/own-links")

        assert (
            page.get_by_role("heading", level=1).inner_text()
            == "This link only works in your own email"
        )


def test_no_form_with_a_proof_of_work_to_do_has_a_barrier(
    make_running: MakeSite, browser: Browser
) -> None:
    site = make_running(proof_of_work=50_000)
    with visitor(browser) as window:
        page = window.new_page()
        found = {}
        for path in ("/", "/subscribe", "/subscribe?lang=de", f"/comparisons/{SLUG}"):
            page.goto(site.url + path)
            found[path] = barriers(page)

    assert not any(found.values())
