"""The entry of a comparison in the directory: its words, and that it follows the revision."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session, select

from digest.comparisons import editorial, store
from digest.comparisons.models import DirectoryEntry
from digest.comparisons.search_words import words
from digest.db import Database
from tests.comparisons.conftest import MakeDraft


def entry(session: Session) -> DirectoryEntry:
    return session.exec(select(DirectoryEntry)).one()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Café CRÈME, straße!", ["cafe", "creme", "strasse"]),
        ("GPT-4o's e_mail: v3.5", ["gpt", "4o", "s", "e", "mail", "v3", "5"]),
        ("比較ツールII", ["比", "較", "ツ", "ー", "ル", "ii"]),
        ('\' OR 1=1; -- "x" * (NEAR) \0 \\', ["or", "1", "x", "near"]),
        ("٪ ☃ — ", []),
        ("twice Twice", ["twice"]),
    ],
)
def test_a_text_is_taken_apart_into_plain_words(text: str, found: list[str]) -> None:
    assert words([text]) == found


def test_no_text_has_words_without_end() -> None:
    assert words(["x" * 5000]) == ["x" * 40]
    assert sum(len(word.encode()) + 1 for word in words(map(str, range(10**5)))) < 2**20


def test_an_entry_is_of_the_newest_revision_whoever_made_it(
    database: Database, make_draft: MakeDraft, now: datetime
) -> None:
    with database.write() as session:
        store.store_draft(session, make_draft(published_on=date(2026, 11, 1)), now=now)
        assert entry(session).day == date(2026, 11, 1)
        store.store_draft(session, make_draft(published_on=None), now=now + timedelta(days=2))
        assert entry(session).day == now.date()
        editorial.set_values(
            session,
            "lathe-vs-mortar",
            weight=None,
            published_on=date(2026, 11, 3),
            category="Café Müsli",
            now=now,
        )
        made = entry(session)
        assert (made.day, made.left_category) == (date(2026, 11, 3), "cafe-musli")
        assert made.right_category == "cafe-musli"


def test_the_longest_comparison_that_can_be_read_has_an_entry(
    database: Database, make_draft: MakeDraft, now: datetime
) -> None:
    draft = make_draft(seats=12)
    sides = tuple(
        side.model_copy(
            update={
                "verdicts": tuple(
                    verdict.model_copy(
                        update={"quote": " ".join(f"字{side_no}{n}x{i}" for i in range(1900))}
                    )
                    for n, verdict in enumerate(side.verdicts)
                )
            }
        )
        for side_no, side in enumerate(draft.contenders)
    )
    with database.write() as session:
        store.store_draft(session, draft.model_copy(update={"contenders": sides}), now=now)
        assert "lathe" in entry(session).names
