"""Words that an editor writes at the desk, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.images.pictures import drawn
from tests.preview.conftest import Site
from tests.preview.test_preview_in_browser import mail
from tests.web.browser import barriers

pytestmark = pytest.mark.browser


def note(page: Page) -> Locator:
    """Open the note on the first comparison, and return its field."""
    page.locator("#picks li").first.locator("details[data-key=note] summary").click()
    return page.locator("#picks li textarea").first


def test_desk_1_an_opening_in_markdown_shows_while_it_is_typed(page: Page) -> None:
    page.fill("#line-opening", "**Five** pairs.\n\n- [How](https://example.com/how)")

    expect(mail(page).locator("strong", has_text="Five")).to_be_visible()
    link = mail(page).get_by_role("link", name="How")
    expect(link).to_have_attribute(
        "title", "https://example.com/how"
    )  # the desk's frames lead nowhere


def test_a_fault_stands_beside_its_field_and_what_was_typed_stays(page: Page, site: Site) -> None:
    field = note(page)
    field.fill("Fine.\n\n[x](/there)")
    field.blur()
    fault = page.locator("#picks .fault-of")
    expect(fault).to_contain_text("ine 3: “/there” isn't a web or mail address")
    page.fill("#line-subject", "Another subject")

    expect(page.locator("#said")).to_have_text("Changed the subject")
    expect(fault).to_be_visible()
    assert field.input_value() == "Fine.\n\n[x](/there)"
    assert field.get_attribute("aria-invalid") == "true"
    field.fill("Fine.")
    field.blur()
    expect(mail(page).get_by_text("Editor’s note")).to_be_visible()
    expect(fault).to_have_count(0)


def test_blocks_are_added_written_moved_and_removed_by_keyboard(page: Page) -> None:
    page.get_by_role("button", name="Add words").press("Enter")
    expect(page.locator("#block-1")).to_be_focused()
    page.keyboard.type("Join *us*.")
    page.get_by_role("button", name="Put block 1 after the comparisons").press("Enter")
    expect(page.locator(".blocks li label")).to_have_text(["Words after the comparisons"])
    expect(mail(page).get_by_text("Join us.")).to_be_visible()
    page.get_by_role("button", name="Remove block 1").press("Enter")

    expect(page.locator(".blocks li")).to_have_count(0)
    expect(mail(page).get_by_text("Join us.")).to_have_count(0)


def test_desk_2_another_quote_is_chosen_with_the_keyboard(page: Page) -> None:
    first = page.locator("#picks li").first
    first.locator("details[data-key=quote] summary").press("Enter")
    radios = first.get_by_role("radio")
    expect(radios).to_have_count(9)
    radios.nth(8).check()
    expect(first.locator("details[data-key=quote] summary")).to_have_text("Your quote")
    words = first.locator("[data-quote] label").nth(8).inner_text().split("“")[1].split(". ")[0]
    passage = page.get_by_label("Only these words of it")
    passage.fill("Words of nobody.")
    passage.blur()
    expect(first.locator(".fault-of")).to_contain_text("aren't in the verdict")
    passage.fill(words)
    passage.blur()

    expect(mail(page).get_by_text(words).first).to_be_visible()
    expect(first.locator(".fault-of")).to_have_count(0)


def picture(content: bytes) -> FilePayload:
    return {"name": "picture.png", "mimeType": "image/png", "buffer": content}


def test_a_picture_is_uploaded_with_words_for_it_and_shown(page: Page) -> None:
    page.get_by_text("Add a picture").click()
    page.get_by_label("File", exact=True).set_input_files(picture(drawn(size=(600, 200))))
    page.get_by_role("button", name="Add", exact=True).click()
    assert page.evaluate("document.querySelector('#picture-alt').matches(':invalid')")
    page.get_by_label("What it shows", exact=True).fill("Two bars")
    page.get_by_role("button", name="Add", exact=True).click()

    shown = mail(page).get_by_role("img", name="Two bars")
    expect(shown).to_have_js_property("naturalWidth", 600)
    expect(page.get_by_label("What the picture shows")).to_have_value("Two bars")
    expect(page.get_by_label("What it shows", exact=True)).to_have_value("")
    page.get_by_label("What the picture shows").fill("")
    page.keyboard.press("Tab")
    expect(page.locator(".blocks .fault-of")).to_contain_text("ay in up to 300 characters")


def test_a_file_that_is_no_picture_is_refused_in_words(page: Page) -> None:
    page.get_by_text("Add a picture").click()
    page.get_by_label("File", exact=True).set_input_files(picture(b"<svg>"))
    page.get_by_label("What it shows", exact=True).fill("Two bars")
    page.get_by_role("button", name="Add", exact=True).click()

    expect(page.locator("#picture-file ~ .fault-of")).to_contain_text("PNG, JPEG or GIF")
    assert page.get_by_label("What it shows", exact=True).input_value() == "Two bars"


@pytest.mark.parametrize("width", [375, 1440])
def test_the_desk_is_accessible_with_words_in_it(page: Page, width: int) -> None:
    note(page).fill("Look.\n\n[x](/there)")
    page.get_by_role("button", name="Add words").click()
    expect(page.locator("#block-1")).to_be_visible()
    expect(page.locator("#picks .fault-of")).to_be_visible()
    page.set_viewport_size({"width": width, "height": 800})
    page.locator("#said").evaluate("(said) => { said.textContent = ''; }")  # it fades away

    assert barriers(page) == []
    page.keyboard.press("Escape")
    page.locator("[data-fold]").click()
    assert barriers(page) == []
