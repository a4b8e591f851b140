"""Composing an issue: subject, headline, opening and preheader from the picked comparisons."""

from __future__ import annotations

import re
from datetime import date

import pytest

from digest.comparisons.models import Call, Entry, Revision, Verdict
from digest.errors import NothingToPick
from digest.issues.content.compose import compose
from digest.issues.content.view import ComparisonView
from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG
from digest.render.engine import render
from digest.render.graphemes import graphemes
from digest.render.lint.rules.subject_line import PREHEADER_LEAST, PREHEADER_MOST
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


@pytest.mark.parametrize(
    ("closing", "language", "said"),
    [
        (["A series", "Join us", "You will like it."], "en", ("Join us", "You will like it.")),
        (["The weekly pair", "Join us"], "en", ("Get the next comparison in your inbox",)),
        (["The weekly pair"], "en", ("Get the next comparison in your inbox",)),
        ([], "en", ("Get the next comparison in your inbox",)),
        (
            ["A series", "Join us", "You will like it."],
            "de",
            ("Den nächsten Vergleich direkt ins Postfach",),
        ),
    ],
)
def test_new_readers_are_invited_by_the_page_only_where_it_has_an_invitation(
    closing: list[str], language: str, said: tuple[str, ...]
) -> None:
    lead, newsletter = make_revision(), make_newsletter()
    lead.closing, newsletter.language = closing, language

    assert make_issue(lead, newsletter=newsletter).invitation == said


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
        (75, 100, "Oriel beats Marlow, four ships to three"),
        (100, 0, "Marlow beats Oriel, four ships to none"),
        (60, 40, "Marlow beats Oriel, 60% to 40%"),
        (0, 25, "Marlow or Oriel? The panel would ship neither"),
        (100, 100, "Marlow or Oriel? The panel would ship both"),
        (0, 0, "Marlow or Oriel? The panel would ship neither"),
        (50, 50, "Marlow and Oriel tie, two ships each"),
        (75, None, "Marlow: 75% of the panel would ship it"),
        (None, None, "Marlow vs Oriel"),
    ],
)
def test_the_subject_says_what_the_panel_found(
    left: float | None, right: float | None, subject: str
) -> None:
    issue = make_issue(pair(left, right))

    assert issue.subject == issue.title == subject


def test_a_subject_with_long_names_gives_up_words_before_letters() -> None:
    revision = make_revision(
        make_contender(0, "Lantern Code 3", panel=75),
        make_contender(1, "Quayside Serverless Inference", panel=100),
    )

    issue = make_issue(revision)
    assert issue.subject == "Quayside Serverless Inference beats Lantern Code 3"
    assert issue.title == f"{issue.subject}, four ships to three"


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


def test_d21_a_sentence_that_ends_with_a_name_cut_short_has_no_fourth_dot() -> None:
    name = "The Cloud Inference Platform for Regulated Industries " * 4
    view = composed(make_revision(make_contender(0, "Marlow"), make_contender(1, name, panel=25)))
    assert view.brief.endswith("…")
    assert "…." not in view.brief


def test_a_tool_is_called_by_its_short_name_where_the_rest_describes_it() -> None:
    right = make_contender(
        1,
        "Modal GPU Serverless Inference",
        panel=100.0,
        tagline="Serverless GPU inference with sub-100ms cold starts for LLMs",
        description="Modal’s serverless GPU inference platform starts in an instant.",
    )
    issue = make_issue(make_revision(make_contender(0, "Code Llama 4"), right))

    assert issue.title == "Modal beats Code Llama 4, four ships to three"
    assert issue.comparisons[0].verdict_lead == "Ship Modal."


@pytest.mark.parametrize(
    ("tagline", "description"),
    [
        ("Your pair programmer", "GitHub Copilot writes code."),  # the whole name is used
        ("Your pair programmer", "GitHub’s assistant writes code."),  # "Copilot" is a name
        ("A copilot for your code", "Copilot writes code."),  # another short name
        ("A copilot for your code", "GitHub Copilot writes code."),
        ("", ""),
    ],
)
def test_a_name_is_kept_whole_where_its_first_word_may_be_another_thing(
    tagline: str, description: str
) -> None:
    left = make_contender(0, "GitHub Copilot", tagline=tagline, description=description)

    assert composed(make_revision(left, make_contender(1))).contenders[0].short_name == left.name


def test_the_preheader_names_what_else_is_inside() -> None:
    issue = make_issue(*full_week())

    assert issue.preheader == (
        "Also: Marlow vs Fieldnote Research Agent, Tidemark SQL vs Brook and two more."
    )


def test_the_preheader_of_one_comparison_is_the_sharpest_quote() -> None:
    issue = make_issue(pair(75, 100))

    sharpest = issue.preheader.strip("“”")
    assert any(sharpest in quote.text for quote in issue.comparisons[0].quotes)


@pytest.mark.parametrize("quote", ["", "No.", "x" * 30, "x" * 41, "x y " * 30, "汉" * 400])
@pytest.mark.parametrize("count", [1, 2, 3, 12])
@pytest.mark.parametrize("name", ["A", "N" * 30, "N" * 80])
@pytest.mark.parametrize("language", ["en", "de"])
def test_3_the_preheader_never_fails_its_own_check(
    quote: str, count: int, name: str, language: str
) -> None:
    newsletter = make_newsletter()
    newsletter.language = language
    revision = make_revision(make_contender(0, name, panel=None), make_contender(1, name))
    for side in revision.contenders:
        for verdict in side.verdicts:
            verdict.quote = quote
    issue = make_issue(*[revision] * count, newsletter=newsletter)

    assert PREHEADER_LEAST <= sum(1 for _ in graphemes(issue.preheader)) <= PREHEADER_MOST


def test_the_first_is_told_in_full_two_more_in_medium_and_the_others_in_brief() -> None:
    comparisons = make_issue(*full_week(), *full_week()).comparisons

    assert [each.depth for each in comparisons] == ["full", "medium", "medium", *["brief"] * 7]
    assert all(0 < len(each.quotes) <= 2 for each in comparisons[1:3])
    assert not any(each.quotes or each.note for each in comparisons[3:])
    assert all(each.brief for each in comparisons)


def test_in_medium_every_dissent_is_quoted() -> None:
    lone = pair(75, 25, calls_known=True)
    medium = make_issue(lone, lone).comparisons[1]

    assert [quote.about for quote in medium.quotes if quote.dissent] == ["Oriel", "Marlow"]


def named(revision: Revision, *names: str) -> Revision:
    for side in revision.contenders:
        for verdict, name in zip(side.verdicts, names, strict=False):
            verdict.reviewer = name
    return revision


def bylines(*revisions: Revision) -> set[str]:
    issue = make_issue(*revisions)
    return {quote.byline for each in issue.comparisons for quote in each.quotes}


def test_30_a_reviewer_has_one_name_in_the_whole_issue() -> None:
    builders = named(pair(75, 25), "The builder", "The sceptic", "The futurist", "The founder")

    assert not {each for each in bylines(builders, pair(75, 100)) if "Reviewer" in each}
    assert not {each for each in bylines(pair(75, 100), builders) if "Reviewer" in each}


def test_30_no_name_is_lent_to_another_panel_or_where_the_names_differ() -> None:
    builders = named(pair(75, 25), *["The builder"] * 4)
    others = named(pair(75, 25), *["The tester"] * 4)
    small = pair(None, None)
    small.seats = 3

    assert any(each.startswith("Reviewer") for each in bylines(small, builders))
    assert any(each.startswith("Reviewer") for each in bylines(pair(75, 100), builders, others))


def test_a_panel_of_two_is_called_both() -> None:
    revision = pair(100, 50)
    revision.seats = 2
    for side in revision.contenders:
        del side.verdicts[2:]

    assert [each.split for each in composed(revision).contenders] == [
        "Both ship",
        "1 ship · 1 skip",
    ]


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

    assert composed(revision).contenders[0].split == "3 ship · 1 skip"


@pytest.mark.parametrize(
    ("entry", "text", "shown"),
    [
        (Entry.FREE, "", "Free"),
        (Entry.PAID, "from $20", "Paid"),
        (Entry.OTHER, "Waitlist", "Waitlist"),
        (None, "", ""),
    ],
)
def test_the_pricing_is_said_in_a_word(entry: Entry | None, text: str, shown: str) -> None:
    revision = make_revision(make_contender(0, entry=entry, entry_text=text))

    assert composed(revision).contenders[0].pricing == shown


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


@pytest.mark.parametrize(
    ("left", "right", "quoted"),
    [
        (75, 50, [("ship", "Marlow"), ("skip", "Marlow")]),
        (50, 100, [("ship", "Oriel"), ("skip", "Marlow")]),
        (75, 25, [("ship", "Marlow"), ("ship", "Oriel"), ("skip", "Marlow")]),
        (50, 0, [("ship", "Marlow"), ("skip", "Oriel")]),
    ],
)
def test_the_verdict_is_argued_for_by_one_who_shares_it(
    left: float, right: float, quoted: list[tuple[str, str]]
) -> None:
    quotes = composed(pair(left, right, calls_known=True)).quotes

    assert [(quote.call, quote.about) for quote in quotes] == quoted


def test_both_tools_are_quoted_where_the_words_on_one_tell_no_calls() -> None:
    revision = pair(50, 50)
    left, right = revision.contenders
    for verdict in left.verdicts:
        verdict.quote = "Skip it: nobody would pay." if verdict.seat > 2 else "A clear ship."
    for verdict in right.verdicts:
        verdict.quote = "A solid win."

    assert {quote.about for quote in composed(revision).quotes} == {"Marlow", "Oriel"}


def test_an_even_split_is_quoted_from_both_sides() -> None:
    quotes = composed(pair(50, 50, calls_known=True)).quotes

    assert [quote.call for quote in quotes] == ["ship", "skip"]
    assert not any(quote.dissent for quote in quotes)


def test_a_panel_of_one_mind_is_quoted_on_each_tool() -> None:
    quotes = composed(pair(100, 100, calls_known=True)).quotes

    assert {quote.about for quote in quotes} == {"Marlow", "Oriel"}


def test_where_calls_are_unknown_nobody_is_said_to_be_for_or_against() -> None:
    view = composed(pair(75, 50))

    assert {quote.about for quote in view.quotes} == {"Marlow", "Oriel"}
    assert {(quote.call, quote.dissent) for quote in view.quotes} == {(None, False)}
    assert view.quotes[0].seat != view.quotes[1].seat
    assert view.note == "The reviewers’ individual votes weren’t published."


def test_calls_that_follow_from_the_share_are_shown_and_never_called_unpublished() -> None:
    view = composed(pair(75, 100))

    assert [(quote.byline, quote.call) for quote in view.quotes] == [
        (f"Reviewer {view.quotes[0].seat} would ship Oriel", "ship"),
        (f"Reviewer {view.quotes[1].seat} on Marlow", None),
    ]
    assert view.note == "The reviewers’ individual votes on Marlow weren’t published."
    assert composed(pair(100, 0)).note == ""


def test_the_last_call_follows_from_the_share_and_the_others() -> None:
    revision = pair(75, 100)
    for verdict in revision.contenders[0].verdicts[:3]:
        verdict.call = Call.SHIP
    quotes = composed(revision).quotes

    assert quotes[-1].byline == "Reviewer 4, the only one to skip Marlow"


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
    revision = pair(50, None)
    revision.contenders[0].verdicts[3].call = Call.SKIP
    called = {quote.about: quote.call for quote in composed(revision).quotes}

    assert called == {"Oriel": None, "Marlow": "skip"}


def test_a_lone_call_among_unknown_ones_is_no_dissent() -> None:
    revision = pair(50, 100)
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
        assert not re.search(rf"\b{word}\b", mail.html + mail.text + mail.subject)


def test_no_votes_are_said_and_a_vote_of_nil_is_zero() -> None:
    left, right = composed(ODD["a vote of nil"]).contenders

    assert (left.community, right.community) == ("0% would ship", "No votes yet")
