"""An accent that can be read in light and dark."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.render.accent import (
    DARK_PAGE,
    OWN,
    PAGE,
    Accent,
    BadColour,
    FaintColour,
    accent_of,
    parse_accent,
)
from digest.render.engine import render
from digest.render.lint import ENOUGH_CONTRAST, contrast_ratio, lint_mail, parse_colour
from tests.render.samples import full_week, make_copy, make_issue
from tests.render.test_golden import LETTER


def contrast(first: str, second: str) -> float:
    one, other = parse_colour(first), parse_colour(second)
    assert one is not None
    assert other is not None
    return contrast_ratio(one, other)


@pytest.mark.parametrize("colour", ["#2744c4", "#000000", "#8a1c5b", "#0f766e", "#b3261e"])
def test_the_dark_pages_accent_can_be_read_there(colour: str) -> None:
    assert parse_accent(colour) == colour
    assert contrast(accent_of(colour).dark, DARK_PAGE) >= ENOUGH_CONTRAST


@pytest.mark.parametrize("colour", ["#ffcc00", "#ffffff", "#9db0ff", "#00ff00"])
def test_the_nearest_legible_colour_is_legible_and_of_the_same_hue(colour: str) -> None:
    with pytest.raises(FaintColour) as fault:
        parse_accent(colour)
    nearest = fault.value.nearest
    assert parse_accent(nearest) == nearest
    assert ENOUGH_CONTRAST <= contrast(nearest, PAGE) < ENOUGH_CONTRAST + 0.1


@pytest.mark.parametrize("text", ["", "blue", "#12", "#12345", "#2744c4;}", "red; x:y"])
def test_a_text_that_is_no_colour_says_how_one_is_written(text: str) -> None:
    with pytest.raises(BadColour, match="#2744c4"):
        parse_accent(text)


def test_a_short_colour_is_read_as_the_long_one() -> None:
    assert parse_accent(" 24C ") == "#2244cc"


def test_no_accent_is_the_designs_own() -> None:
    assert accent_of("") == OWN == Accent("#2744c4", "#9db0ff")


def test_a_mail_has_its_newsletters_accent_in_light_and_dark_and_passes_every_check() -> None:
    accent = accent_of("#0f766e")
    view = replace(make_issue(*full_week()), accent=accent)
    mail = render("issue", {"issue": view})
    assert mail.html.count(accent.light) > 5
    assert mail.html.count(accent.dark) == 4  # words and grounds, for Outlook as well
    assert OWN.light not in mail.html
    assert OWN.dark not in mail.html
    assert [each for each in lint_mail(make_copy(view, mail)) if each.rule == "contrast"] == []


def test_a_letter_has_its_newsletters_accent() -> None:
    accent = accent_of("#8a1c5b")
    mail = render("letter", {"letter": replace(LETTER, accent=accent)})
    assert accent.light in mail.html
    assert accent.dark in mail.html
    assert OWN.light not in mail.html
