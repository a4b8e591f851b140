"""An editor's session in a browser: letter, page, code, decision; by keyboard, without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.browser import Scheme, barriers, visitor
from tests.web.review.conftest import ANN, BEN, Review, warn

pytestmark = pytest.mark.browser

LOW = """() => [...document.querySelectorAll('a, button, summary, input:not([type=hidden])')]
  .filter((each) => each.getBoundingClientRect().height < 24 && each.type !== 'checkbox')
  .map((each) => each.textContent)"""


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this name has the focus."""
    wanted = page.get_by_role("button", name=name, exact=True).or_(
        page.get_by_label(name, exact=True)
    )
    for _ in range(40):
        if wanted.evaluate("(each) => each === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} can't be reached by keyboard")


def press(page: Page, name: str) -> None:
    """Press a button by keyboard, and wait for the page it leads to."""
    tab_to(page, name)
    with page.expect_navigation():
        page.keyboard.press("Enter")


@pytest.mark.parametrize("width", [375, 1280])
def test_an_editor_s_whole_session_from_the_letter_to_the_approval(
    review: Review, browser: Browser, width: int
) -> None:
    review.change(warn)
    with visitor(browser, scripts=False, width=width) as window:
        page = window.new_page()
        page.goto(review.link(ANN))
        expect(page.frame_locator("iframe").locator("body")).to_contain_text("Tidepool Notes")
        press(page, "Email me a code")
        expect(page.get_by_role("status")).to_contain_text("We emailed you a code")
        tab_to(page, "Code from the email")
        page.keyboard.type(review.code(ANN))
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        press(page, "Approve this version")
        expect(page.locator(".lede")).to_have_text(f"This issue is approved by {ANN}.")
        assert page.evaluate("document.documentElement.scrollWidth") == width
    assert [entry.act for entry in review.history()] == ["approved"]


def test_an_editor_sends_it_back_on_a_phone_and_a_refusal_keeps_the_note(
    review: Review, browser: Browser
) -> None:
    with visitor(browser, scripts=False, width=320) as window:
        page = window.new_page()
        page.goto(review.link(BEN))
        press(page, "Email me a code")
        page.get_by_label("Code from the email").fill("1111 1111")
        page.get_by_label("Or send it back. What needs to change?").fill("The lead is wrong.")
        with page.expect_navigation():
            page.get_by_role("button", name="Send it back").click()
        expect(page.get_by_role("alert")).to_contain_text("Tries left: 4.")
        expect(page.get_by_label("Code from the email")).to_be_focused()
        page.keyboard.type(review.code(BEN).replace(" ", ""))
        press(page, "Send it back")
        expect(page.locator(".lede")).to_have_text(
            f"Issue 3 was sent back by {BEN}: The lead is wrong."
        )
    assert [entry.note for entry in review.history()] == ["The lead is wrong."]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_state_of_the_page_has_a_barrier(
    review: Review, browser: Browser, scheme: Scheme
) -> None:
    review.change(warn)
    url = review.link(ANN)
    found, low, wide = {}, {}, {}
    with visitor(browser, scheme=scheme, width=320) as window:
        page = window.new_page()

        def look(state: str) -> None:
            found[state] = barriers(page)
            low[state] = page.evaluate(LOW)
            wide[state] = page.evaluate("document.documentElement.scrollWidth")

        page.goto(url)
        look("opened")
        with page.expect_navigation():
            page.get_by_role("button", name="Email me a code").click()
        look("with a code")
        page.get_by_label("Code from the email").fill("1")
        with page.expect_navigation():
            page.get_by_role("button", name="Approve this version").click()
        look("refused")
        page.get_by_label("Code from the email").fill(review.code(ANN))
        page.get_by_role("checkbox").check()
        with page.expect_navigation():
            page.get_by_role("button", name="Approve this version").click()
        look("approved")
        page.goto(f"{url[:-1]}")
        look("a bad link")
    assert {state: wrong for state, wrong in found.items() if wrong} == {}
    assert {state: wrong for state, wrong in low.items() if wrong} == {}
    assert set(wide.values()) == {320}


def test_nothing_in_the_mail_runs_and_its_links_open_apart(
    review: Review, browser: Browser
) -> None:
    with visitor(browser, width=1000) as window:
        page = window.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(review.link(ANN))
        with page.expect_popup() as popup:
            page.frame_locator("iframe").get_by_role("link", name="Unsubscribe").first.click()
        expect(popup.value.get_by_role("heading", level=1)).to_have_text(
            "This link only works in your own email"
        )
        assert page.url.startswith(f"{review.site.url}/review/")
        assert said == []
