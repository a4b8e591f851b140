"""Editing: an editor's words on a stored comparison, kept as revisions and never lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from digest.comparisons import store
from digest.comparisons.editing import (
    BadWords,
    changes,
    draft_of_revision,
    keep,
    with_words,
    words_of,
)
from digest.comparisons.loader import read_file
from digest.comparisons.models import Revision
from digest.comparisons.page_parser import parse_page
from digest.comparisons.schema import ComparisonDraft, fingerprint
from digest.comparisons.store import ImportOutcome, ImportResult
from digest.db import Database
from digest.errors import DigestError, WrongState
from digest.samples import comparisons as samples

SLUG = "lathe-vs-mortar-studio"
QUOTE = "contenders.0.verdicts.2.quote"


@pytest.fixture
def imported(database: Database, page: str, now: datetime) -> ImportResult:
    with database.write() as session:
        return store.store_draft(session, parse_page(page), now=now)


def newest(session: Session) -> Revision:
    return store.latest(session, store.by_slug(session, SLUG))


def edit(database: Database, now: datetime, **words: str) -> int:
    """Keep words by Kim, "contenders.0.tagline" given as contenders__0__tagline."""
    told = {name.replace("__", "."): text for name, text in words.items()}
    with database.write() as session:
        row = newest(session)
        draft = with_words(draft_of_revision(row), told)
        return keep(session, SLUG, draft, seen=row.fingerprint, editor="Kim", now=now).number


def import_again(database: Database, page: str, now: datetime) -> ImportResult:
    with database.write() as session:
        return store.store_draft(session, parse_page(page), now=now + timedelta(days=1))


@pytest.mark.parametrize("path", samples(), ids=lambda path: path.stem)
def test_a_stored_revision_becomes_the_draft_it_was_made_of(
    sqlite_database: Database, now: datetime, path: Path
) -> None:
    draft = read_file(path)
    with sqlite_database.write() as session:
        slug = store.store_draft(session, draft, now=now).slug
        row = store.latest(session, store.by_slug(session, slug))
        again = draft_of_revision(row)

    assert changes(draft, again) == []
    assert fingerprint(again) == row.fingerprint
    assert with_words(again, words_of(again)) == again


def test_what_an_older_version_took_and_this_one_would_not_says_so(
    database: Database, imported: ImportResult
) -> None:
    with database.write() as session:
        row = newest(session)
        row.contenders[0].verdicts[0].quote = " "
        with pytest.raises(WrongState, match="can't be edited: quote 1 on the left tool: must not"):
            draft_of_revision(row)
        session.rollback()


def test_an_edit_is_a_new_revision_with_who_and_when(
    database: Database, imported: ImportResult, now: datetime
) -> None:
    later = now + timedelta(hours=1)

    assert edit(database, later, contenders__0__verdicts__2__quote="Sharper.") == 2
    with database.read() as session:
        row = newest(session)
        assert (row.editor, row.imported_at) == ("Kim", later)
        assert row.contenders[0].verdicts[2].quote == "Sharper."
        first = store.revision(session, store.by_slug(session, SLUG), 1)
        assert first.contenders[0].verdicts[2].quote.startswith("Seat three")
        assert first.editor == ""


def test_an_edit_stays_through_the_import_of_an_unchanged_page(
    database: Database, imported: ImportResult, page: str, now: datetime
) -> None:
    edit(database, now, question="Which one?")
    again = import_again(database, page, now)

    assert (again.outcome, again.revision, again.warnings) == (ImportOutcome.UNCHANGED, 2, ())
    with database.read() as session:
        assert newest(session).question == "Which one?"


def test_a_changed_page_takes_the_place_of_an_edit_says_so_and_loses_nothing(
    database: Database, imported: ImportResult, page: str, now: datetime
) -> None:
    edit(database, now, question="Which one?")
    again = import_again(database, page.replace("62%", "70%"), now)

    assert (again.outcome, again.revision) == (ImportOutcome.REVISED, 3)
    assert again.warnings == (
        "it takes the place of what Kim edited (revision 2), which is kept:"
        f" digest comparisons show {SLUG} --revision 2",
    )
    with database.read() as session:
        comparison = store.by_slug(session, SLUG)
        assert store.revision(session, comparison, 2).question == "Which one?"


def test_an_edit_is_undone_by_a_revision_equal_to_an_earlier_one(
    database: Database, imported: ImportResult, page: str, now: datetime
) -> None:
    edit(database, now, question="Which one?")
    with database.write() as session:
        row = newest(session)
        first = draft_of_revision(store.revision(session, row.comparison, 1))
        keep(session, SLUG, first, seen=row.fingerprint, editor="Kim", now=now)
    with database.read() as session:
        contents = [row.fingerprint for row in store.history(session, row.comparison)]
    assert (len(contents), contents[0], contents[1] != contents[0]) == (3, contents[2], True)
    assert import_again(database, page.replace("62%", "70%"), now).warnings == ()


def test_words_the_schema_refuses_are_named_by_their_field_and_nothing_is_kept(
    database: Database, imported: ImportResult, now: datetime
) -> None:
    bad = {QUOTE: " ", "title": "A\nB", "contenders.1.tagline": "x" * 2_001, "closing": "a\x00"}
    with database.read() as session:
        draft = draft_of_revision(newest(session))
    with pytest.raises(BadWords) as caught:
        with_words(draft, bad)

    assert caught.value.faults == {
        QUOTE: "must not be empty",
        "title": "must be one line",
        "contenders.1.tagline": "has 2,001 characters; 2,000 at most",
        "closing": "has a control character (U+0000)",
    }


@pytest.mark.parametrize("name", ["weight", "contenders.0.panel_share", "contenders.9.name", ""])
def test_only_words_can_be_edited(page: str, name: str) -> None:
    with pytest.raises(BadWords, match="no words called"):
        with_words(parse_page(page), {name: "x"})


def test_a_call_and_a_reviewers_name_can_be_given_and_taken_away(page: str) -> None:
    call, name = "contenders.0.verdicts.0.call", "contenders.0.verdicts.0.reviewer"
    given = with_words(parse_page(page), {call: "ship", name: "Ada"})
    verdict = given.contenders[0].verdicts[0]

    assert (verdict.call, verdict.reviewer) == ("ship", "Ada")
    taken = with_words(given, {call: "", name: ""}).contenders[0].verdicts[0]
    assert (taken.call, taken.reviewer) == (None, None)


def test_the_difference_names_each_field_in_words(page: str) -> None:
    before = parse_page(page)
    after = with_words(
        before, {QUOTE: "Sharper.", "contenders.1.tagline": "Screens.", "closing": ""}
    )

    assert [change.field for change in changes(before, after)] == [
        "quote 3 on Lathe",
        "tagline of Mortar Studio",
        "closing line 1",
        "closing line 2",
    ]


def test_what_somebody_else_has_changed_meanwhile_is_not_written_over(
    database: Database, imported: ImportResult, now: datetime
) -> None:
    with database.read() as session:
        row = newest(session)
        draft, seen = draft_of_revision(row), row.fingerprint
    edit(database, now, question="Which one?")

    with pytest.raises(WrongState, match="at revision 2 now"), database.write() as session:
        keep(session, SLUG, with_words(draft, {"intro": "Mine."}), seen=seen, editor="Bo", now=now)


@pytest.mark.parametrize(
    ("editor", "intro", "said"), [("", "New.", "who"), ("Kim", None, "nothing")]
)
def test_a_change_has_a_name_and_is_one(
    database: Database,
    imported: ImportResult,
    now: datetime,
    editor: str,
    intro: str | None,
    said: str,
) -> None:
    with database.write() as session:
        row = newest(session)
        draft: ComparisonDraft = draft_of_revision(row)
        if intro:
            draft = with_words(draft, {"intro": intro})
        with pytest.raises(DigestError, match=said):
            keep(session, SLUG, draft, seen=row.fingerprint, editor=editor, now=now)
