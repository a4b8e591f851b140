"""What editors change of a stored comparison, and that imports leave it so."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from digest.comparisons import editorial, store
from digest.comparisons.editing import draft_of_revision, keep, with_words
from digest.comparisons.page_parser import parse_page
from digest.comparisons.store import ImportOutcome
from digest.db import Database
from digest.errors import ComparisonUnreadable, WrongState
from tests.comparisons.conftest import MakeDraft
from tests.conftest import NOW


@pytest.mark.parametrize("named", [False, True], ids=["no slug", "slug in the file"])
def test_what_an_editor_has_set_outlives_the_next_import(
    database: Database, page: str, now: datetime, named: bool
) -> None:
    draft = parse_page(page)
    draft = draft.model_copy(update={"slug": "lathe"}) if named else draft
    with database.write() as session:
        slug = store.store_draft(session, draft, now=now).slug
        done = editorial.set_values(
            session, slug, weight=3.0, published_on=date(2026, 12, 1), category="Search", now=now
        )
        again = store.store_draft(session, draft, now=now)
        newest = store.latest(session, store.by_slug(session, slug))
    assert done.number == 2
    assert again.outcome is ImportOutcome.UNCHANGED
    assert (newest.weight, newest.published_on) == (3.0, date(2026, 12, 1))
    assert [side.category for side in newest.contenders] == ["Search", "Search"]
    assert newest.contenders[0].verdicts[0].quote.startswith("Seat one about Lathe")
    assert (newest.source, newest.contenders[1].entry_text) == (page, "Paid")


def test_what_is_set_leaves_an_editors_words_and_so_does_the_next_import(
    database: Database, page: str, now: datetime
) -> None:
    with database.write() as session:
        slug = store.store_draft(session, parse_page(page), now=now).slug
        first = store.latest(session, store.by_slug(session, slug))
        words = with_words(draft_of_revision(first), {"question": "Which one?"})
        keep(session, slug, words, seen=first.fingerprint, editor="Kim", now=now)
        done = editorial.set_values(session, slug, weight=3.0, now=now)
        assert editorial.set_values(session, slug, weight=3.0, now=now) == done
        again = store.store_draft(session, parse_page(page), now=now)
        newest = store.latest(session, store.by_slug(session, slug))
    assert again.outcome is ImportOutcome.UNCHANGED
    assert (newest.question, newest.weight, newest.editor) == ("Which one?", 3.0, "Kim")


def test_a_value_that_no_comparison_may_have_is_refused(
    database: Database, make_draft: MakeDraft, now: datetime
) -> None:
    with database.write() as session:
        slug = store.store_draft(session, make_draft(), now=now).slug
    with pytest.raises(ComparisonUnreadable, match="100 at most"), database.write() as session:
        editorial.set_values(session, slug, category="x" * 101, now=now)
    with database.read() as session:
        assert store.by_slug(session, slug).set_by_editors == {}


def test_a_withdrawn_comparison_is_in_no_category_until_it_is_brought_back(
    database: Database, page: str, now: datetime
) -> None:
    with database.write() as session:
        slug = store.store_draft(session, parse_page(page), now=now).slug
        before = store.categories(session, at_most=9)
        editorial.withdraw(session, slug, "a wrong quote", now)
        assert store.categories(session, at_most=9) == []
        assert store.summaries(session)[0].withdrawn
        with pytest.raises(WrongState, match="a wrong quote"):
            editorial.withdraw(session, slug, "again", now)
        editorial.restore(session, slug, NOW)
        assert store.categories(session, at_most=9) == before
        with pytest.raises(WrongState):
            editorial.restore(session, slug, NOW)
