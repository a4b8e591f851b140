"""The page of a vote link: what it shows, and which links it refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from digest.comparisons.models import Call, Comparison
from digest.votes import letter_token, vote_path
from tests.web.conftest import SLUG, Running
from tests.web.voter import LEFT, READER, RIGHT, checked, comparison_id, link, vote


def test_a_link_opens_the_comparison_with_its_choice_preset(site: Running) -> None:
    answer = site.get(link(site, "lintwick", Call.SKIP))

    assert answer.status_code == 200
    assert "<h1>Lintwick vs Ravelin Coder 2</h1>" in answer.text
    assert "<legend>Would you ship Lintwick?</legend>" in answer.text
    assert checked(answer.text) == ["lintwick=skip"]
    assert answer.text.count("<button>") == 1


def test_a_link_without_a_choice_presets_nothing(site: Running) -> None:
    assert checked(site.get(link(site)).text) == []


def test_a_letter_s_link_presets_what_its_query_says(site: Running) -> None:
    token = letter_token(site.app.tokens, READER, comparison_id(site), site.clock())
    query = f"?tool-{LEFT}=ship&tool-{RIGHT}=skip&tool-{RIGHT}x=skip&lang=de"
    page = site.get(vote_path(token) + query).text

    assert checked(page) == ["lintwick=ship", "ravelin-coder-2=skip"]
    assert '<html lang="de">' in page
    assert '<input type="hidden" name="lang" value="de">' in page


@pytest.mark.parametrize("number", ["50%", "75%", "100%", "would ship"])
def test_nobody_is_told_what_others_think_before_they_vote(site: Running, number: str) -> None:
    assert number not in site.get(link(site)).text


def test_no_search_engine_cache_or_other_site_sees_the_link(site: Running) -> None:
    headers = site.get(link(site)).headers

    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-robots-tag"] == "noindex"


def test_a_head_is_answered_like_a_get(site: Running) -> None:
    answer = site.http.head(link(site, "lintwick", Call.SHIP))

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "broken",
    [
        lambda path: path.replace("/v/", "/v/x"),
        lambda path: path[:-3],
        lambda path: f"{path}/lintwick/perhaps",
        lambda _: "/v/nothing",
    ],
)
def test_a_broken_link_is_told_so(site: Running, broken: Callable[[str], str]) -> None:
    answer = site.get(broken(link(site)))

    assert answer.status_code == 404
    assert "This link doesn’t work" in answer.text


def test_an_expired_link_leads_to_the_form_for_a_new_one(site: Running) -> None:
    path = link(site)
    site.clock.advance(days=site.app.settings.vote_days - 1)
    assert site.get(path).status_code == 200
    site.clock.advance(days=2)
    answer = site.get(path)

    assert answer.status_code == 410
    assert "This link to vote has expired" in answer.text
    there = f"/comparisons/{SLUG}/vote"
    assert f'href="{there}" target="_top">Get a link to vote</a>' in answer.text
    assert site.get(there).status_code == 200
    assert f'href="{there}?lang=de"' in site.get(f"{path}?lang=de").text


def test_a_withdrawn_comparison_takes_no_vote(site: Running) -> None:
    path = link(site)
    assert site.get(path).status_code == 200
    with site.app.database.write() as session:
        row = session.get_one(Comparison, comparison_id(site))
        row.withdrawn_at = site.clock()

    answer = site.get(path)
    assert answer.status_code == 410
    assert "This comparison has been withdrawn" in answer.text
    site.clock.now += timedelta(days=100)
    assert "This comparison has been withdrawn" in site.get(path).text


def test_the_link_of_an_erased_reader_opens_nothing(site: Running) -> None:
    assert site.get(link(site, reader=99)).status_code == 410


def test_a_link_to_a_tool_that_has_left_says_that_the_comparison_has_changed(
    site: Running,
) -> None:
    page = site.get(link(site, "marlow", Call.SHIP)).text

    assert "This comparison has changed since the link was sent." in page
    assert checked(page) == []


def test_what_the_reader_voted_before_is_shown_and_the_link_s_choice_wins(site: Running) -> None:
    vote(site, link(site), {LEFT: "ship", RIGHT: "skip"})

    plain = site.get(link(site)).text
    assert checked(plain) == [f"{LEFT}=ship", f"{RIGHT}=skip"]
    assert plain.count("Your vote so far: ship.") == plain.count("Your vote so far: skip.") == 1
    assert checked(site.get(link(site, LEFT, Call.SKIP)).text) == [f"{LEFT}=skip", f"{RIGHT}=skip"]


def test_a_link_speaks_the_visitor_s_language(site: Running) -> None:
    page = site.get(link(site), headers={"Accept-Language": "de"}).text

    assert "<legend>Würden Sie Lintwick nehmen?</legend>" in page
