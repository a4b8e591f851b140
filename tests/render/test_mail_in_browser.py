"""The mail and the public pages as a browser lays them out."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from digest.issues.content import Correction, correct_view, difference
from digest.render.engine import render
from digest.render.pages import Site, asset, message_page
from subscribers.web.page_model import Field, Form
from subscribers.web.page_model import Page as WebPage
from tests.render.conftest import Scheme, Show
from tests.render.samples import (
    full_week,
    make_contender,
    make_correction,
    make_issue,
    make_revision,
)
from tests.render.test_letters import LETTER as LETTER_VIEW
from tests.web.browser import barriers, visitor

pytestmark = pytest.mark.browser

ISSUE = render("issue", {"issue": make_issue(*full_week())}).html
LONG = render(
    "issue",
    {
        "issue": make_issue(
            make_revision(
                make_contender(0, "Donaudampfschifffahrtsgesellschaft" * 2, category="W" * 40),
                make_contender(1, "Quayside-Serverless-Inference-for-Everybody", entry_text="x"),
            )
        )
    },
).html
_TWO = make_revision(make_contender(0, "Lathe"), make_contender(1, "Mortar"))
_OTHER = make_revision(make_contender(0, "Lathe" * 12), make_contender(1, "Mortar", tagline="x"))
LONG_CORRECTION = render(
    "issue",
    {
        "issue": correct_view(
            make_issue(_OTHER),
            Correction(
                number=12,
                day=date(2026, 11, 24),
                again=False,
                why="Donaudampfschifffahrtsgesellschaft" * 2,
                changes=difference([_TWO], [_OTHER]),
            ),
        )
    },
).html
CORRECTION = render("issue", {"issue": make_correction()}).html
LETTER = render("letter", {"letter": LETTER_VIEW}).html
PAGE = message_page(
    Site(name="Weekly AI Tool Verdicts", postal_address="12 Example Street"),
    WebPage(
        language="en",
        title="Two tools a week",
        paragraphs=("Some words.",),
        fault="That is no address.",
        form=Form(
            action="/", button="Subscribe", fields=(Field(name="email", label="Your address"),)
        ),
        small="Small print.",
    ),
).replace('<link rel="stylesheet" href="/style.css">', f"<style>{asset('style.css')}</style>")
SHOWN = {
    "issue": ISSUE,
    "long names": LONG,
    "correction": CORRECTION,
    "long correction": LONG_CORRECTION,
    "letter": LETTER,
    "page": PAGE,
}

#: Every element with words of its own: its colour, what is behind it, its size, its words.
CONTRASTS = """() => {
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$|transparent/.test(colour)) return colour;
    }
    return getComputedStyle(document.documentElement).backgroundColor;
  };
  const worded = (node) => [...node.childNodes].some(
    (child) => child.nodeType === 3 && child.textContent.trim().length > 0);
  return [...document.body.querySelectorAll('*')]
    .filter((node) => worded(node) && node.getClientRects().length && node.offsetHeight > 2)
    .map((node) => [
      getComputedStyle(node).color, behind(node), parseFloat(getComputedStyle(node).fontSize),
      node.textContent.trim().slice(0, 40)]);
}"""


def luminance(colour: str) -> float:
    channels = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def box(page: Page, selector: str, nth: int = 0) -> dict[str, Any]:
    found = page.locator(selector).nth(nth).bounding_box()
    assert found is not None
    return dict(found)


@pytest.mark.parametrize("width", [320, 375, 700, 1200])
@pytest.mark.parametrize("name", SHOWN)
def test_nothing_scrolls_sideways(show: Show, name: str, width: int) -> None:
    with show(SHOWN[name], width, "light") as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["issue", "correction", "letter", "page"])
def test_all_text_has_enough_contrast(show: Show, name: str, scheme: Scheme) -> None:
    with show(SHOWN[name], 375, scheme) as page:
        found = page.evaluate(CONTRASTS)

    assert len(found) > 5
    assert [words for ink, behind, _, words in found if contrast(ink, behind) < 4.5] == []


def test_the_dark_scheme_is_dark(show: Show) -> None:
    with show(ISSUE, 375, "dark") as page:
        behind = page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert luminance(behind) < 0.05


def test_everything_is_aligned_at_one_left_edge(show: Show) -> None:
    with show(ISSUE, 375, "light") as page:
        edges = {box(page, name)["x"] for name in ("h1", "h2", "th a", "blockquote", ".mark")}

    assert edges == {20}


def test_the_mail_is_as_wide_as_it_is_made_and_in_the_middle(show: Show) -> None:
    with show(ISSUE, 1200, "light") as page:
        heading = box(page, "h1")

    assert heading["width"] == 600
    assert heading["x"] == (1200 - 600) / 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["issue", "correction", "letter"])
def test_a_mail_has_no_barrier(browser: Browser, name: str, scheme: Scheme) -> None:
    with visitor(browser, scheme=scheme) as window:
        page = window.new_page()
        page.set_content(SHOWN[name])
        assert barriers(page) == []


def test_every_link_of_a_letter_is_as_high_as_a_thumb(show: Show) -> None:
    with show(LETTER, 375, "light") as page:
        heights = page.locator("a").evaluate_all(
            "nodes => nodes.map(node => node.getBoundingClientRect().height)"
        )

    assert len(heights) == 3
    assert min(heights) >= 44
