"""The page model: texts in every language, hostile texts, and field errors."""

from __future__ import annotations

import re
from dataclasses import fields
from string import Formatter
from typing import Any

import pytest

from subscribers.address_change import AddressChangeResult
from subscribers.errors import AddressFault
from subscribers.lifecycle import ConfirmResult
from subscribers.web.page_model import Choice, Field, Form, Page
from subscribers.web.wording import LANGUAGES, PageText, TextCatalogue, choose
from tests.subscribers.web.conftest import Site, render

EVIL = """"><script>alert('x')</script>&"""


def texts(value: Any) -> list[str]:
    """Return every text in a value, however deep."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, PageText):
        return [value.title, *value.body]
    if isinstance(value, dict):
        return [text for part in value.values() for text in texts(part)]
    return []


def gaps(words: TextCatalogue, name: str) -> set[str]:
    found = texts(getattr(words, name))
    return {gap for text in found for _, gap, _, _ in Formatter().parse(text) if gap}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_says_everything(language: str) -> None:
    words = LANGUAGES[language]
    assert set(words.faults) == set(AddressFault)
    assert set(words.confirmed) == set(ConfirmResult)
    assert set(words.moved) == set(AddressChangeResult)
    assert all(text.strip() for one in fields(words) for text in texts(getattr(words, one.name)))


@pytest.mark.parametrize("name", [one.name for one in fields(TextCatalogue)])
def test_every_language_leaves_the_same_gaps(name: str) -> None:
    english, german = (gaps(LANGUAGES[code], name) for code in ("en", "de"))
    assert german == english


@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        ("", "", "en"),
        ("de", "en", "de"),
        ("fr", "de", "de"),
        ("", "fr-FR,de;q=0.8,en;q=0.5", "de"),
        ("", "DE-at", "de"),
        ("", "*", "en"),
        ("", "de;q=0.1,en", "en"),
        ("", "de;q=0,fr", "en"),
        ("", "de ; q=0.3 , en;q=0.2", "de"),
        ("", "de;q=nonsense,en;q=0.2", "en"),
        ("", "," * 10_000, "en"),
    ],
)
def test_the_language_is_the_one_wanted_or_the_first_understood(
    wanted: str, accepted: str, language: str
) -> None:
    assert choose(wanted, accepted) == language


def test_a_page_shows_every_text_and_trusts_none() -> None:
    page = Page(
        language="en",
        title=EVIL,
        paragraphs=[EVIL],
        fault=EVIL,
        form=Form(
            action=f"/{EVIL}",
            button=EVIL,
            hidden=((EVIL, EVIL),),
            fields=(Field(name="email", label=EVIL, kind="email", value=EVIL),),
            choices=(Choice(name="c", label=EVIL, options=[(EVIL, EVIL)], chosen=[EVIL]),),
        ),
        links=((EVIL, f"/{EVIL}"),),
        small=EVIL,
    )
    html = render(page)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 14


def test_no_page_loads_anything_from_elsewhere(site: Site) -> None:
    for path in ("/subscribe", "/subscribe/frame", "/c/bad", "/u/bad", "/p/bad", "/a/bad"):
        page = site.http.get(path).text
        assert re.findall(r'(?:src|href|action)="(?:[a-z]+:)?//', page) == []
        assert len(page.encode()) < 20_000


def test_a_fault_is_tied_to_its_field(site: Site) -> None:
    page = site.fill_in("nobody").text
    assert 'role="alert" id="fault"' in page
    assert 'aria-describedby="fault" aria-invalid="true"' in page
