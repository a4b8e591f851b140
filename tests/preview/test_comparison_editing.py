"""The desk's page for the words of one comparison."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from digest.comparisons.models import Call
from digest.comparisons.store import by_slug, count, history, latest
from digest.errors import NotApproved
from digest.issues import store
from digest.votes import HeldReason
from digest.votes.models import Vote
from tests.conftest import NOW
from tests.preview.conftest import EditorFolder, Site

SLUG = "tidepool-notes-vs-marginalia-loop"
TAGLINE = "contenders.0.tagline"


def seen(site: Site) -> str:
    """Return the fingerprint that the form begins from."""
    form = site.client.get("/comparison", params={"slug": SLUG}).text
    return form.split('data-seen="')[1].split('"')[0]


def post(site: Site, path: str, **fields: Any) -> httpx2.Response:
    return site.post(f"/comparison/{path}", **{"slug": SLUG, "seen": seen(site), **fields})


def revisions(editor: EditorFolder) -> list[tuple[int, str, str]]:
    """Return number, editor and the left tool's tagline of each revision, the newest first."""
    with editor.app.database.read() as session:
        if not count(session):
            return []
        rows = history(session, by_slug(session, SLUG))
        return [(row.number, row.editor, row.contenders[0].tagline) for row in rows]


def test_the_form_holds_the_words_and_says_where_they_come_from(site: Site) -> None:
    form = site.client.get("/comparison", params={"slug": SLUG}).text

    assert "Brings back the note you need" in form
    assert f"<code>comparisons/{SLUG}.json</code>" in form
    assert "doesn’t change the file" in form
    assert "Restore revision" not in form


def test_a_change_is_shown_before_it_is_kept(site: Site) -> None:
    answer = post(site, "review", words={TAGLINE: "Brings back the page you need"})

    assert "tagline of Tidepool Notes" in answer.json()["html"]
    assert "<del>note</del><ins>page</ins>" in answer.json()["html"]
    assert revisions(site.editor) == []


def test_a_kept_change_is_a_revision_above_the_file_and_is_in_the_mail(site: Site) -> None:
    file = site.editor.folder / "comparisons" / f"{SLUG}.json"
    before = file.read_bytes()
    answer = post(site, "keep", words={TAGLINE: "Finds it again"}, by=" Kim ")

    assert answer.json()["said"] == "saved as revision 2"
    assert [row[:2] for row in revisions(site.editor)] == [(2, "Kim"), (1, "")]
    assert "Finds it again" in site.editor.mail()
    assert file.read_bytes() == before
    form = site.client.get("/comparison", params={"slug": SLUG}).text
    assert "Revision 2, edited by Kim on 24 November 2026" in form


def test_an_edit_after_the_approval_holds_the_issue_until_somebody_approves_the_new_words(
    editor: EditorFolder, site: Site
) -> None:
    approve(editor)
    post(site, "keep", by="Kim", words={TAGLINE: "Finds the note you lost."})
    assert held(editor) == "issue 1 has a warning that nobody has accepted: edited"

    post(site, "keep", by="Kim", restore=1)
    assert held(editor) == ""
    post(site, "keep", by="Kim", words={"contenders.0.description": "Words no mail shows."})
    editor.desk.renew()
    assert held(editor)
    approve(editor)
    assert held(editor) == ""


def approve(editor: EditorFolder) -> None:
    snapshot = editor.desk.renew()
    findings = snapshot.built.findings if snapshot.built else ()
    editor.desk.approve(snapshot.seal, [each.rule for each in findings], "Kim")


def held(editor: EditorFolder) -> str:
    """Return why the issue may not go; empty where it may."""
    with editor.app.database.read() as session:
        try:
            editor.app.issues.require_approved(session, store.by_number(session, 1, 1))
        except NotApproved as fault:
            return str(fault)
    return ""


def test_an_earlier_revision_is_restored_by_a_new_one(site: Site) -> None:
    post(site, "keep", words={TAGLINE: "Finds it again"}, by="Kim")
    assert "Brings" in post(site, "review", restore=1).json()["html"]
    post(site, "keep", restore=1, by="Bo")

    numbers = [(number, by) for number, by, _ in revisions(site.editor)]
    assert numbers == [(3, "Bo"), (2, "Kim"), (1, "")]
    assert revisions(site.editor)[0][2] == revisions(site.editor)[2][2]


def test_a_file_that_changes_later_takes_the_place_of_the_edit_and_says_so(site: Site) -> None:
    post(site, "keep", words={TAGLINE: "Finds it again"}, by="Kim")
    file = site.editor.folder / "comparisons" / f"{SLUG}.json"
    file.write_text(file.read_text().replace("Brings back", "Brings home"))
    assert "Brings home" in site.editor.mail()
    panel = site.client.get("/parts").json()["panel"]
    assert "Its file has changed since Kim edited it (revision 2)" in panel

    post(site, "keep", restore=2, by="Kim")
    assert "Finds it again" in site.editor.mail()
    assert [by for _, by, _ in revisions(site.editor)] == ["Kim", "", "Kim", ""]


def test_a_fault_is_named_by_its_field_and_nothing_is_kept(site: Site) -> None:
    answer = post(site, "keep", words={TAGLINE: "A\nB", "title": "x" * 401}, by="Kim")

    assert (answer.status_code, answer.json()["faults"]) == (
        422,
        {TAGLINE: "must be one line", "title": "has 401 characters; 400 at most"},
    )
    assert revisions(site.editor) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"seen": "another", "by": "Kim", "words": {TAGLINE: "A"}}, "has changed since you opened"),
        ({"by": " ", "words": {TAGLINE: "A"}}, "say who you are"),
        ({"by": "Kim", "words": {}}, "nothing has changed yet"),
        ({"by": "Kim", "restore": 9}, "no revision 9"),
        ({"by": "Kim", "slug": "nothing"}, "no comparison called nothing"),
    ],
)
def test_what_can_not_be_kept_says_why_and_leaves_no_trace(
    site: Site, fields: dict[str, Any], said: str
) -> None:
    answer = post(site, "keep", **fields)

    assert answer.status_code == 409
    assert said in answer.json()["fault"]
    assert revisions(site.editor) == []


def test_votes_that_are_not_counted_are_shown_with_their_reasons(
    editor: EditorFolder, site: Site
) -> None:
    assert "<h2>Votes" not in site.client.get("/comparison", params={"slug": SLUG}).text
    post(site, "keep", by="Kim", words={TAGLINE: "Finds the note you lost."})
    with editor.app.database.write() as session:
        row = latest(session, by_slug(session, SLUG))
        session.add(
            Vote(
                comparison_id=row.comparison_id,
                tool_id=row.contenders[0].tool_id,
                subscriber_id=1,
                call=Call.SHIP,
                held=HeldReason.SCANNER,
                at=NOW,
            )
        )
    form = site.client.get("/comparison", params={"slug": SLUG}).text
    assert "<p>No vote counts yet.</p>\n<p>1 vote is held: 1 pressed by a scanner.</p>" in form


def test_an_unknown_comparison_has_a_page_that_says_so(site: Site) -> None:
    answer = site.client.get("/comparison", params={"slug": "<b>"})

    assert answer.status_code == 404
    assert "there is no comparison called" in answer.text
    assert "<b>" not in answer.text


@pytest.mark.browser
def test_words_are_edited_in_place_and_a_fault_loses_nothing(page: Page, site: Site) -> None:
    page.get_by_label("Edit the words of Tidepool Notes vs Marginalia Loop").click()
    quote = page.locator("[id='contenders.0.verdicts.1.quote']")
    quote.fill("")
    page.get_by_label("Title").fill("Notes, two ways")
    page.get_by_role("button", name="Review changes").click()
    expect(quote).to_be_focused()
    expect(quote).to_have_accessible_description("must not be empty")
    expect(page.get_by_label("Title")).to_have_value("Notes, two ways")

    quote.fill("Sharper than before.")
    page.get_by_role("button", name="Review changes").click()
    expect(page.locator("#review")).to_contain_text("quote 2 on Tidepool Notes")
    page.get_by_label("Your name").fill("Kim")
    page.get_by_role("button", name="Save as revision 2").click()
    expect(page.locator("#picks")).to_contain_text("Notes, two ways")
