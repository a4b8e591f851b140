"""Slugs: short, stable, distinct, and safe in a path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.comparisons.slug import LONGEST, slugify


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Lathe vs Mortar Studio", "lathe-vs-mortar-studio"),
        ("  Café -- Crème!  ", "cafe-creme"),
        ("Straße & Łódź", "strasse-and-lodz"),
        ("C++ vs C#", "c-plus-plus-vs-c-sharp"),
        ("GPT-4.1", "gpt-4-1"),
        ("ことば工房 vs Lexicart", "ことば工房-vs-lexicart"),
        ("が", "が"),
        ("Ёлка", "ёлка"),
        ("हिन्दी", "हिन्दी"),
        ("İstanbul", "istanbul"),
        ("\uff26ull", "full"),
        ("../../etc", "etc"),
    ],
)
def test_a_text_becomes_a_slug(text: str, slug: str) -> None:
    assert slugify(text) == slug


def test_a_text_without_letters_has_a_slug_of_its_own() -> None:
    assert slugify("★") != slugify("☆")
    assert slugify("★").startswith("x-")


def test_long_texts_that_differ_late_have_different_slugs() -> None:
    first, second = (slugify("a" * 300 + end) for end in "bc")
    assert first != second
    assert len(first) <= LONGEST


@given(st.text())
def test_a_slug_is_its_own_slug(text: str) -> None:
    slug = slugify(text)
    assert slugify(slug) == slug


@given(st.text())
def test_a_slug_is_short_and_fit_for_a_path(text: str) -> None:
    slug = slugify(text)
    assert 0 < len(slug) <= LONGEST
    assert not set(slug) & set(" /\\.?#%&\"'<>\n")
    assert slug.strip("-") == slug
