"""Corrections in the archive: a note beside what was wrong, and a way there and back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser
from sqlalchemy import update

from digest.comparisons.loader import read_file
from digest.comparisons.store import store_draft
from digest.delivery.models import Batch, BatchState
from digest.issues import store
from digest.issues.corrections import build_correction
from digest.issues.models import IssueState, Newsletter
from digest.samples import comparisons
from tests.web.browser import Scheme, barriers, visitor
from tests.web.conftest import Running, freeze

CORRECTION = 100_001


def mend(site: Running, number: int, share: float) -> None:
    """Import another panel share for the first comparison of an issue."""
    with site.app.database.write() as session:
        issue = store.by_number(session, 1, number)
        slug = issue.pick["chosen"][0]["slug"]
        draft = read_file(next(path for path in comparisons() if path.stem == slug))
        left = draft.contenders[0].model_copy(update={"panel_share": share})
        sides = {"contenders": (left, draft.contenders[1])}
        store_draft(session, draft.model_copy(update=sides), now=site.clock())


def correct(site: Running, number: int = 1, *, share: float = 60.0, send: bool = True) -> None:
    mend(site, number, share)
    with site.app.database.write() as session:
        wrong = store.by_number(session, 1, number)
        wrong.state = IssueState.SENT
        session.flush()
        session.connection().execute(update(Batch).values(state=BatchState.ACCEPTED))
        issue, _ = build_correction(
            session,
            wrong,
            now=site.clock(),
            issue_builder=site.app.issues.builder,
            why="We read the columns the wrong way round.",
        )
        if send:
            freeze(session, issue, site.clock())


@pytest.fixture
def corrected(site: Running) -> Running:
    """The site, with a correction of issue 1 that went out on 24 November."""
    correct(site)
    return site


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_the_page_of_what_was_wrong_says_what_is_right(corrected: Running) -> None:
    page = corrected.get("/issues/weekly/1").text

    assert "Corrected on 24 November 2026" in page
    assert "We read the columns the wrong way round." in page
    assert re.search(r"Panel share of [\w ]+: \d+% → 60%", text(page))


def test_each_page_leads_to_the_other(corrected: Running) -> None:
    wrong = corrected.get("/issues/weekly/1").text
    right = corrected.get(f"/issues/weekly/{CORRECTION}").text

    assert f'href="/issues/weekly/{CORRECTION}"' in wrong
    assert 'href="/issues/weekly/1"' in right
    assert "Correction to No. 1, 24 November 2026" in right
    assert "Corrected on" not in right
    assert "It should be" in corrected.get(f"/issues/weekly/{CORRECTION}/mail").text


def test_the_frozen_mail_stays_as_it_went_out(site: Running) -> None:
    before = site.get("/issues/weekly/1/mail").text
    correct(site)

    assert site.get("/issues/weekly/1/mail").text == before


def test_no_list_and_no_neighbour_counts_a_correction(corrected: Running) -> None:
    listed = re.findall(r'href="/issues/weekly/(\d+)"', corrected.get("/issues").text)
    newest = re.findall(r'href="/issues/weekly/(\d+)"', corrected.get("/").text)
    beside = re.findall(r'href="/issues/weekly/(\d+)" rel', corrected.get("/issues/weekly/2").text)

    assert (listed, newest, beside) == (["2", "1"], ["2"], ["1"])


def test_a_correction_that_is_not_sent_is_not_there(site: Running) -> None:
    correct(site, send=False)

    assert site.get(f"/issues/weekly/{CORRECTION}").status_code == 404
    assert "Corrected on" not in site.get("/issues/weekly/1").text


def test_a_correction_of_a_correction_stands_beside_both(corrected: Running) -> None:
    corrected.clock.advance(days=7)
    correct(corrected, CORRECTION, share=25.0)
    wrong = corrected.get("/issues/weekly/1").text
    first = corrected.get(f"/issues/weekly/{CORRECTION}").text

    assert re.findall(r"Corrected on (\d+ \w+)", wrong) == ["24 November", "1 December"]
    assert re.findall(r"Corrected on (\d+ \w+)", first) == ["1 December"]


def test_a_german_newsletter_says_it_in_german(corrected: Running) -> None:
    with corrected.app.database.write() as session:
        session.connection().execute(update(Newsletter).values(language="de"))

    assert "Berichtigt am 24. November 2026" in corrected.get("/issues/weekly/1").text
    assert "Berichtigung zu Nr. 1, " in corrected.get(f"/issues/weekly/{CORRECTION}").text


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_neither_page_has_a_barrier_or_scrolls_sideways(
    corrected: Running, browser: Browser, scheme: Scheme
) -> None:
    with visitor(browser, scheme=scheme, width=320) as window:
        page = window.new_page()
        for number in (1, CORRECTION):
            page.goto(f"{corrected.url}/issues/weekly/{number}")
            assert barriers(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") == 320
