"""Tools and categories of the public comparisons, and a tool's history, on both databases."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import Session

from digest.comparisons import editorial
from digest.db import Database
from digest.directory import (
    PublicTerms,
    category_list,
    directory_map,
    find,
    tool_history,
    tool_list,
)
from digest.errors import NotFound
from tests.directory.conftest import Publish

FIRST = date(2026, 1, 1)


def test_a_tool_has_every_public_comparison_it_stood_in_with_its_share_of_that_day(
    database: Database, publish: Publish, terms: PublicTerms
) -> None:
    with database.write() as session:
        publish(session, "Lathe", "Mortar", shares=(25.0, 50.0), published_on=FIRST)
        publish(session, "Adze", "Lathe", shares=(0.0, 75.0), published_on=date(2026, 2, 1))
        publish(session, "Lathe", "Awl", shares=(None, 1.0), published_on=date(2026, 3, 1))
        publish(session, "Lathe", "Ahead", published_on=date(2027, 1, 1))
        history = tool_history(session, terms, "lathe")
    rows = [(row.slug, row.share, row.other, row.other_share) for row in history.appearances]
    assert rows == [
        ("lathe-vs-awl", None, "Awl", 1.0),
        ("adze-vs-lathe", 75.0, "Adze", 0.0),
        ("lathe-vs-mortar", 25.0, "Mortar", 50.0),
    ]
    assert history.shares == [(FIRST, 25.0), (date(2026, 2, 1), 75.0)]
    assert (history.total, history.pages, history.newest.name) == (3, 1, "Lathe")


def test_a_long_history_has_pages_and_one_head(
    database: Database, publish: Publish, terms: PublicTerms
) -> None:
    with database.write() as session:
        for number in range(26):
            day = FIRST + timedelta(days=number)
            publish(session, "Lathe", f"Tool {number}", published_on=day, tagline=f"{number}")
        second = tool_history(session, terms, "lathe", number=2)
    assert [row.other for row in second.appearances] == ["Tool 1", "Tool 0"]
    assert (second.pages, second.newest.tagline, len(second.shares)) == (2, "25", 26)


@pytest.mark.parametrize("slug", ["nobody", "ahead", "a\0b", ""])
def test_a_tool_in_no_public_comparison_is_not_found(
    database: Database, publish: Publish, terms: PublicTerms, slug: str
) -> None:
    with database.write() as session:
        publish(session, "Ahead", "Behind", published_on=date(2027, 1, 1))
        with pytest.raises(NotFound):
            tool_history(session, terms, slug)


def test_tools_are_listed_by_name_with_their_comparisons(
    database: Database, publish: Publish, terms: PublicTerms
) -> None:
    with database.write() as session:
        publish(session, "Mortar", "Älva")
        publish(session, "awl", "Mortar")
        publish(session, "Ahead", published_on=date(2027, 1, 1))
        tools = tool_list(session, terms)
        past = tool_list(session, terms, number=2)
    assert [(tool.name, tool.comparisons) for tool in tools.tools] == [
        ("Älva", 1),
        ("awl", 1),
        ("Mortar", 2),
    ]
    assert (tools.total, tools.pages, past.tools) == (3, 1, [])


def test_each_category_is_counted_once_a_comparison_under_its_most_used_spelling(
    database: Database, publish: Publish, terms: PublicTerms
) -> None:
    with database.write() as session:
        publish(session, "A", category="Code tools")
        publish(session, "B", category=("Code Tools", "Voice"))
        publish(session, "C", category="Code tools")
        publish(session, "D", category="")
        publish(session, "E", category="Ahead", published_on=date(2027, 1, 1))
        assert category_list(session, terms) == [
            ("code-tools", "Code tools", 3),
            ("voice", "Voice", 1),
        ]


def test_every_slug_of_the_map_leads_somewhere_and_nothing_hidden_is_in_it(
    database: Database, publish: Publish, terms: PublicTerms
) -> None:
    with database.write() as session:
        publish(session, "A", category="Code")
        publish(session, "B", category=("Voice", "Code"))
        gone = publish(session, "C", category="Gone")
        editorial.withdraw(session, gone, "wrong", terms.now)
        publish(session, "D", category="Ahead", published_on=date(2027, 1, 1))
        told = directory_map(session, terms)
        assert sorted(told.comparisons) == ["a-vs-mortar", "b-vs-mortar"]
        assert sorted(told.tools) == ["a", "b", "mortar"]
        assert sorted(told.categories) == ["code", "voice"]
        assert all_found(session, terms, sorted(told.categories), sorted(told.tools))
        assert set(told.comparisons.values()) == {terms.now}


def all_found(
    session: Session, terms: PublicTerms, categories: list[str], tools: list[str]
) -> bool:
    return all(find(session, terms, category=slug).total for slug in categories) and all(
        tool_history(session, terms, slug).total for slug in tools
    )
