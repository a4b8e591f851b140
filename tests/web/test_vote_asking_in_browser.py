"""Asking for a link to vote in a browser: by keyboard, without scripts, with no barrier."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.web.asking import PATH
from tests.web.browser import Scheme, barriers, visitor
from tests.web.conftest import Running

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_answer_to_the_form_has_a_barrier_or_scrolls_sideways(
    site: Running, browser: Browser, scheme: Scheme
) -> None:
    found = {}
    with visitor(browser, width=320, scheme=scheme) as window:
        page = window.new_page()
        page.goto(f"{site.url}{PATH}?lang=de&tool-lintwick=ship")
        for name, address in (("refused", "voter@nowhere"), ("taken", "voter@example.net")):
            found[f"before {name}"] = barriers(page)
            page.get_by_role("textbox").first.fill(address)
            site.clock.advance(seconds=5)
            with page.expect_navigation():
                page.get_by_role("button").click()
            found[name] = barriers(page)
            assert page.evaluate("document.documentElement.scrollWidth") == 320

        assert not any(found.values())
        expect(page.get_by_role("heading", level=1)).to_have_text("Sehen Sie in Ihr Postfach")


@pytest.mark.parametrize("scripts", [True, False])
def test_one_asks_by_keyboard_alone(site: Running, browser: Browser, *, scripts: bool) -> None:
    with visitor(browser, scripts=scripts) as window:
        page = window.new_page()
        page.goto(f"{site.url}{PATH}?lang=en")
        site.clock.advance(seconds=5)
        keys = page.keyboard
        keys.press("Tab")  # the newsletter's name
        for _tool in range(2):
            keys.press("Tab")
            keys.press("Space")  # ship
        keys.press("Tab")  # the address
        keys.type("voter@example.net")
        keys.press("Tab")  # the newsletter, too
        keys.press("Space")
        expect(page.get_by_role("checkbox")).to_be_checked()
        keys.press("Tab")  # the button
        with page.expect_navigation():
            keys.press("Enter")

        expect(page.get_by_role("heading", level=1)).to_have_text("Check your inbox")


def test_a_screen_reader_hears_what_each_field_is_for(site: Running, browser: Browser) -> None:
    with visitor(browser) as window:
        page = window.new_page()
        page.goto(f"{site.url}{PATH}?lang=en&tool-ravelin-coder-2=skip")

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
              - text: Your email address
              - textbox "Your email address"
              - group "Do you want Weekly AI Tool Verdicts every Tuesday, too?":
                - checkbox /Send me Weekly AI Tool Verdicts by email/
              - button "Email me the link to vote"
            """
        )
