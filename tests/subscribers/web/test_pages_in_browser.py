"""The sign-up pages in a real browser, with scripts on and off."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, expect
from starlette.responses import HTMLResponse

from subscribers.models import LetterKind, Standing
from tests.subscribers.web.conftest import Server, Site

pytestmark = pytest.mark.browser

READER = "reader@example.com"
Open = Callable[..., Page]


@pytest.fixture(params=[True, False], ids=["scripts on", "scripts off"])
def open_page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Open]:
    """Return a function that opens an address, and fails when anything foreign is asked for."""
    context = browser.new_context(java_script_enabled=request.param, locale="en-GB")
    foreign: list[str] = []
    complaints: list[str] = []

    def open_page(url: str) -> Page:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda asked: note(asked))
        page.goto(url)
        return page

    def note(asked: Request) -> None:
        if not asked.url.startswith("http://127.0.0.1:"):
            foreign.append(asked.url)

    yield open_page
    context.close()
    assert foreign == []
    assert [one for one in complaints if "favicon" not in one and "404" not in one] == []


def press(page: Page, name: str) -> None:
    """Press a button, and wait for the page it leads to."""
    with page.expect_navigation():
        page.get_by_role("button", name=name).click()


def test_a_reader_signs_up_confirms_leaves_and_returns(site: Site, open_page: Open) -> None:
    page = open_page(f"{site.url}/subscribe")
    page.get_by_label("Your email address").fill(READER)
    site.clock.advance(seconds=5)
    press(page, "Subscribe")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your inbox")

    page = open_page(site.deliver()[0].action_url)
    assert site.standing(READER) is Standing.PENDING
    press(page, "Yes, subscribe me")
    assert site.standing(READER) is Standing.CONFIRMED

    welcome = site.deliver()[0]
    assert welcome.kind is LetterKind.WELCOME
    page = open_page(welcome.unsubscribe_url)
    press(page, "Unsubscribe")
    assert site.standing(READER) is Standing.UNSUBSCRIBED
    press(page, "Undo")
    assert site.standing(READER) is Standing.CONFIRMED


def test_the_form_is_filled_in_by_keyboard_alone(site: Site, open_page: Open) -> None:
    page = open_page(f"{site.url}/subscribe")
    page.keyboard.press("Tab")
    page.keyboard.type(READER)
    site.clock.advance(seconds=5)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Check your inbox").wait_for()
    assert site.standing(READER) is Standing.PENDING


def test_preferences_are_kept_from_page_to_page(site: Site, open_page: Open) -> None:
    site.fill_in(READER)
    site.http.post(site.path(site.deliver()[0].action_url))
    page = open_page(site.deliver()[0].preferences_url)
    page.get_by_role("link", name="Topics").click()
    page.get_by_label("Art").uncheck()
    press(page, "Save")
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_role("link", name="Take a break").click()
    page.get_by_label("8 weeks").check()
    press(page, "Save")
    expect(page.get_by_text("paused until 19 January 2027")).to_be_visible()
    page.get_by_role("link", name="Delete my data").click()
    press(page, "Delete everything")
    assert site.standing(READER) is None


@pytest.fixture
def blog() -> Iterator[Server]:
    """A site of another origin."""
    server = Server()
    yield server
    server.close()


def test_the_frame_in_a_sandbox_says_where_to_sign_up(
    site: Site, blog: Server, browser: Browser
) -> None:
    frame = (
        '<iframe sandbox="allow-forms allow-scripts allow-popups"'
        f' src="{site.url}/subscribe/frame"></iframe>'
    )
    blog.site = HTMLResponse(frame)
    page = browser.new_page()
    page.goto(blog.url)
    inside = page.frame_locator("iframe")
    inside.get_by_label("Your email address").fill(READER)
    site.clock.advance(seconds=5)
    inside.get_by_role("button", name="Subscribe").click()
    expect(inside.get_by_text(f"{site.url}/subscribe?newsletter=weekly")).to_be_visible()
    page.close()


def test_the_form_on_somebody_elses_page_leads_to_ours_and_on(
    site: Site, open_page: Open, browser: Browser
) -> None:
    snippet = site.http.get("/subscribe/snippet").text
    page = open_page(f"{site.url}/subscribe")
    page.set_content(f"<h1>A blog</h1>{snippet}")
    page.get_by_label("Your email address").fill(READER)
    press(page, "Subscribe")
    expect(page.get_by_text("press the button again")).to_be_visible()
    expect(page.get_by_label("Your email address")).to_have_value(READER)
    site.clock.advance(seconds=5)
    press(page, "Subscribe")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your inbox")
