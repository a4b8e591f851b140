"""Quotes: which way a reviewer leans, by words and by shares."""

from __future__ import annotations

import pytest

from digest.comparisons.models import Call
from digest.issues.content.quotes import shown_quote
from digest.issues.content.reviewer_calls import presumed_calls, sentiment
from tests.render.samples import make_contender


@pytest.mark.parametrize(
    "quote",
    [
        "Skip as a business; keep an eye on it.",
        "It works, and works well. I'd skip.",
        "I wouldn’t ship this to anybody I like.",
    ],
)
def test_plain_words_for_skipping_lean_that_way(quote: str) -> None:
    assert sentiment(quote) < 0


@pytest.mark.parametrize(
    "quote",
    ["The licence earns the ship.", "Slow, and I'd ship it.", "Still ships, since it is solved."],
)
def test_plain_words_for_shipping_lean_that_way(quote: str) -> None:
    assert sentiment(quote) > 0


def calls_of(*quotes: str, panel: float | None = 75) -> dict[int, Call]:
    contender = make_contender(0, "Marlow", panel=panel)
    for verdict, quote in zip(contender.verdicts, quotes, strict=True):
        verdict.quote = quote
    return dict(presumed_calls(contender, 4))


def test_the_one_whose_words_part_from_the_others_is_presumed_to_skip() -> None:
    calls = calls_of("A solid win.", "Good work.", "Skip it.", "It saves an hour.")
    assert [seat for seat, call in calls.items() if call is Call.SKIP] == [3]


def test_nobody_is_presumed_anything_where_words_or_shares_do_not_tell() -> None:
    assert calls_of("Blue.", "Green.", "Red.", "Grey.") == {}
    assert calls_of("Skip it.", "A win.", "A win.", "A win.", panel=None) == {}
    assert calls_of("Skip it.", "A win.", "A win.", "A win.", panel=60) == {}


def test_a_panel_of_one_mind_needs_no_words() -> None:
    assert set(calls_of("Bad.", "Wrong.", "Good.", "Blue.", panel=100).values()) == {Call.SHIP}


def test_published_calls_are_taken_as_they_are() -> None:
    contender = make_contender(0, "Marlow", panel=75, calls_known=True)
    contender.verdicts[0].quote = "Skip it, skip it."
    assert presumed_calls(contender, 4) == {each.seat: each.call for each in contender.verdicts}


def test_29_a_quote_is_shown_without_backticks_and_outer_marks() -> None:
    assert shown_quote("“`modal deploy` gets you an endpoint.”") == (
        "modal deploy gets you an endpoint."
    )
    assert shown_quote("A ` alone, and ```fences``` stay.") == "A ` alone, and ```fences``` stay."
