"""Composing an issue: subject, headline, opening and preheader from the picked comparisons."""

from __future__ import annotations

from datetime import date

import pytest

from digest.comparisons.models import Call, Entry, Revision, Verdict
from digest.errors import NothingToPick
from digest.issues.content.compose import compose
from digest.issues.content.view import ComparisonView
from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG
from digest.render.engine import render
from digest.render.lint.runner import forbids_sending, lint_mail
from tests.render.samples import (
    full_week,
    make_contender,
    make_copy,
    make_issue,
    make_newsletter,
    make_revision,
)


def pair(left: float | None, right: float | None, *, calls_known: bool = False) -> Revision:
    return make_revision(
        make_contender(0, "Marlow", panel=left, calls_known=calls_known),
        make_contender(1, "Oriel", panel=right, calls_known=calls_known),
    )


def composed(revision: Revision) -> ComparisonView:
    return make_issue(revision).comparisons[0]


def test_an_issue_says_when_it_is_and_where_its_links_lead() -> None:
    issue = make_issue()

    assert (issue.number, issue.date) == (12, "24 November 2026")
    assert issue.web_url == "https://news.example.com/issues/weekly/12"
    assert issue.unsubscribe_url == f"https://news.example.com/u/{UNSUBSCRIBE_TAG}"
    assert issue.preferences_url == f"https://news.example.com/p/{PREFERENCES_TAG}"


def test_nothing_picked_is_no_issue() -> None:
    with pytest.raises(NothingToPick):
        compose(
            [],
            make_newsletter(),
            number=1,
            period="2026-W48",
            on=date(2026, 11, 24),
            base_url="https://news.example.com",
            postal_address="Somewhere",
        )


@pytest.mark.parametrize(
    ("left", "right", "subject"),
    [
        (75, 100, "Oriel leads Marlow, 100 % to 75 %"),
        (100, 0, "Marlow leads Oriel, 100 % to 0 %"),
        (100, 100, "Marlow or Oriel? The panel would ship both"),
        (0, 0, "Marlow or Oriel? The panel would ship neither"),
        (50, 50, "Marlow or Oriel? A tie at 50 %"),
        (75, None, "Marlow: 75 % of the panel would ship"),
        (None, None, "Marlow vs Oriel"),
    ],
)
def test_the_subject_says_what_the_panel_found(
    left: float | None, right: float | None, subject: str
) -> None:
    assert make_issue(pair(left, right)).subject == subject


def test_a_subject_with_long_names_gives_up_words_before_letters() -> None:
    revision = make_revision(
        make_contender(0, "Lantern Code 3", panel=75),
        make_contender(1, "Quayside Serverless Inference", panel=100),
    )

    assert make_issue(revision).subject == "Quayside Serverless Inference leads Lantern Code 3"


@pytest.mark.parametrize(
    "name",
    [
        "x" * 2_000,
        "a\r\nBcc: thief@example.com",
        "\u202egnihton\u2066",
        "  ",
        "\u200b",
        "\U0001f600" * 90,
    ],
)
def test_a_hostile_name_makes_a_subject_of_one_short_line(name: str) -> None:
    subject = make_issue(make_revision(make_contender(0, name), make_contender(1, name))).subject

    assert 0 < len(subject) <= 60
    assert subject.isprintable()


@pytest.mark.parametrize(
    ("left", "right", "headline"),
    [
        (75, 100, "All four reviewers would ship Oriel; three would ship Marlow."),
        (50, 25, "Two of four reviewers would ship Marlow; only one would ship Oriel."),
        (75, 0, "Three of four reviewers would ship Marlow; none would ship Oriel."),
        (100, 100, "The whole panel would ship either one."),
        (0, 0, "Nobody on the panel would ship either one."),
        (75, 75, "A tie: three of four reviewers would ship each of them."),
        (60, 40, "60\u00a0% of the panel would ship Marlow; 40\u00a0% would ship Oriel."),
        (None, 25, "One of four reviewers would ship Oriel."),
        (None, None, "The panel hasn\u2019t published a share yet."),
        (float("nan"), 250, "The panel hasn\u2019t published a share yet."),
    ],
)
def test_the_headline_says_how_the_panel_leans(
    left: float | None, right: float | None, headline: str
) -> None:
    assert composed(pair(left, right)).headline == headline


def test_a_sentence_that_ends_with_a_name_cut_short_has_no_fourth_dot() -> None:
    name = "The Cloud Inference Platform for Regulated Industries " * 4
    view = composed(make_revision(make_contender(0, "Marlow"), make_contender(1, name, panel=25)))
    assert view.headline.endswith("…")
    assert "…." not in view.headline


def test_the_opening_counts_where_the_panel_agrees_and_splits() -> None:
    assert make_issue(*full_week()).opening == (
        "Five comparisons this week. The panel is of one mind on four tools and splits on six."
    )
    assert make_issue(pair(75, 100)).opening == (
        "One comparison this week. The panel is of one mind on Oriel and splits on Marlow."
    )
    assert make_issue(pair(100, 0)).opening == (
        "One comparison this week. The panel is of one mind on both tools."
    )
    assert make_issue(pair(None, 60)).opening == "One comparison this week."


def test_the_preheader_names_what_else_is_inside() -> None:
    issue = make_issue(*full_week())

    assert issue.preheader == (
        "Also: Marlow vs Fieldnote Research Agent, Tidemark SQL vs Brook, and two more"
    )
    assert make_issue(pair(75, 100)).preheader.startswith("All four reviewers")


def test_a_share_that_is_not_published_stays_unknown() -> None:
    view = composed(pair(None, 75)).contenders[0]

    assert (view.panel_share, view.community_share, view.ships, view.split) == (
        None,
        None,
        None,
        "",
    )


def test_calls_tell_the_split_where_no_share_is_published() -> None:
    revision = pair(75, 100, calls_known=True)
    revision.contenders[0].panel_share = None

    assert composed(revision).contenders[0].split == "3 ship, 1 skip"


@pytest.mark.parametrize(
    ("entry", "text", "shown"),
    [
        (Entry.FREE, "", "Free"),
        (Entry.PAID, "from $20", "Paid"),
        (Entry.OTHER, "Waitlist", "Waitlist"),
        (None, "", ""),
    ],
)
def test_the_entry_is_said_in_a_word(entry: Entry | None, text: str, shown: str) -> None:
    revision = make_revision(make_contender(0, entry=entry, entry_text=text))

    assert composed(revision).contenders[0].entry == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://site.example/a-vs-b", "https://site.example/a-vs-b"),
        ("javascript:alert(1)", None),
        ("//evil.example/", None),
        ("https://me:secret@site.example/", None),
        ("https://site.example/" + "x" * 700, None),
        (None, None),
    ],
)
def test_only_a_web_link_leads_away_from_our_own_page(url: str | None, shown: str | None) -> None:
    revision = make_revision(make_contender(0, "Marlow"), make_contender(1, "Oriel"), url=url)

    ours = "https://news.example.com/comparisons/marlow-vs-oriel"
    assert composed(revision).url == (shown or ours)


def test_the_one_who_breaks_rank_is_always_quoted() -> None:
    quotes = composed(pair(75, 100, calls_known=True)).quotes

    assert [(quote.call, quote.about, quote.dissent) for quote in quotes] == [
        ("ship", "Oriel", False),
        ("skip", "Marlow", True),
    ]


def test_two_who_break_rank_on_two_tools_are_both_quoted() -> None:
    quotes = composed(pair(75, 25, calls_known=True)).quotes

    assert [(quote.call, quote.about) for quote in quotes if quote.dissent] == [
        ("ship", "Oriel"),
        ("skip", "Marlow"),
    ]


def test_an_even_split_is_quoted_from_both_sides() -> None:
    quotes = composed(pair(50, 50, calls_known=True)).quotes

    assert [quote.call for quote in quotes] == ["ship", "skip"]
    assert not any(quote.dissent for quote in quotes)


def test_a_panel_of_one_mind_is_quoted_on_each_tool() -> None:
    quotes = composed(pair(100, 100, calls_known=True)).quotes

    assert {quote.about for quote in quotes} == {"Marlow", "Oriel"}


def test_where_calls_are_unknown_nobody_is_said_to_be_for_or_against() -> None:
    view = composed(pair(75, 100))

    assert {quote.about for quote in view.quotes} == {"Marlow", "Oriel"}
    assert {(quote.call, quote.dissent) for quote in view.quotes} == {(None, False)}
    assert view.quotes[0].seat != view.quotes[1].seat
    assert view.note == "Who on the panel made which call isn\u2019t published."


def test_where_calls_are_unknown_the_words_choose_who_is_quoted() -> None:
    revision = pair(75, 100)
    for verdict in revision.contenders[0].verdicts:
        verdict.quote = "A solid win." if verdict.seat != 3 else "Skip it: nobody would pay."

    assert [(quote.about, quote.seat) for quote in composed(revision).quotes][1] == ("Marlow", 3)
    assert not any(quote.dissent for quote in composed(revision).quotes)


def test_nobody_stands_alone_where_share_and_calls_differ() -> None:
    revision = pair(75, 100, calls_known=True)
    revision.contenders[0].panel_share = 50

    assert not any(quote.dissent for quote in composed(revision).quotes)


def test_nothing_is_noted_where_there_was_nothing_to_guess() -> None:
    assert composed(pair(100, 0)).note == ""
    assert composed(pair(75, 100, calls_known=True)).note == ""


def test_a_tool_without_calls_is_quoted_beside_one_that_has_them() -> None:
    revision = pair(75, 100)
    revision.contenders[0].verdicts[3].call = Call.SKIP

    assert [(quote.about, quote.call) for quote in composed(revision).quotes] == [
        ("Oriel", None),
        ("Marlow", "skip"),
    ]


def test_a_lone_call_among_unknown_ones_is_no_dissent() -> None:
    revision = pair(75, 100)
    revision.contenders[0].verdicts[3].call = Call.SKIP

    assert not any(quote.dissent for quote in composed(revision).quotes)


ODD = {
    "no contender": make_revision(title="Nothing left"),
    "one side is gone": make_revision(make_contender(0, "Marlow")),
    "nobody said anything": pair(75, 100),
    "nothing is known": make_revision(
        make_contender(0, "Marlow", panel=None, entry=None, category="", tagline=""),
        make_contender(1, "Oriel", panel=None, entry=None, category="", tagline=""),
    ),
    "a vote of nil": make_revision(make_contender(0, community_share=0.0), make_contender(1)),
    "an endless quote": pair(75, 100),
    "letters with many marks": make_revision(
        make_contender(0, "Z" + "\u0335" * 500), make_contender(1)
    ),
    "words without spaces": make_revision(make_contender(0, "汉" * 400), make_contender(1)),
    "right to left": make_revision(
        make_contender(0, "\u05e9\u05dc\u05d5\u05dd"), make_contender(1)
    ),
}
ODD["no contender"].contenders = []
for each in ODD["nobody said anything"].contenders:
    each.verdicts = []
ODD["an endless quote"].contenders[0].verdicts = [
    Verdict(seat=1, quote="\U0001f469\u200d\U0001f680" * 50_000),
    Verdict(seat=2, quote="\u0627" * 200_000),
    Verdict(seat=3, quote='"' * 9_999),
    Verdict(seat=4, quote=". ".join("A" * 9_999)),
]


@pytest.mark.parametrize("name", ODD)
def test_an_odd_comparison_makes_a_mail_that_may_go(name: str) -> None:
    issue = make_issue(ODD[name])
    mail = render("issue", {"issue": issue})

    assert not forbids_sending(lint_mail(make_copy(issue, mail)))
    for word in ("None", "nan", "Undefined"):
        assert word not in mail.html + mail.text + mail.subject


def test_no_votes_are_a_dash_and_a_vote_of_nil_is_zero() -> None:
    mail = render("issue", {"issue": make_issue(ODD["a vote of nil"])})

    assert "Community   0\u00a0%                            \u2014" in mail.text
    assert "0 %" in mail.html
