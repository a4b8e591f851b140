"""What a reader's own page says of the reviewer they agree with, and the choice that goes with it.

From votes to the page, the export, and nothing after an erasure.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser
from sqlmodel import select

from digest.comparisons.models import Call
from digest.votes import preference_of
from digest.votes.models import Vote, VoterPreference
from subscribers.tokens import LinkTarget
from tests.issues.variants.conftest import store_judged, vote_like
from tests.web.browser import barriers, visitor
from tests.web.conftest import MakeSite, Running

ADA, READER = "ada@example.org", 1
LEAD = "Lead my email with Reviewer 3’s words"
STOP = "Stop leading my email with a reviewer’s words"


@pytest.fixture
def site(make_running: MakeSite) -> Running:
    running = make_running(base_url="{url}")
    store_judged(running.app.database, running.clock())
    return running


@pytest.fixture
def vote(site: Running) -> Callable[[int], None]:
    """Return a function that lets Ada vote like Reviewer 3 on so many tools."""
    return lambda tools: vote_like(site.app.database, READER, 3, site.clock(), tools=tools)


def own(site: Running) -> str:
    return site.links.preferences(LinkTarget(READER, "weekly"), ADA)


def switch(site: Running, *, on: bool) -> str:
    form = {"choice": "reviewer", "on": "1" if on else "0"}
    return site.http.post(f"{own(site)}/choice", data=form).text


def leads(site: Running) -> bool:
    with site.app.database.read() as session:
        return preference_of(session, READER).reviewer_since is not None


def test_who_has_not_voted_is_told_nothing_of_reviewers(site: Running) -> None:
    page = site.http.get(own(site)).text
    assert "agree with" not in page
    assert "reviewer" not in page


def test_before_five_votes_it_says_how_many_compare(
    site: Running, vote: Callable[[int], None]
) -> None:
    vote(3)
    page = site.http.get(own(site)).text
    assert "you’ll see here who you agree with most. So far it’s 3." in page
    assert "Lead my email" not in page


def test_from_five_votes_it_names_the_reviewer_and_leads_by_one_button(
    site: Running, vote: Callable[[int], None]
) -> None:
    vote(6)
    page = site.http.get(own(site)).text
    assert "You agree with Reviewer 3 on 6 of 6 tools." in page
    assert LEAD in page
    assert not leads(site)
    assert STOP in switch(site, on=True)
    assert leads(site)
    assert LEAD in switch(site, on=False)
    assert not leads(site)


def test_who_agrees_with_nobody_on_half_of_the_tools_is_offered_nothing(
    site: Running, vote: Callable[[int], None]
) -> None:
    vote(6)
    switch(site, on=True)
    store_judged(site.app.database, site.clock(), unanimous=Call.SHIP)
    with site.app.database.write() as session:
        for row in session.exec(select(Vote)):
            row.call = Call.SKIP
    page = site.http.get(own(site)).text
    nobody = "we haven’t found a reviewer you agree with on at least half of the tools."
    assert f"{nobody} Until we do, you’ll get the usual email." in page
    assert STOP in page
    page = switch(site, on=False)
    assert nobody in page
    assert "usual email" not in page
    assert "Lead my email" not in page
    german = site.http.get(own(site), params={"lang": "de"}).text
    assert "das bei mindestens der Hälfte der Werkzeuge Ihrer Meinung ist." in german


def test_who_has_switched_it_on_can_switch_it_off_whatever_became_of_the_votes(
    site: Running, vote: Callable[[int], None]
) -> None:
    vote(6)
    switch(site, on=True)
    with site.app.database.write() as session:
        for row in session.exec(select(Vote)):
            session.delete(row)
    page = site.http.get(own(site)).text
    assert "So far it’s 0." in page
    assert STOP in page
    switch(site, on=False)
    assert not leads(site)


def test_in_german_it_says_so_in_german(site: Running, vote: Callable[[int], None]) -> None:
    vote(6)
    page = site.http.get(own(site), params={"lang": "de"}).text
    assert "Jurymitglied 3 ist bei 6 von 6 Werkzeugen Ihrer Meinung." in page


def test_the_export_has_the_choice_and_how_far_the_reader_agrees(
    site: Running, vote: Callable[[int], None]
) -> None:
    vote(6)
    switch(site, on=True)
    data = site.http.get(f"{own(site)}/data").json()
    assert data["vote_preferences"] == {
        "reviewer_since": site.clock().isoformat(),
        "changes_since": None,
    }
    assert data["agreement"][0] == {"panel": 4, "seat": 3, "agreed": 6, "compared": 6}
    assert len(data["agreement"]) == 4


def test_an_erased_reader_leaves_neither_choice_nor_agreement(
    site: Running, vote: Callable[[int], None]
) -> None:
    vote(6)
    switch(site, on=True)
    site.http.post(f"{own(site)}/erase")
    with site.app.database.read() as session:
        assert session.exec(select(VoterPreference)).all() == []
        assert session.exec(select(Vote).where(Vote.subscriber_id == READER)).all() == []


@pytest.mark.browser
@pytest.mark.parametrize("tools", [3, 6])
def test_the_section_has_no_barrier_on_a_small_dark_screen(
    site: Running, vote: Callable[[int], None], browser: Browser, tools: int
) -> None:
    vote(tools)
    with visitor(browser, scripts=False, width=320, scheme="dark") as window:
        page = window.new_page()
        page.goto(own(site))
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        if tools == 6:
            button = page.get_by_role("button", name=LEAD)
            button.focus()
            with page.expect_navigation():
                page.keyboard.press("Enter")
            assert page.get_by_role("button", name=STOP).is_visible()
    assert leads(site) is (tools == 6)
    with visitor(browser, width=320, scheme="dark") as window:
        page = window.new_page()
        page.goto(own(site))
        assert barriers(page) == []
