"""The texts of the public pages, in each language."""

from __future__ import annotations

from dataclasses import fields

import pytest

from digest.render.page_texts import DE, EN, SiteTexts, site_texts

NAMES = [field.name for field in fields(SiteTexts)]


@pytest.mark.parametrize("name", NAMES)
def test_every_language_has_every_text_with_the_same_placeholders(name: str) -> None:
    english, german = getattr(EN, name), getattr(DE, name)
    assert english
    assert german
    if isinstance(english, str):
        assert german.count("%s") == english.count("%s")
    else:
        assert german.keys() == english.keys()


@pytest.mark.parametrize(
    ("language", "words"), [("de", DE), ("de-AT", DE), ("DE", DE), ("en", EN), ("fr", EN), ("", EN)]
)
def test_an_unknown_language_falls_back_to_english(language: str, words: SiteTexts) -> None:
    assert site_texts(language) is words
