"""JSON-LD that says a whole comparison is read back to the same."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from digest import samples
from digest.comparisons import store
from digest.comparisons.loader import read_file
from digest.comparisons.models import Comparison, Revision, SourceForm, Tool
from digest.comparisons.schema import ComparisonDraft, draft_of, fingerprint
from digest.comparisons.slug import slugify
from digest.sources.pages import read_page
from tests.sources.pages.whole_data import whole_data

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
    data = whole_data(revision_of(draft), address=ADDRESS, language=language)
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
