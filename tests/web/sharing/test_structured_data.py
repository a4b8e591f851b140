"""JSON-LD of a comparison: valid, true, and no way out of its element."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape

import pytest
from playwright.sync_api import Browser

from digest.web.sharing import structured_data
from tests.render.test_pages import COMPARISON
from tests.web.browser import visitor
from tests.web.conftest import SLUG, Running

HOSTILE = "</script><script>alert(1)</script><!-- \u2028 & '"


def test_a_page_lists_both_tools_with_the_sharpest_verdicts_as_reviews(site: Running) -> None:
    page = site.get(f"/comparisons/{SLUG}").text
    (data,) = re.findall(r'<script type="application/ld\+json">(.*)</script>', page)
    told = json.loads(data)

    assert told["@context"] == "https://schema.org"
    assert told["url"] == f"https://news.example.com/comparisons/{SLUG}"
    tools = told["itemListElement"]
    assert [tool["name"] for tool in tools] == ["Lintwick", "Ravelin Coder 2"]
    assert {tool["@type"] for tool in tools} == {"SoftwareApplication"}
    reviews = [review for tool in tools for review in tool.get("review", [])]
    assert {review["author"]["@type"] for review in reviews} == {"Person"}
    assert all(review["author"]["name"].startswith("Reviewer ") for review in reviews)
    bodies = [review["reviewBody"] for review in reviews]
    assert bodies
    assert all(body.rstrip("…") in unescape(page) for body in bodies)
    assert "ating" not in data  # nobody gave marks


def test_no_name_ends_the_element_it_stands_in() -> None:
    side = replace(COMPARISON.contenders[0], name=HOSTILE)
    page = replace(COMPARISON, title=HOSTILE, contenders=(side, COMPARISON.contenders[1]))

    data = str(structured_data(page, address="https://a.example/"))

    assert not set(data) & set("<>&'\u2028")
    assert json.loads(data)["name"] == HOSTILE


@pytest.mark.browser
def test_the_policy_of_the_page_lets_the_data_stand(site: Running, browser: Browser) -> None:
    with visitor(browser) as window:
        page = window.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{site.url}/comparisons/{SLUG}")

        assert page.locator("script[type='application/ld+json']").count() == 1

    assert complaints == []
