"""The desk's page for newsletters."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Page, expect

from digest.issues import store
from digest.issues.models import Newsletter
from digest.render.brand import Font
from tests.images.pictures import drawn
from tests.preview.conftest import Site

TOOLS = {
    "name": "Tools of the Trade",
    "language": "de",
    "most": "3",
    "every": "week",
    "nth": "first",
    "on": "thursday",
    "at": "07:30",
    "zone": "Europe/Berlin",
}


def newsletter(site: Site, slug: str) -> Newsletter:
    with site.editor.app.database.read() as session:
        return store.newsletter(session, slug)


def add(site: Site, **fields: str) -> Any:
    return site.post("/newsletters/add", slug="tools", fields=TOOLS | fields)


def test_D1_a_newsletter_is_added_at_the_desk_and_laid_on_it(site: Site) -> None:
    assert add(site).json()["slug"] == "tools"
    row = newsletter(site, "tools")
    assert (row.language, row.max_per_issue) == ("de", 3)
    assert str(row.cadence()) == "every Thursday at 07:30, Europe/Berlin"

    assert site.post("/newsletters/choose", slug="tools").status_code == 200
    assert "Tools of the Trade" in site.client.get("/").text
    assert "every Tuesday" in site.client.get("/newsletters").text


def test_two_people_are_asked_to_approve_at_the_desk(site: Site) -> None:
    add(site, approvals="2")
    refused = add(site, slug="other", approvals="3")

    assert newsletter(site, "tools").approvals_needed == 2
    assert "Two people" in site.client.get("/newsletters").text
    assert refused.json()["faults"].keys() >= {"approvals"}


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_kept(site: Site) -> None:
    refused = add(site, most="99", sender="nobody")
    late = add(site, at="soon")

    assert refused.status_code == late.status_code == 422
    assert refused.json()["faults"].keys() == {"most", "sender"}
    assert "a time" in late.json()["faults"]["at"]
    assert "Tools of the Trade" not in site.client.get("/newsletters").text


def test_a_change_keeps_the_rest_and_the_moments_to_come(site: Site) -> None:
    add(site)
    before = newsletter(site, "tools").scheduled_since
    changed = site.post("/newsletters/set", slug="tools", fields=TOOLS | {"name": "Tools"})

    assert changed.json()["said"] == "1 changed"
    row = newsletter(site, "tools")
    assert (row.name, row.max_per_issue, row.scheduled_since) == ("Tools", 3, before)
    again = site.post("/newsletters/set", slug="tools", fields=TOOLS | {"name": "Tools"})
    assert again.json()["said"] == "nothing was changed"


def test_a_newsletter_is_archived_and_comes_out_again(site: Site) -> None:
    add(site)
    site.post("/newsletters/archive", slug="tools")
    assert newsletter(site, "tools").archived_at is not None

    site.post("/newsletters/archive", slug="tools", undo="yes")
    assert newsletter(site, "tools").archived_at is None
    assert site.post("/newsletters/archive", slug="none").status_code == 409


def test_a_logo_is_uploaded_shown_and_set(site: Site) -> None:
    add(site)
    image = site.post("/images", content=b64encode(drawn("PNG", (300, 88))).decode()).json()
    assert (image["width"], image["height"]) == (300, 88)
    shown = site.client.get(image["path"])
    assert (shown.headers["content-type"], shown.content[:4]) == ("image/png", b"\x89PNG")

    fields = TOOLS | {"logo": image["key"], "font": "serif", "utm": "yes"}
    assert site.post("/newsletters/set", slug="tools", fields=fields).json()["said"] == "3 changed"
    row = newsletter(site, "tools")
    assert (row.logo, row.font, row.utm) == (image["key"], Font.SERIF, True)
    assert f'src="{image["path"]}"' in site.client.get("/newsletters?slug=tools").text


def test_an_upload_that_is_no_image_says_what_to_do(site: Site) -> None:
    refused = site.post("/images", content=b64encode(b"<svg/>").decode())
    assert refused.status_code == 422
    assert "save it as a PNG or JPEG" in refused.json()["fault"]
    assert site.post("/images", content="?").status_code == 400
    assert site.post("/images").status_code == 400
    assert site.post("/images", content="A" * 1_600_000).status_code == 400
    assert site.client.get("/images/none.png").status_code == 404


def choose(page: Page, file: FilePayload) -> None:
    page.get_by_label("Logo", exact=True).set_input_files(file)


@pytest.mark.browser
def test_a_logo_is_chosen_in_the_form_kept_and_taken_away(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/newsletters")
    choose(page, {"name": "logo.png", "mimeType": "image/png", "buffer": drawn("PNG", (300, 88))})
    shown = page.get_by_alt_text("The logo as it is set")
    expect(shown).to_be_visible()
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("status")).to_have_text("1 changed")
    page.reload()
    expect(shown).to_be_visible()

    page.get_by_role("button", name="Take it away").click()
    expect(shown).to_be_hidden()
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("status")).to_have_text("1 changed")
    assert newsletter(site, "weekly").logo is None


@pytest.mark.browser
def test_the_form_says_why_a_file_is_no_logo(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/newsletters")
    choose(page, {"name": "logo.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"})
    expect(page.get_by_role("alert")).to_contain_text("isn't a PNG, JPEG or GIF")
    expect(page.get_by_alt_text("The logo as it is set")).to_be_hidden()
