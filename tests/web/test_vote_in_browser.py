"""Voting in a browser: by keyboard, without scripts or style, at every width, with no barrier."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from digest.comparisons.models import Call
from digest.votes import VoteCount
from tests.web.browser import Scheme, barriers, visitor
from tests.web.conftest import MakeSite, Running
from tests.web.voter import LEFT, RIGHT, counted, link

pytestmark = pytest.mark.browser


def press(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name).click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 700])
def test_no_page_of_a_vote_has_a_barrier_or_scrolls_sideways(
    make_running: MakeSite, browser: Browser, width: int, scheme: Scheme
) -> None:
    site = make_running(votes_shown_from=1)
    found = {}
    with visitor(browser, width=width, scheme=scheme) as window:
        page = window.new_page()

        def look(name: str) -> None:
            site.clock.advance(minutes=5)
            wide = page.evaluate("document.documentElement.scrollWidth")
            found[name] = (barriers(page), wide)

        page.goto(site.url + link(site))
        look("form")
        press(page, "Vote")
        look("empty")
        page.get_by_role("radio", name="Skip").first.check()
        press(page, "Vote")
        look("answer")
        press(page, "Take back my vote on Lintwick")
        look("taken back")
        page.goto(site.url + link(site, "gone", Call.SHIP))
        look("changed")

    assert found == dict.fromkeys(found, ([], width))


@pytest.mark.parametrize("scripts", [True, False])
def test_one_votes_by_keyboard_alone(site: Running, browser: Browser, *, scripts: bool) -> None:
    with visitor(browser, scripts=scripts) as window:
        page = window.new_page()
        page.goto(site.url + link(site, LEFT, Call.SHIP))
        site.clock.advance(minutes=5)
        keys = page.keyboard
        keys.press("Tab")  # the newsletter's name
        keys.press("Tab")  # the choice that the link has made
        keys.press("ArrowRight")  # skip
        keys.press("Tab")  # the other tool
        keys.press("Space")  # ship
        keys.press("Tab")  # the button
        with page.expect_navigation():
            keys.press("Enter")

        expect(page.get_by_role("status")).to_have_text(
            "You’d ship Ravelin Coder 2 and skip Lintwick."
        )
    assert counted(site) == {LEFT: VoteCount(0, 1), RIGHT: VoteCount(1, 0)}


def test_a_screen_reader_hears_the_question_before_its_choices(
    site: Running, browser: Browser
) -> None:
    with visitor(browser) as window:
        page = window.new_page()
        page.goto(site.url + link(site, RIGHT, Call.SKIP))

        expect(page.get_by_role("main")).to_match_aria_snapshot(
            """
            - main:
              - heading "Lintwick vs Ravelin Coder 2" [level=1]
              - paragraph: Ship means you’d use it, skip means you wouldn’t.
              - group "Would you ship Lintwick?":
                - radio "Ship"
                - radio "Skip"
              - group "Would you ship Ravelin Coder 2?":
                - radio "Ship"
                - radio "Skip" [checked]
              - button "Vote"
              - paragraph
              - list:
                - listitem:
                  - link "Read the whole comparison"
            """
        )


def test_every_choice_and_button_is_high_enough_for_a_finger(
    site: Running, browser: Browser
) -> None:
    with visitor(browser, width=320) as window:
        page = window.new_page()
        page.goto(site.url + link(site, LEFT, Call.SHIP))
        heights = heights_of(page, ".calls label, button")
        site.clock.advance(minutes=5)
        press(page, "Vote")
        heights += heights_of(page, "button")

    assert len(heights) == 4 + 1 + 1
    assert min(heights) >= 44


def heights_of(page: Page, selector: str) -> list[float]:
    found: list[float] = page.evaluate(
        "(all) => [...document.querySelectorAll(all)].map((e) => e.getBoundingClientRect().height)",
        selector,
    )
    return found


def test_a_page_works_without_its_style_and_never_sends_itself(
    site: Running, browser: Browser
) -> None:
    with visitor(browser) as window:
        page = window.new_page()
        page.route("**/*.css", lambda route: route.abort())
        page.goto(site.url + link(site, LEFT, Call.SHIP), wait_until="networkidle")
        assert page.evaluate("document.scripts.length") == 0
        assert counted(site)[LEFT] == VoteCount()
        site.clock.advance(minutes=5)
        press(page, "Vote")

    assert counted(site)[LEFT] == VoteCount(1, 0)


#: Puts a word of 60 letters before every name and question; returns how wide the page then is.
LONG_NAMES = """() => {
  for (const each of document.querySelectorAll('h1, h2, legend, button, .lede'))
    each.textContent = 'D'.repeat(60) + ' ' + each.textContent;
  return document.documentElement.scrollWidth;
}"""


def test_a_name_without_a_blank_stays_on_the_page(site: Running, browser: Browser) -> None:
    with visitor(browser, width=320) as window:
        page = window.new_page()
        page.goto(site.url + link(site, LEFT, Call.SHIP))
        form = page.evaluate(LONG_NAMES)
        page.reload()
        site.clock.advance(minutes=5)
        press(page, "Vote")
        answer = page.evaluate(LONG_NAMES)

    assert (form, answer) == (320, 320)
