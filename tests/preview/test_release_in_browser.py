"""Releasing an issue at the desk, in a browser: from the first look to the next issue."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from subscribers.address import parse
from subscribers.models import Standing
from subscribers.store import add, join
from tests.preview.conftest import NOW, EditorFolder, Site

PHONE = 375  # pixels


@pytest.fixture(autouse=True)
def reader(editor: EditorFolder) -> None:
    """One reader, who has confirmed."""
    with editor.app.database.write() as session:
        subscriber = add(session, parse("lena@example.org"), NOW)
        join(session, subscriber, "weekly", Standing.CONFIRMED, NOW, source="test")


def test_desk_3_an_issue_is_approved_and_sent_at_the_desk(page: Page) -> None:
    page.locator(".tabs [data-tab=approve]").click()
    panel = page.locator("[data-pane=approve]")
    expect(panel).to_contain_text("1 reader of Weekly AI Tool Verdicts")
    expect(panel).to_contain_text("No provider is configured, so no reader gets mail")
    page.fill("#by", "Kim")
    page.click("text=Approve No. 1")
    page.click("summary:has-text('Send now')")
    page.click("text=Write 1 copy")

    expect(panel).to_contain_text("1 copy was written to the outbox folder, and nobody was mailed")
    expect(page.locator("#status")).to_have_text("In the outbox, not sent")
    page.click("text=Go on to the next issue")
    expect(page.locator("#bar .issue")).to_contain_text("No. 2")


def test_on_a_phone_the_desk_shows_the_mail_or_the_panel(page: Page) -> None:
    page.set_viewport_size({"width": PHONE, "height": 812})
    page.reload()
    page.wait_for_selector("body[data-live=yes]")

    expect(page.locator("aside")).not_to_be_visible()
    expect(page.locator("figure.phone")).to_be_visible()
    expect(page.locator("figure.wide")).not_to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE
    page.click("text=Approve…")
    expect(page.locator("#stage")).not_to_be_visible()
    expect(page.locator("#by")).to_be_visible()


def test_what_is_wrong_with_a_newsletter_is_shown_beside_its_field(page: Page) -> None:
    page.click("#bar h1 a")
    page.fill("#most", "99")
    page.get_by_role("button", name="Keep", exact=True).click()

    expect(page.locator("#most")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#most-fault")).to_have_text("it is a whole number from 1 to 8")
    page.fill("#most", "3")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.locator("#said")).to_have_text("1 changed")


def test_a_mail_that_changes_while_it_is_approved_is_looked_at_again(
    page: Page, site: Site
) -> None:
    page.locator(".tabs [data-tab=approve]").click()
    page.fill("#by", "Kim")
    site.post("/decide", act="word", line="subject", text="By somebody else")
    expect(page.locator("figure.wide [data-word=subject]")).to_have_text("By somebody else")
    page.click("text=Approve No. 1")

    expect(page.locator("#said")).to_contain_text("has changed since you started to approve it")
    expect(page.locator("#status")).to_have_text("Draft")
    page.click("text=Approve No. 1")
    expect(page.locator("#status")).to_have_text("Approved by Kim")


def test_a_long_note_leaves_room_for_the_rest_of_the_desk(page: Page) -> None:
    page.locator(".tabs [data-tab=approve]").click()
    page.fill("#by", "Kim")
    page.click("text=Approve No. 1")
    page.click("summary:has-text('Send it back')")
    page.fill("#note-back", "The price is wrong. " * 8 + "x" * 300)
    page.fill("#by-back", "Kim")
    page.click("text=Send No. 1 back")

    expect(page.locator("#status")).to_contain_text("Sent back by Kim")
    for place in ("#bar h1", "#panel"):
        cut = "each => each.scrollWidth > each.clientWidth"
        assert not page.locator(place).evaluate(cut), place
