"""The verdict on a comparison in one line, in English and in German."""

from __future__ import annotations

import pytest

from digest.comparisons.models import Revision
from digest.issues.content.compose import comparison_view
from tests.render.samples import make_contender, make_revision


def verdict(left: float | None, right: float | None, language: str = "en", seats: int = 4) -> str:
    revision = make_revision(
        make_contender(0, "Marlow", panel=left), make_contender(1, "Oriel", panel=right)
    )
    revision.seats = seats
    return said(revision, language)


def said(revision: Revision, language: str = "en") -> str:
    view = comparison_view(revision, base_url="", web_url="", language=language)
    assert view.brief == f"{view.verdict_lead} {view.verdict_rest}".strip()
    return view.brief


@pytest.mark.parametrize(
    ("left", "right", "line"),
    [
        (75, 100, "Ship Oriel. All four reviewers would; one would skip Marlow."),
        (100, 50, "Ship Marlow. All four reviewers would; two would skip Oriel."),
        (100, 25, "Ship Marlow. All four reviewers would; only one would ship Oriel."),
        (100, 0, "Ship Marlow. All four reviewers would; none would ship Oriel."),
        (75, 50, "Ship Marlow. Three of four reviewers would; two would ship Oriel."),
        (75, 25, "Ship Marlow. Three of four reviewers would; only one would ship Oriel."),
        (0, 75, "Ship Oriel. Three of four reviewers would; none would ship Marlow."),
        (
            50,
            25,
            "Marlow, if either. Two of four reviewers would ship Marlow; only one would ship"
            " Oriel.",
        ),
        (25, 0, "Skip both. One of four reviewers would ship Marlow; none would ship Oriel."),
        (100, 100, "Ship either. All four reviewers would ship both."),
        (75, 75, "Ship either. Each has three of four reviewers behind it."),
        (50, 50, "A tie. Each has two of four reviewers behind it."),
        (25, 25, "Skip both. Each has one of four reviewers behind it."),
        (0, 0, "Skip both. Not one of the four reviewers would ship either."),
        (61.8, 40, "Ship Marlow. The panel rates it above Oriel."),
        (40, 33, "Skip both. Most of the panel would ship neither."),
        (60, 60, "Ship either. The panel rates them alike."),
        (75, None, "Ship Marlow. The panel’s vote on Oriel hasn’t been published."),
        (None, 50, "Split on Oriel. The panel’s vote on Marlow hasn’t been published."),
        (0, None, "Skip Marlow. The panel’s vote on Oriel hasn’t been published."),
        (None, None, "No verdict yet. The panel’s vote hasn’t been published."),
        (float("nan"), 250, "No verdict yet. The panel’s vote hasn’t been published."),
    ],
)
def test_the_verdict_says_what_to_do_and_who_is_behind_it(
    left: float | None, right: float | None, line: str
) -> None:
    assert verdict(left, right) == line


@pytest.mark.parametrize(
    ("left", "right", "seats", "line"),
    [
        (100, 50, 2, "Ship Marlow. Both reviewers would; one would skip Oriel."),
        (100, 0, 1, "Ship Marlow. The panel rates it above Oriel."),
        (100, 75, 12, "Ship Marlow. All twelve reviewers would; three would skip Oriel."),
        (75, 50, 20, "Ship Marlow. 15 of 20 reviewers would; ten would ship Oriel."),
    ],
)
def test_a_panel_of_any_size_is_counted(left: float, right: float, seats: int, line: str) -> None:
    assert verdict(left, right, seats=seats) == line


@pytest.mark.parametrize(
    ("left", "right", "line"),
    [
        (
            75,
            100,
            "Nehmen Sie Oriel. Alle vier Jurymitglieder würden es nehmen; eines würde auf Marlow"
            " verzichten.",
        ),
        (
            75,
            25,
            "Nehmen Sie Marlow. Drei von vier Jurymitgliedern würden es nehmen, nur eines Oriel.",
        ),
        (
            25,
            0,
            "Verzichten Sie auf beide. Eines von vier Jurymitgliedern würde Marlow nehmen, keines"
            " Oriel.",
        ),
        (50, 50, "Gleichstand. Jedes hat zwei von vier Jurymitgliedern hinter sich."),
    ],
)
def test_a_german_verdict_is_a_german_sentence(left: float, right: float, line: str) -> None:
    assert verdict(left, right, "de") == line


def test_the_tool_that_is_left_is_judged_alone() -> None:
    assert said(make_revision(make_contender(0, "Marlow"))) == "Ship Marlow."


def test_calls_count_where_no_share_is_published() -> None:
    revision = make_revision(
        make_contender(0, "Marlow", calls_known=True),
        make_contender(1, "Oriel", panel=25, calls_known=True),
    )
    for side in revision.contenders:
        side.panel_share = None

    assert said(revision).startswith("Ship Marlow. Three of four reviewers would;")
