"""The privacy notice: what visitors learn of stored data before they give any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from subscribers.retention import RetentionPeriods
from subscribers.web import NetworkPrecision
from tests.subscribers.conftest import NEWSLETTER
from tests.subscribers.web.conftest import INFO, Site


def test_the_form_leads_to_what_is_kept(site: Site) -> None:
    assert 'href="/privacy?newsletter=weekly&amp;lang=en"' in site.http.get("/subscribe").text
    page = site.http.get("/privacy?newsletter=weekly")
    assert page.status_code == 200
    assert "<h1>Privacy</h1>" in page.text
    assert 'href="/subscribe?newsletter=weekly&amp;lang=en"' in page.text


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (NetworkPrecision.NONE, "keep a record of the network you connect from"),
        (NetworkPrecision.PREFIX, "without the last part of its address"),
        (NetworkPrecision.FULL, "the network address you had when you agreed"),
    ],
)
def test_the_page_says_what_is_set_of_the_network(
    make_site: Callable[..., Site], keep: NetworkPrecision, said: str
) -> None:
    assert said in make_site(keep_network=keep).http.get("/privacy").text


@pytest.mark.parametrize(
    ("tracking", "said"),
    [
        ("off", "We don’t track opens or clicks"),
        ("anonymous", "are clicked, without a lasting connection to you"),
        ("reader", "which of their links you clicked"),
    ],
)
def test_the_page_says_what_opens_and_clicks_tell(
    make_site: Callable[..., Site], tracking: str, said: str
) -> None:
    about = replace(INFO, tracking=tracking)  # type: ignore[arg-type]  # a literal
    assert said in make_site(newsletters={NEWSLETTER: about}).http.get("/privacy").text


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (RetentionPeriods(), ("after 7 days", "for 90 days", "delete it 3 years after")),
        (
            RetentionPeriods(pending=1, networks=30, evidence=400),
            ("after 1 day", "for 30 days", "delete it 400 days after"),
        ),
    ],
)
def test_the_times_it_names_are_those_that_are_kept(
    make_site: Callable[..., Site], keep: RetentionPeriods, said: tuple[str, ...]
) -> None:
    page = make_site(retention=keep).http.get("/privacy").text
    assert [words for words in said if words not in page] == []


def test_the_page_says_who_keeps_it_and_whom_mails_are_handed_to(
    make_site: Callable[..., Site],
) -> None:
    page = make_site(responsible="Example Press, Exampletown", carrier="A Carrier, USA").http
    assert "Responsible for your data: Example Press, Exampletown." in page.get("/privacy").text
    assert "to A Carrier, USA, and to nobody else" in page.get("/privacy").text
    bare = make_site().http.get("/privacy").text
    assert "Responsible for" not in bare
    assert "and to nobody else" not in bare


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (7, "keep deleted data for another 7 days."),
        (1, "keep deleted data for another 1 day."),
        (None, "keep deleted data until they are deleted too."),
    ],
)
def test_the_page_says_how_long_copies_hold_what_was_deleted(
    make_site: Callable[..., Site], days: int | None, said: str
) -> None:
    assert said in make_site(copies_kept=days).http.get("/privacy").text


def test_the_page_says_where_mails_are_kept_as_files(make_site: Callable[..., Site]) -> None:
    assert "until someone deletes it" in make_site(files_kept=True).http.get("/privacy").text
    bare = make_site().http.get("/privacy").text
    assert "ackups of the database" not in bare
    assert "until someone deletes it" not in bare


def test_the_page_speaks_german(site: Site) -> None:
    assert "<h1>Datenschutz</h1>" in site.http.get("/privacy?lang=de").text


def test_a_newsletter_nobody_knows_is_not_here(site: Site) -> None:
    assert site.http.get("/privacy?newsletter=nothing").status_code == 404


def test_a_site_without_votes_says_nothing_of_them(site: Site) -> None:
    assert "vote" not in site.http.get("/privacy").text


@pytest.mark.parametrize(
    ("choice", "said"),
    [("keep", "Your votes stay in the counts"), ("remove", "Your votes are deleted, too.")],
)
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_page_says_what_is_kept_of_votes(
    make_site: Callable[..., Site], choice: str, said: str, language: str
) -> None:
    page = make_site(votes_of_erased=choice).http.get(f"/privacy?lang={language}").text
    assert ("how you vote" in page) is (language == "en")
    assert (said in page) is (language == "en")
    assert "%(" not in page
