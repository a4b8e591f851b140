"""Finding comparisons: by date, category and words, in pages, alike on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import Session

from digest.comparisons import editorial, store
from digest.db import Database
from digest.directory import (
    EditorsTerms,
    Filters,
    PublicTerms,
    directory_state,
    find,
    newest_public,
    part_of_list,
)
from tests.directory.conftest import Carry, Publish, make_draft

FIRST = date(2026, 1, 1)


def slugs(session: Session, terms: PublicTerms, **asked: Any) -> list[str]:
    return [one.comparison.slug for one in find(session, terms, **asked).revisions]


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Collect the statements that are executed."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield statements
    event.remove(database.engine, "before_cursor_execute", note)


def test_the_newest_come_first_in_pages_of_24(
    database: Database, publish: Publish, terms: PublicTerms
) -> None:
    with database.write() as session:
        for number in range(50):
            publish(session, f"Tool {number}", published_on=FIRST + timedelta(days=number))
        pages = [find(session, terms, number=number) for number in (1, 2, 3, 4)]
        titles = [[one.title for one in page.revisions] for page in pages]
    assert [len(page) for page in titles] == [24, 24, 2, 0]
    assert [*chain(*titles)] == [f"Tool {number} vs Mortar" for number in reversed(range(50))]
    assert {(page.total, page.pages) for page in pages} == {(50, 3)}


def test_an_undated_one_stands_at_the_day_of_its_import(
    database: Database, publish: Publish, terms: PublicTerms
) -> None:
    with database.write() as session:
        publish(session, "Old", published_on=FIRST)
        publish(session, "Undated", published_on=None)
        assert slugs(session, terms) == ["undated-vs-mortar", "old-vs-mortar"]
        assert [one.title for one in newest_public(session, terms, at_most=1)] == [
            "Undated vs Mortar"
        ]


def test_a_category_holds_all_its_spellings_and_either_side(
    database: Database, publish: Publish, terms: PublicTerms
) -> None:
    with database.write() as session:
        publish(session, "A", category="Code Tools")
        publish(session, "B", category=("Voice", "code tools"))
        publish(session, "C", category="Video")
        assert slugs(session, terms, category="code-tools") == ["b-vs-mortar", "a-vs-mortar"]
        assert slugs(session, terms, category="code-tools", query="voice") == ["b-vs-mortar"]
        assert slugs(session, terms, category="nothing") == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("lathe", True),
        ("LÁTHE", True),
        ("lat", True),
        ("lathe mor", True),
        ("mortar lathe", True),
        ("workshop", True),  # of the category
        ("patches", True),  # of the tagline
        ("repositories", True),  # of the description
        ("second week", True),  # of a verdict
        ("second lathe week", True),
        ("athe", False),  # no word begins so
        ("lat mortar", False),  # only the last word may be unfinished
        ("lathe video", False),
        ("!!!", False),
    ],
)
def test_a_comparison_is_found_by_its_words(
    database: Database, publish: Publish, terms: PublicTerms, query: str, found: bool
) -> None:
    with database.write() as session:
        publish(
            session,
            category="Workshop",
            tagline="Small patches.",
            description="It reads whole repositories.",
            quote="It survives a second week.",
        )
        assert slugs(session, terms, query=query) == ["lathe-vs-mortar"] * found


def test_names_rank_before_taglines_and_those_before_verdicts_and_the_newest_first(
    database: Database, publish: Publish, terms: PublicTerms
) -> None:
    with database.write() as session:
        publish(session, "Said", quote="Like an anvil.", published_on=FIRST + timedelta(days=9))
        publish(session, "Told", tagline="An anvil.", published_on=FIRST + timedelta(days=3))
        publish(session, "Anvil", published_on=FIRST)
        publish(session, "Anvil 2", published_on=FIRST + timedelta(days=1))
        order = ["anvil-2-vs-mortar", "anvil-vs-mortar", "told-vs-mortar", "said-vs-mortar"]
        assert slugs(session, terms, query="anvil") == order


def test_only_the_newest_revision_is_searched(
    database: Database, publish: Publish, terms: PublicTerms, now: datetime
) -> None:
    with database.write() as session:
        publish(session, quote="An earlier thought.")
        publish(session, quote="A better idea.")
        assert slugs(session, terms, query="earlier") == []
        assert slugs(session, terms, query="better") == ["lathe-vs-mortar"]
        comparison = store.by_slug(session, "lathe-vs-mortar")
        edited = make_draft("Lathe", "Mortar", quote="What the editor wrote.")
        store.add_revision(session, comparison, edited, editor="Kim", now=now)
        assert slugs(session, terms, query="better") == []
        assert slugs(session, terms, query="editor") == ["lathe-vs-mortar"]


def test_what_is_not_public_is_in_no_list(
    database: Database, publish: Publish, carry: Carry, terms: PublicTerms
) -> None:
    with database.write() as session:
        publish(session, "Ahead", published_on=terms.day + timedelta(days=1))
        withdrawn = publish(session, "Gone")
        editorial.withdraw(session, withdrawn, "wrong", terms.now)
        waiting, carried = publish(session, "Waiting"), publish(session, "Carried")
        carry(session, waiting, frozen=False)
        carry(session, carried)
        by_issue = replace(terms, with_issue=True)
        for asked in ({}, {"query": "mortar"}, {"category": "tools"}):
            assert slugs(session, terms, **asked) == [carried, waiting]
            assert slugs(session, by_issue, **asked) == [carried]


def test_a_page_takes_the_same_few_statements_however_much_is_on_it(
    database: Database, publish: Publish, terms: PublicTerms
) -> None:
    numbers = []
    for more in (1, 30):
        with database.write() as session:
            for number in range(more):
                publish(session, f"Tool {more} {number}")
        with database.read() as session, counted(database) as statements:
            for revision in find(session, terms, query="mortar").revisions:
                assert revision.comparison.slug
                assert [len(side.verdicts) for side in revision.contenders] == [4, 4]
        numbers.append(len([each for each in statements if "BEGIN" not in each]))
    assert numbers == [5, 5]


def test_a_search_reads_no_table_from_end_to_end(
    sqlite_database: Database, terms: PublicTerms
) -> None:
    with sqlite_database.read() as session, counted(sqlite_database) as statements:
        find(session, terms, query="lathe mor")
    with sqlite_database.read() as session:
        plan = session.connection().exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statements[0]}",
            ('{words} : ("lathe" AND "mor"*)', "2026-11-24"),
        )
        steps = [row[3] for row in plan]
    assert any("directory_words VIRTUAL TABLE INDEX" in step for step in steps)
    assert not any(step.startswith("SCAN directory_entry") for step in steps)


HOSTILE = [
    "'",
    '"',
    "' OR 1=1 --",
    "a\0b",
    "NEAR(a b)",
    "names:lathe",
    "{words}",
    "* ** a*",
    "\\ & | ! <-> ()",
    "lathe & mortar:*",
    "😀",
    "%",
    "x" * 100_000,
    "a " * 10_000,
    "\u202e\u0000\ufeff",
    "-lathe",
    "^lathe",
    "AND OR NOT",
]


@pytest.mark.parametrize("query", HOSTILE)
def test_a_hostile_query_finds_something_or_nothing(
    database: Database, publish: Publish, terms: PublicTerms, query: str
) -> None:
    with database.write() as session:
        publish(session)
        assert slugs(session, terms, query=query) in ([], ["lathe-vs-mortar"])


@given(query=st.text(max_size=60))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_may_be_asked_for(
    sqlite_database: Database, terms: PublicTerms, query: str
) -> None:
    with sqlite_database.read() as session:
        assert find(session, terms, query=query).revisions == []


def test_parts_of_a_list_follow_each_other_whatever_comes_and_goes_meanwhile(
    database: Database, publish: Publish, terms: PublicTerms
) -> None:
    with database.write() as session:
        for number in range(7):
            publish(session, f"Tool {number}", published_on=FIRST + timedelta(days=number // 2))
        first = part_of_list(session, terms, Filters(), at_most=3)
        publish(session, "Later", published_on=FIRST + timedelta(days=30))
        editorial.withdraw(session, "tool-3-vs-mortar", "wrong", terms.now)
        session.flush()
        second = part_of_list(session, terms, Filters(), at_most=3, after=first.last)
    told = [[each.title.split(" vs")[0] for each in part.summaries] for part in (first, second)]
    assert told == [["Tool 6", "Tool 5", "Tool 4"], ["Tool 2", "Tool 1", "Tool 0"]]
    assert second.last is None


def test_parts_of_what_was_searched_for_have_the_best_first_and_each_once(
    database: Database, publish: Publish, terms: PublicTerms
) -> None:
    with database.write() as session:
        publish(session, "Adze", tagline="Grinds like a lathe", published_on=date(2026, 11, 1))
        publish(session, "Awl", quote="Better than a lathe.", published_on=date(2026, 11, 2))
        publish(session, "Lathe", published_on=FIRST)
        whole = part_of_list(session, terms, Filters(query="lathe"), at_most=9)
        parts = [part_of_list(session, terms, Filters(query="lathe"), at_most=1)]
        while (last := parts[-1].last) is not None:
            asked = Filters(query="lathe")
            parts.append(part_of_list(session, terms, asked, at_most=1, after=last))
    assert [each.title for each in whole.summaries] == [
        "Lathe vs Mortar",
        "Adze vs Mortar",
        "Awl vs Mortar",
    ]
    assert [each for part in parts for each in part.summaries] == whole.summaries


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(tool="lathe"), ["Lathe vs Mortar"]),
        (Filters(tool="mortar", since=date(2026, 2, 1)), ["Adze vs Mortar"]),
        (Filters(category="saws"), ["Adze vs Mortar"]),
        (Filters(query="lathe", category="saws"), []),
        (Filters(tool="nobody"), []),
        (Filters(tool="a\0b"), []),
    ],
)
def test_parts_hold_what_every_filter_lets_through(
    database: Database, publish: Publish, terms: PublicTerms, filters: Filters, found: list[str]
) -> None:
    with database.write() as session:
        publish(session, "Lathe", published_on=FIRST)
        publish(session, "Adze", category="Saws", published_on=date(2026, 2, 1))
        part = part_of_list(session, terms, filters, at_most=9)
    assert [each.title for each in part.summaries] == found


def test_editors_see_what_is_withdrawn_or_not_out_yet(
    database: Database, publish: Publish, terms: PublicTerms
) -> None:
    with database.write() as session:
        publish(session, "Ahead", published_on=date(2027, 1, 1))
        editorial.withdraw(session, publish(session), "wrong", terms.now)
        session.flush()
        public = part_of_list(session, terms, Filters(), at_most=9)
        editors = part_of_list(session, EditorsTerms(), Filters(), at_most=9)
    assert public.summaries == []
    assert [each.title for each in editors.summaries] == ["Ahead vs Mortar", "Lathe vs Mortar"]


def test_the_state_of_the_directory_changes_with_whatever_visitors_see(
    database: Database, publish: Publish, carry: Carry, terms: PublicTerms
) -> None:
    later = replace(terms, now=terms.now + timedelta(days=1))
    with database.write() as session:
        seen = [directory_state(session, terms)]
        slug = publish(session)
        other = publish(session, "Adze")
        seen.append(directory_state(session, terms))
        publish(session, shares=(0.0, 25.0))
        seen.append(directory_state(session, terms))
        editorial.withdraw(session, slug, "wrong", terms.now)
        session.flush()
        seen.append(directory_state(session, terms))
        editorial.restore(session, slug, terms.now)
        editorial.withdraw(session, other, "wrong", terms.now)
        session.flush()
        seen.append(directory_state(session, terms))
        carry(session, slug)
        seen.append(directory_state(session, terms))
        seen.append(directory_state(session, later))
        again = directory_state(session, later)
    assert len(set(seen)) == len(seen)
    assert again == seen[-1]
