"""Graphemes: text split, cut and measured by what a reader sees as one letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from digest.render.graphemes import graphemes, text_width, truncate

ASTRONAUT = "\U0001f469\U0001f3fd\u200d\U0001f680"
WALES = "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("abc", ["a", "b", "c"]),
        ("e\u0301a", ["e\u0301", "a"]),
        (f"{ASTRONAUT}x", [ASTRONAUT, "x"]),
        (f"{WALES}{WALES}", [WALES, WALES]),
        (
            "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7",
            ["\U0001f1e9\U0001f1ea", "\U0001f1eb\U0001f1f7"],
        ),
        ("\r\n", ["\r\n"]),
        ("\u1112\u1161\u11ab\u1100", ["\u1112\u1161\u11ab", "\u1100"]),
        ("\u0928\u093f\u0926", ["\u0928\u093f", "\u0926"]),
        ("\u0915\u094d\u0937\u093f", ["\u0915\u094d\u0937\u093f"]),
    ],
)
def test_text_is_divided_into_graphemes(text: str, parts: list[str]) -> None:
    assert list(graphemes(text)) == parts


@given(st.text())
def test_nothing_is_lost_or_added(text: str) -> None:
    assert "".join(graphemes(text)) == text


@given(st.text(max_size=60), st.integers(min_value=2, max_value=20))
def test_truncated_text_keeps_to_its_limit(text: str, limit: int) -> None:
    assert len(list(graphemes(truncate(text, limit)))) <= limit


@pytest.mark.parametrize(
    ("text", "limit", "kept"),
    [
        ("short", 5, "short"),
        ("one two three", 10, "one two\u2026"),
        ("one two, three", 9, "one two\u2026"),
        ("abcdefghij", 5, "abcd\u2026"),
        (ASTRONAUT * 3, 2, f"{ASTRONAUT}\u2026"),
        ("a\u0335\u0335\u0335\u0335" * 9, 4, "a\u0335\u0335\u0335\u0335" * 2 + "\u2026"),
    ],
)
def test_truncating_ends_after_a_word_and_never_inside_a_grapheme(
    text: str, limit: int, kept: str
) -> None:
    assert truncate(text, limit) == kept


def test_a_very_long_text_is_truncated_without_reading_all_of_it() -> None:
    assert truncate("x" * 5_000_000, 10) == "xxxxxxxxx\u2026"


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("abc", 3),
        ("e\u0301", 1),
        ("汉字", 4),
        (ASTRONAUT, 2),
        ("\u200b", 0),
        ("\u2764\ufe0f", 2),
        ("\u0915\u094d\u0937\u093f", 2),
    ],
)
def test_width_is_in_columns_of_a_fixed_width_font(text: str, width: int) -> None:
    assert text_width(text) == width


@pytest.mark.parametrize("text", ["plain words", "“so it goes” – naïve…", "a\u00adb", ""])
def test_letters_that_never_join_are_single_characters(text: str) -> None:
    assert list(graphemes(text)) == list(text)


@pytest.mark.parametrize(
    "blocks", [[(0, 0x300)], [(0x20, 0x7F), (0x2010, 0x2028), (0x20AC, 0x20AD)]]
)
def test_characters_told_apart_without_the_tables_are_told_apart_by_them(
    blocks: list[tuple[int, int]],
) -> None:
    letters = [chr(code) for block in blocks for code in range(*block)]
    for first in letters:
        text = "".join(f"{first}{second}" for second in letters)
        assert list(graphemes(text)) == list(iter_graphemes(text))


def test_a_soft_hyphen_takes_no_column() -> None:
    assert text_width("a\u00adb") == 2
