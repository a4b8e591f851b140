"""JSON-LD of a comparison: valid, true, whole, and no way out of its element."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from playwright.sync_api import Browser

from digest import samples
from digest.comparisons import store
from digest.comparisons.editing import draft_of_revision
from digest.comparisons.loader import read_file
from digest.comparisons.models import Comparison, Revision, SourceForm, Tool
from digest.comparisons.schema import ComparisonDraft, draft_of, fingerprint
from digest.comparisons.slug import slugify
from digest.sources.pages import read_page
from digest.web.sharing import structured_data
from tests.web.browser import visitor
from tests.web.conftest import SLUG, Running

HOSTILE = "</script><script>alert(1)</script><!-- \u00a0 & '"
ADDRESS = "https://news.example.com/comparisons/a-vs-b"


def revision_of(draft: ComparisonDraft) -> Revision:
    return store.revision_row(
        draft,
        Comparison(slug=draft.slug or slugify(draft.title), first_imported_at=datetime.now(tz=UTC)),
        [Tool(slug=slugify(side.name), name=side.name) for side in draft.contenders],
        fingerprint="",
        now=datetime(2026, 11, 24, tzinfo=UTC),
    )


def published(draft: ComparisonDraft, language: str = "en") -> str:
    """A page of HTML with the data of a comparison."""
    data = structured_data(revision_of(draft), address=ADDRESS, language=language)
    return f"<title>A</title><main>…</main><script type='application/ld+json'>{data}</script>"


def read_back(html: str) -> ComparisonDraft:
    return read_page(html.encode(), content_type="text/html; charset=utf-8", url=ADDRESS)


def content(draft: ComparisonDraft) -> str:
    """The content but for what a page doesn't say: its weight, and a name that is its title's."""
    slug = draft.slug or slugify(draft.title)
    named = {"slug": slug, "weight": 1.0, "url": draft.url or ADDRESS}
    return fingerprint(draft.model_copy(update=named))


@pytest.mark.parametrize("path", samples.comparisons(), ids=lambda path: path.stem[:20])
@pytest.mark.parametrize("language", ["en", "de"])
def test_what_a_page_says_reads_back_the_same(path: Path, language: str) -> None:
    draft = read_file(path)
    assert content(read_back(published(draft, language))) == content(draft)


TEXT = some.text(
    some.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029"),
    max_size=30,
).filter(lambda text: not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
ODD = TEXT | some.sampled_from([HOSTILE, "<b>x</b> <a href='y'>", "{{ x }}", "&lt;", '"\\"'])


@given(odd=ODD, prose=ODD, share=some.none() | some.floats(0, 100), seats=some.integers(4, 12))
def test_odd_words_read_back_the_same(
    odd: str, prose: str, share: float | None, seats: int
) -> None:
    sides: list[dict[str, Any]] = [
        {
            "name": f"{name} {odd}",
            "tagline": odd,
            "description": f"{prose}\n\n{odd}",
            "panel_share": share,
            "entry": odd,
            "verdicts": [
                {"seat": 3, "quote": f"x{prose}", "call": "skip", "reviewer": f"R {odd}"},
                {"seat": 1, "quote": f"{odd}\n\ny"},
            ],
        }
        for name in ("A", "B")
    ]
    told = {"title": f"x {odd}", "question": odd, "closing": [f"z {odd}"], "labels": ["l"]}
    draft = draft_of(
        {**told, "contenders": sides, "seats": seats, "url": ADDRESS},
        form=SourceForm.JSON,
        source="",
    )

    assert content(read_back(published(draft))) == content(draft)


def test_a_page_lists_both_tools_with_every_verdict_as_a_review(site: Running) -> None:
    page = site.get(f"/comparisons/{SLUG}").text
    (data,) = re.findall(r'<script type="application/ld\+json">(.*)</script>', page)
    told = json.loads(data)

    assert told["@context"] == "https://schema.org"
    assert told["url"] == f"https://news.example.com/comparisons/{SLUG}"
    tools = told["itemListElement"]
    assert [tool["name"] for tool in tools] == ["Lintwick", "Ravelin Coder 2"]
    assert {tool["@type"] for tool in tools} == {"SoftwareApplication"}
    reviews = [review for tool in tools for review in tool["review"]]
    assert len(reviews) == 8
    assert {review["author"]["@type"] for review in reviews} == {"Person"}
    assert all(review["author"]["name"].startswith("Reviewer ") for review in reviews)
    assert all(review["reviewBody"] in unescape(page) for review in reviews)
    assert "ating" not in data  # nobody gave marks


def test_another_installation_reads_the_same_from_every_public_page(site: Running) -> None:
    listed = re.findall(r"<loc>(.*/comparisons/[^<]+)</loc>", site.get("/sitemap.xml").text)
    assert len(listed) > 2
    for address in listed:
        slug = address.rpartition("/")[2]
        answer = site.get(f"/comparisons/{slug}")
        with site.app.database.read() as session:
            stored = draft_of_revision(store.latest(session, store.by_slug(session, slug)))
        told = read_page(answer.content, content_type=answer.headers["Content-Type"], url=address)

        named = stored.model_copy(update={"url": stored.url or address})
        assert content(told) == content(named)


def test_no_name_ends_the_element_it_stands_in() -> None:
    draft = read_file(samples.comparisons()[0]).model_copy(update={"title": HOSTILE})

    data = str(structured_data(revision_of(draft), address=ADDRESS, language="en"))

    assert not set(data) & set("<>&'\u2028")
    assert json.loads(data)["name"] == HOSTILE


@pytest.mark.browser
def test_the_policy_of_the_page_lets_the_data_stand(site: Running, browser: Browser) -> None:
    with visitor(browser) as window:
        page = window.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(f"{site.url}/comparisons/{SLUG}")

        assert page.locator("script[type='application/ld+json']").count() == 1

    assert complaints == []
