"""The text part of an issue: what the mail says, in lines of 72 columns."""

from __future__ import annotations

import re

import pytest

from digest.comparisons.models import Revision
from digest.issues.content import Depth, IssueView
from digest.render.engine import render
from digest.render.graphemes import text_width
from tests.render.samples import (
    full_week,
    make_contender,
    make_correction,
    make_issue,
    make_newsletter,
    make_revision,
)


def text(view: IssueView) -> str:
    return render("issue", {"issue": view, "language": view.language}).text


def wide() -> Revision:
    """Return a comparison whose every name, label and word is as long as the mail takes."""
    revision = make_revision(
        *(
            make_contender(
                side,
                f"{'Regulated ' * 7}Tool {side}",
                category="Infrastructure for Regulated Industries",
                tagline="words " * 25,
                url=f"https://tool.example/{side}",
            )
            for side in (0, 1)
        )
    )
    revision.labels = ["One month test, on machines of our own", "The editor’s pick of November"]
    for side in revision.contenders:
        for verdict in side.verdicts:
            verdict.reviewer = "The reviewer who was a platform lead at a bank " + "and more " * 3
    return revision


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("comparisons", [[], full_week(), [wide()] * 4])
def test_d22_every_line_fits_72_columns_but_links(
    comparisons: list[Revision], language: str
) -> None:
    newsletter = make_newsletter()
    newsletter.language = language
    lines = text(make_issue(*comparisons, newsletter=newsletter)).splitlines()

    assert [line for line in lines if text_width(line) > 72 and "://" not in line] == []


def test_d22_a_correction_fits_as_well() -> None:
    lines = text(make_correction()).splitlines()
    assert [line for line in lines if text_width(line) > 72 and "://" not in line] == []


def test_d9_the_text_says_what_each_tool_is() -> None:
    issue = make_issue(*full_week())
    said = set(text(issue).split())

    assert {each.depth for each in issue.comparisons} == set(Depth)
    for each in issue.comparisons:
        for side in each.contenders:
            assert set(side.tagline.split()) <= said


def test_the_text_says_all_that_a_comparison_says() -> None:
    view = make_issue(*full_week())
    said = "".join(text(view).split())

    for each in view.comparisons:
        told = [each.title.upper(), each.brief, each.category, each.note, *each.labels]
        told += [each.kicker, each.question] if each.depth == "full" else []
        told += [words for quote in each.quotes for words in (quote.text, quote.byline)]
        assert [words for words in told if "".join(words.split()) not in said] == []
        assert each.url in said


def test_a_comparison_links_its_tools() -> None:
    assert re.search(r"^https://tool\.example/1$", text(make_issue(wide())), re.MULTILINE)


def test_the_text_says_what_the_mail_says_where_words_or_seats_are_missing() -> None:
    bare = make_contender(0, "Lathe", panel=60.0, tagline="")
    bare.description = "Turns wood.\n\nAnd metal."
    unknown = make_contender(1, "Mortar", panel=None, tagline="Mixes things")

    told = text(make_issue(make_revision(bare, unknown)))

    assert re.search(r"^ {14}Turns wood\. +Mixes things$", told, re.MULTILINE)
    assert re.search(r"^ {14}would ship +No share yet$", told, re.MULTILINE)


def test_a_row_without_any_price_is_left_out_as_in_the_mail() -> None:
    sides = [make_contender(side, name, entry=None) for side, name in enumerate(["One", "Two"])]
    made = render("issue", {"issue": make_issue(make_revision(*sides)), "language": "en"})

    assert "Pricing" not in made.text
    assert "Pricing" not in made.html
