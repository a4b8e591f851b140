"""Quotes: which way a reviewer leans, by words and by shares."""

from __future__ import annotations

import pytest

from digest.comparisons.models import Call, Revision
from digest.issues.content import IssueView, QuoteChoice, missing_quote
from digest.issues.content.compose import with_chosen_quotes
from digest.issues.content.quotes import BadQuote, passage_of, shown_quote
from digest.issues.content.reviewer_calls import presumed_calls, sentiment
from digest.issues.content.view import Depth
from tests.render.samples import full_week, make_contender, make_issue


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


VERDICT = "“It is fast. The planner guesses, and it guesses badly. I would ship it.”"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("It is fast.", "It is fast."),
        (
            "The planner guesses, and it guesses badly.",
            "The planner guesses, and it guesses badly.",
        ),
        ("“I would ship it.”", "I would ship it."),
        ("I would ship it.”", "I would ship it."),
        ("The planner  guesses", "The planner guesses…"),
        ("guesses badly.", "… guesses badly."),
        ("… it guesses badly. I would ship it.", "… it guesses badly. I would ship it."),
    ],
)
def test_a_passage_shows_where_it_was_cut(words: str, shown: str) -> None:
    assert passage_of(VERDICT, words) == shown


@pytest.mark.parametrize(
    "words", ["It is slow.", "guesses it", "uesses", "", "It is fast. I would"]
)
def test_words_that_the_reviewer_did_not_write_are_never_quoted(words: str) -> None:
    with pytest.raises(BadQuote):
        passage_of(VERDICT, words)


def test_a_passage_is_no_longer_than_any_quote() -> None:
    with pytest.raises(BadQuote, match="1 to 240 characters; this one has 299"):
        passage_of("word " * 100, "word " * 60)


def quoted(week: list[Revision], at: int, *, side: int, seat: int, passage: str = "") -> IssueView:
    choice = QuoteChoice(side=side, seat=seat, passage=passage)
    return with_chosen_quotes(make_issue(*week), week, {week[at].comparison.slug: choice})


def test_desk_2_a_verdict_chosen_by_hand_is_quoted_in_place_of_the_sharpest() -> None:
    week = full_week()
    usual = make_issue(*week).comparisons[0]
    side, seat = next(
        (side, seat)
        for side in (0, 1)
        for seat in (1, 2, 3, 4)
        if (usual.contenders[side].name, seat)
        not in [(one.about, one.seat) for one in usual.quotes]
    )
    changed = quoted(week, 0, side=side, seat=seat).comparisons[0]

    assert (usual.contenders[side].name, seat) in [(one.about, one.seat) for one in changed.quotes]
    assert [one for one in changed.quotes if one.chosen]
    assert {(one.about, one.seat) for one in usual.quotes if one.dissent} <= {
        (one.about, one.seat) for one in changed.quotes
    }
    assert len(changed.quotes) <= len(usual.quotes) + 1


@pytest.mark.parametrize("at", [0, 1, 2])
def test_what_an_editor_chose_stays_at_each_depth_that_quotes(at: int) -> None:
    week = full_week()
    words = week[at].contenders[1].verdicts[2].quote.split(". ")[0]
    changed = quoted(week, at, side=1, seat=3, passage=words).comparisons[at]

    assert f"{words}…" in [one.text for one in changed.quotes]


def test_a_brief_quotes_nobody() -> None:
    week = full_week()
    changed = quoted(week, 4, side=0, seat=1).comparisons[4]

    assert (changed.depth, changed.quotes) == (Depth.BRIEF, ())


def test_a_choice_that_is_not_there_any_more_is_passed_over_and_named() -> None:
    week = full_week()
    gone = QuoteChoice(side=0, seat=9)
    other = QuoteChoice(side=0, seat=1, passage="Words of nobody.")

    assert quoted(week, 0, side=0, seat=9).comparisons[0] == make_issue(*week).comparisons[0]
    assert missing_quote(week[0].contenders, gone) == "there is no such verdict"
    assert "aren't in the verdict" in missing_quote(week[0].contenders, other)
    assert missing_quote(week[0].contenders, QuoteChoice(side=0, seat=1)) == ""
    shown = quoted(week, 0, side=0, seat=1, passage="Words of nobody.")
    assert "Words of nobody." not in str(shown.comparisons[0].quotes)
