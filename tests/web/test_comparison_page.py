"""The comparison page: every seat, quote and call, and the published source."""

from __future__ import annotations

import pytest

from digest.web.comparison_page import ComparisonPage, page_of, teaser
from tests.render.samples import make_contender, make_revision

BASE = "https://news.example.com"


def page(*, quote: str = "", url: str | None = None) -> ComparisonPage:
    left, right = make_contender(0), make_contender(1, "Brook", panel=100.0)
    if quote:
        left.verdicts[0].quote = quote
    return page_of(make_revision(left, right, url=url), base_url=BASE, language="en")


def test_every_seat_speaks_of_both_tools_in_full() -> None:
    seats = page().seats

    assert [seat.reviewer for seat in seats] == [f"Reviewer {seat}" for seat in (1, 2, 3, 4)]
    assert all(
        [one.about for one in seat.verdicts] == ["Lantern Code 3", "Brook"] for seat in seats
    )
    assert all(len(one.quote) > 200 for seat in seats for one in seat.verdicts)


@pytest.mark.parametrize("quote", ["“Fine.”", '"Fine."', "  “Fine.”\n"])
def test_a_quote_has_one_pair_of_marks(quote: str) -> None:
    assert page(quote=quote).seats[0].verdicts[0].quote == "Fine."


def test_marks_that_belong_to_a_quote_stay() -> None:
    said = "“Ship” is a word."

    assert page(quote=said).seats[0].verdicts[0].quote == said


def test_a_seat_that_spoke_of_one_tool_only_is_silent_on_the_other() -> None:
    left, right = make_contender(0), make_contender(1, "Brook")
    right.verdicts = [each for each in right.verdicts if each.seat != 2]

    view = page_of(make_revision(left, right), base_url=BASE, language="en")

    assert view.seats[1].verdicts[0].quote
    assert (view.seats[1].verdicts[1].quote, view.seats[1].verdicts[1].call) == ("", None)


def test_a_named_reviewer_is_named() -> None:
    left, right = make_contender(0), make_contender(1, "Brook")
    right.verdicts[2].reviewer = "The Futurist"

    view = page_of(make_revision(left, right), base_url=BASE, language="en")

    assert view.seats[2].reviewer == "The Futurist"


def test_calls_that_are_not_published_are_not_guessed() -> None:
    view = page()
    calls = {(one.about, one.call) for seat in view.seats for one in seat.verdicts}

    assert calls == {("Lantern Code 3", None), ("Brook", "ship")}
    assert view.note


@pytest.mark.parametrize(
    "url", [None, "javascript:alert(1)", f"{BASE}/comparisons/lantern-code-3-vs-brook"]
)
def test_a_page_that_is_ours_alone_names_no_other(url: str | None) -> None:
    assert page(url=url).original == ""


def test_a_page_published_elsewhere_names_it() -> None:
    assert page(url="https://example.com/a").original == "https://example.com/a"


def test_a_comparison_in_two_lines_names_both_tools_and_how_the_panel_leans() -> None:
    view = teaser(make_revision(make_contender(0), make_contender(1, "Brook", panel=100.0)), "en")

    assert view
    assert (view.left, view.right, view.url) == (
        "Lantern Code 3",
        "Brook",
        "/comparisons/lantern-code-3-vs-brook",
    )
    assert "Brook" in view.headline
