"""What the page of an issue tells of verdicts that changed since earlier issues."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from digest.comparisons import store as comparisons
from digest.comparisons.editing import draft_of_revision
from digest.issues import store
from tests.web.browser import Scheme, barriers, visitor
from tests.web.conftest import Running, build

TOLD = "Changed since earlier issues"


@pytest.fixture
def changed(site: Running) -> Running:
    """A site whose newest issue tells of a verdict that the first one carried."""
    with site.app.database.write() as session:
        slug = store.by_number(session, 1, 1).pick["chosen"][0]["slug"]
        newest = comparisons.latest(session, comparisons.by_slug(session, slug))
        draft = draft_of_revision(newest)
        left, right = draft.contenders
        left = left.model_copy(update={"panel_share": 25.0})
        draft = draft.model_copy(update={"contenders": (left, right)})
        site.clock.advance(hours=1)
        comparisons.store_draft(session, draft, now=site.clock())
    build(site.app, "2026-W49", send=True)
    return site


def test_the_page_of_an_issue_tells_what_its_mail_tells(changed: Running) -> None:
    page = changed.get("/issues/weekly/4").text

    assert TOLD in page
    assert "The panel’s share of Marrow Search went from 0% to 25%." in page
    assert "/comparisons/marrow-search-vs-plainsight" in page.partition(TOLD)[2]
    assert TOLD not in changed.get("/issues/weekly/2").text


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_has_no_barrier_on_a_phone(
    changed: Running, browser: Browser, scheme: Scheme
) -> None:
    with visitor(browser, scheme=scheme, width=320) as window:
        page = window.new_page()
        page.goto(f"{changed.url}/issues/weekly/4")

        assert page.get_by_role("heading", name=TOLD).is_visible()
        assert barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
