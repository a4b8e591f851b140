"""The desk's page of what followed sites propose."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import Session, select

from digest.comparisons import editing, store
from digest.comparisons.schema import ComparisonDraft
from digest.errors import NotFound
from digest.sources.models import Proposal, Source, SourcePage
from digest.sources.proposals import propose, propose_withdrawal
from tests.preview.conftest import NOW, Site
from tests.sources.conftest import SITE, Followed, draft
from tests.web.browser import barriers

LATHE, MORTISE, GONE = "lathe-vs-mortar", "mortise-vs-mortar", "gone-vs-mortar"


class Sources:
    """A followed site, whose pages say what a test asks for."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.database = site.editor.app.database
        self.followed = Followed(self.database)
        self.pages: dict[str, int] = {}

    def say(self, name: str, **fields: Any) -> None:
        """A page of a tool says this; a page that says nothing is gone."""
        if name not in self.pages:
            self.pages[name] = self.followed.add_page(f"{SITE}/of/{name.lower()}")
        with self.database.write() as session:
            source, page = self._rows(session, name)
            if fields.get("gone"):
                propose_withdrawal(session, source, page, NOW)
            else:
                propose(session, source, page, draft(name, **fields), NOW)

    def _rows(self, session: Session, name: str) -> tuple[Source, SourcePage]:
        source = session.get_one(Source, self.followed.source_id)
        return source, session.get_one(SourcePage, self.pages[name])

    def noticed(self) -> Sources:
        """The desk has looked at the database."""
        self.site.editor.desk.renew()
        return self

    def number(self, name: str) -> int:
        """The number of the newest proposal of a tool's page."""
        with self.database.read() as session:
            rows = session.exec(select(Proposal).where(Proposal.page_id == self.pages[name])).all()
        return rows[-1].id or 0

    def accept(self, *names: str, by: str = "Ida") -> Any:
        numbers = [self.number(name) for name in names]
        return self.site.post("/proposals/accept", numbers=numbers, by=by)

    def stored(self, slug: str) -> ComparisonDraft:
        with self.database.read() as session:
            row = store.latest(session, store.by_slug(session, slug))
            return editing.draft_of_revision(row)


@pytest.fixture
def sources(site: Site) -> Sources:
    return Sources(site)


@pytest.fixture
def three(sources: Sources) -> Sources:
    """A new comparison, a changed one, and one whose page is gone."""
    for name in ("Lathe", "Gone"):
        sources.say(name)
    sources.accept("Lathe", "Gone")
    sources.say("Mortise", question="Which one?", kicker="New here")
    sources.say("Lathe", intro="Two years on.")
    sources.say("Gone", gone=True)
    return sources


def candidates(site: Site) -> set[str]:
    pick = site.editor.desk.snapshot.pick
    assert pick is not None
    chosen = [choice.candidate.slug for choice in pick.chosen]
    return {*chosen, *(each.candidate.slug for each in pick.left_out)}


def test_the_header_counts_what_waits_and_says_nothing_where_nothing_does(
    sources: Sources, site: Site
) -> None:
    assert "/proposals" not in site.client.get("/").text
    sources.say("Lathe")
    sources.noticed()
    assert ">1 proposal</a>" in site.client.get("/").text
    sources.say("Mortise")
    sources.noticed()

    assert ">2 proposals</a>" in site.client.get("/").text
    sources.accept("Lathe", "Mortise")
    assert "/proposals" not in site.client.get("/parts").json()["bar"]


def test_nothing_of_a_proposal_is_a_candidate_before_it_is_accepted(
    sources: Sources, site: Site
) -> None:
    sources.say("Lathe")
    sources.noticed()
    assert LATHE not in candidates(site)

    answer = sources.accept("Lathe").json()

    assert answer["said"] == f"accepted {LATHE}"
    assert "Nothing waits for you." in answer["html"]
    assert LATHE in candidates(site)


def test_each_kind_is_shown_with_what_it_would_do(three: Sources, site: Site) -> None:
    html = site.client.get("/proposals").text

    assert html.index("Mortise vs Mortar") < html.index("Lathe vs Mortar")
    assert "Which one?" in html
    assert "75% of the panel" in html
    assert "<h3>intro</h3>" in html
    assert "<ins>Two years on.</ins>" in html
    assert f"digest comparisons restore {GONE}" in html
    assert "Accept 2 proposals" in html  # not the one that is gone
    assert f"{SITE}/of/mortise" in html
    assert f"from the source {SITE}/sitemap.xml" in html


def test_a_revision_is_accepted_and_a_withdrawal_is_made(three: Sources) -> None:
    assert three.accept("Lathe").json()["said"] == f"accepted {LATHE}"
    assert three.accept("Gone").json()["said"] == f"withdrew {GONE}"

    assert three.stored(LATHE).intro == "Two years on."
    with three.database.read() as session:
        assert store.by_slug(session, GONE).withdrawn_at is not None


def test_several_are_accepted_together_and_what_cannot_be_is_told(three: Sources) -> None:
    seen = three.number("Lathe")
    three.say("Lathe", intro="Three years on.")

    answer = three.site.post(
        "/proposals/accept", numbers=[three.number("Mortise"), seen], by="Ida"
    ).json()

    assert answer["said"].startswith("accepted 1; 1 couldn’t be: proposal")
    assert three.stored(MORTISE).question == "Which one?"
    assert three.stored(LATHE).intro == ""


def test_a_dismissed_proposal_leaves_everything_as_it_is(three: Sources, site: Site) -> None:
    number = three.number("Lathe")
    answer = site.post("/proposals/dismiss", numbers=[number], by="Ida", why="Not yet")

    assert answer.json()["said"] == "dismissed Lathe vs Mortar"
    assert three.stored(LATHE).intro == ""
    with three.database.read() as session:
        row = session.get_one(Proposal, number)
    assert (row.by, row.why) == ("Ida", "Not yet")
    assert site.post("/proposals/dismiss", numbers=[number], by="Ida").status_code == 409


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({"numbers": [1]}, "Type your name first"),
        ({"numbers": [1], "by": "  "}, "Type your name first"),
        ({"numbers": [], "by": "Ida"}, "no proposal is named"),
        ({"numbers": ["1", True, None], "by": "Ida"}, "no proposal is named"),
        ({"numbers": 7, "by": "Ida"}, "no proposal is named"),
        ({"numbers": [99], "by": "Ida"}, "proposal 99 isn't there any more"),
    ],
)
def test_a_bad_decision_is_refused_and_decides_nothing(
    three: Sources, site: Site, told: dict[str, Any], fault: str
) -> None:
    for path in ("/proposals/accept", "/proposals/dismiss"):
        answer = site.post(path, **told)
        assert (answer.status_code, fault in answer.json()["fault"]) == (409, True)
    with three.database.read() as session, pytest.raises(NotFound):
        store.by_slug(session, MORTISE)


def test_an_editor_is_told_whose_words_would_go(three: Sources, site: Site) -> None:
    with three.database.write() as session:
        before = editing.draft_of_revision(store.latest(session, store.by_slug(session, LATHE)))
        wanted = editing.with_words(before, {"kicker": "Edited"})
        seen = store.latest(session, store.by_slug(session, LATHE)).fingerprint
        editing.keep(session, LATHE, wanted, seen=seen, editor="Otto", now=NOW)

    assert "Otto edited it" in site.client.get("/proposals").text


def test_the_oldest_are_shown_first_and_the_rest_follows(sources: Sources, site: Site) -> None:
    for number in range(52):
        sources.say(f"Tool{number}")

    html = site.client.get("/proposals").text

    assert "These are the oldest 50 of 52." in html
    assert "Accept 50 proposals" in html
    assert "Tool51 vs Mortar" not in html


@pytest.fixture
def opened(three: Sources, page: Page) -> Page:
    three.noticed()
    page.reload()
    page.get_by_role("link", name="proposals").press("Enter")
    page.wait_for_url("**/proposals")
    return page


@pytest.mark.browser
def test_proposals_are_decided_on_by_keyboard(opened: Page, three: Sources) -> None:
    headings = opened.locator(".proposals h2")
    opened.get_by_role("button", name="Accept", exact=True).first.press("Enter")
    expect(opened.locator("#by-fault")).to_have_text("Type your name first.")
    expect(opened.locator("#by")).to_be_focused()
    opened.keyboard.type("Ida")
    opened.get_by_role("button", name="Accept", exact=True).first.press("Enter")

    expect(headings).to_have_count(2)
    expect(headings.first).to_be_focused()
    expect(opened.locator("#said")).to_have_text(f"Accepted {MORTISE}")
    expect(opened.locator("#by")).to_have_value("Ida")
    opened.locator(f"#proposal-{three.number('Lathe')} summary").press("Enter")
    opened.get_by_label("Why (optional)").first.fill("Not yet")
    opened.keyboard.press("Enter")
    expect(headings).to_have_count(1)
    opened.get_by_role("button", name="Withdraw").press("Enter")
    expect(opened.get_by_role("heading", name="Nothing waits for you.")).to_be_focused()


@pytest.mark.browser
def test_the_page_has_no_barriers_and_fits(opened: Page, three: Sources) -> None:
    three.say("L" * 150)
    opened.reload()
    for details in opened.locator("details").all():
        details.evaluate("each => { each.open = true; }")
    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)
        assert barriers(opened) == []
    for width in (320, 375, 700, 1280):
        opened.set_viewport_size({"width": width, "height": 800})
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
