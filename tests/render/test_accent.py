"""An accent that can be read in light and dark."""

from __future__ import annotations

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
from digest.render.lint import ENOUGH_CONTRAST, contrast_ratio, parse_colour


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
