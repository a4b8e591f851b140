"""The store of comparisons: revisions, unchanged content, tools and slugs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import BaseModel
from sqlmodel import Session, SQLModel, select

from digest.comparisons import store
from digest.comparisons.models import Call, Contender, Revision, SourceForm, Tool, Verdict
from digest.comparisons.page_parser import parse_page
from digest.comparisons.schema import (
    ComparisonContent,
    ComparisonDraft,
    ContenderDraft,
    VerdictDraft,
)
from digest.comparisons.store import ImportOutcome
from digest.db import Database
from digest.errors import NotFound
from tests.comparisons.conftest import MakeDraft


def shelved(draft: ComparisonDraft, category: str) -> ComparisonDraft:
    """Return the same draft with both tools in one category."""
    left, right = (side.model_copy(update={"category": category}) for side in draft.contenders)
    return draft.model_copy(update={"contenders": (left, right)})


def test_a_draft_is_kept_as_a_new_comparison(
    database: Database, make_draft: MakeDraft, now: datetime
) -> None:
    with database.write() as session:
        kept = store.store_draft(session, make_draft(), now=now)
    assert (kept.outcome, kept.slug, kept.revision) == (ImportOutcome.NEW, "lathe-vs-mortar", 1)


def test_categories_are_those_of_the_newest_revisions_the_most_used_ones_in_order(
    database: Database, make_draft: MakeDraft, now: datetime
) -> None:
    with database.write() as session:
        for left, category in (("A", "tools"), ("B", "Video"), ("C", ""), ("D", "Audio")):
            store.store_draft(session, shelved(make_draft(left), category), now=now)
        store.store_draft(session, shelved(make_draft("D"), "Video"), now=now)
    with database.read() as session:
        assert store.categories(session, at_most=9) == ["tools", "Video"]
        assert store.categories(session, at_most=1) == ["Video"]


def test_the_same_content_again_writes_nothing(
    database: Database, page: str, now: datetime
) -> None:
    with database.write() as session:
        store.store_draft(session, parse_page(page), now=now)
    with database.write() as session:
        kept = store.store_draft(
            session, parse_page(page.replace("\n", "\r\n\r\n")), now=now + timedelta(days=1)
        )
        assert kept.outcome is ImportOutcome.UNCHANGED
        assert [row.imported_at for row in session.exec(select(Revision))] == [now]


def test_changed_content_is_a_new_revision_and_the_old_one_stays(
    database: Database, page: str, now: datetime
) -> None:
    with database.write() as session:
        store.store_draft(session, parse_page(page), now=now)
    with database.write() as session:
        kept = store.store_draft(session, parse_page(page.replace("62%", "70%")), now=now)
    with database.read() as session:
        comparison = store.by_slug(session, kept.slug)
        shares = [
            store.revision(session, comparison, number).contenders[1].community_share
            for number in (1, 2)
        ]
    assert (kept.outcome, kept.revision, shares) == (ImportOutcome.REVISED, 2, [62.0, 70.0])


def test_everything_a_page_says_is_found_again(
    database: Database, page: str, now: datetime
) -> None:
    draft = parse_page(page)
    with database.write() as session:
        store.store_draft(session, draft, now=now)
    with database.read() as session:
        kept = store.latest(session, store.by_slug(session, "lathe-vs-mortar-studio"))
        left, right = kept.contenders
        assert (kept.kicker, kept.question, kept.intro, kept.closing) == (
            draft.kicker,
            draft.question,
            draft.intro,
            list(draft.closing),
        )
        assert (left.panel_share, left.community_share, left.entry_text) == (75.0, None, "Free")
        assert (right.panel_share, right.community_share, right.entry_text) == (100.0, 62.0, "Paid")
        assert [verdict.quote for verdict in left.verdicts] == [
            verdict.quote for verdict in draft.contenders[0].verdicts
        ]
        assert [verdict.call for verdict in right.verdicts] == [None] * 4
        assert (kept.source, kept.form) == (page, SourceForm.PAGE)


def test_what_only_json_can_say_is_found_again(
    database: Database, make_draft: MakeDraft, now: datetime
) -> None:
    draft = make_draft(
        published_on=date(2026, 11, 20),
        weight=2.5,
        labels=("sponsored",),
        url="https://example.com/a",
    )
    verdict = (
        draft.contenders[0]
        .verdicts[0]
        .model_copy(update={"call": Call.SKIP, "reviewer": "The builder"})
    )
    left = draft.contenders[0].model_copy(
        update={"verdicts": (verdict,), "url": "https://example.com/lathe"}
    )
    draft = draft.model_copy(update={"contenders": (left, draft.contenders[1])})
    with database.write() as session:
        store.store_draft(session, draft, now=now)
    with database.read() as session:
        kept = store.latest(session, store.by_slug(session, "lathe-vs-mortar"))
        stored = kept.contenders[0].verdicts[0]
        assert (kept.published_on, kept.weight, kept.labels, kept.url) == (
            date(2026, 11, 20),
            2.5,
            ["sponsored"],
            "https://example.com/a",
        )
        assert (stored.call, stored.reviewer, kept.contenders[0].url) == (
            Call.SKIP,
            "The builder",
            "https://example.com/lathe",
        )


def test_every_field_of_a_draft_has_a_column() -> None:
    tables: dict[type[BaseModel], type[SQLModel]] = {
        ComparisonContent: Revision,
        ContenderDraft: Contender,
        VerdictDraft: Verdict,
    }
    elsewhere = {"format", "slug", "contenders", "verdicts"}
    missing = {
        name
        for model, table in tables.items()
        for name in model.model_fields.keys() - table.model_fields.keys()
    }
    assert missing == elsewhere


def test_a_tool_is_kept_once_across_comparisons(
    database: Database, make_draft: MakeDraft, now: datetime
) -> None:
    with database.write() as session:
        store.store_draft(session, make_draft("Lathe", "Mortar"), now=now)
        store.store_draft(session, make_draft("Plumb", "LATHE"), now=now)
        assert sorted(tool.slug for tool in session.exec(select(Tool))) == [
            "lathe",
            "mortar",
            "plumb",
        ]


def test_two_pairs_of_tools_under_one_title_are_two_comparisons(
    database: Database, make_draft: MakeDraft, now: datetime
) -> None:
    pairs = [("Lathe", "Mortar"), ("Plumb", "Trowel")]
    with database.write() as session:
        slugs = [
            store.store_draft(session, make_draft(*pair, title="Which one?"), now=now).slug
            for pair in [*pairs, *reversed(pairs)]
        ]
    assert slugs == ["which-one", "which-one-2", "which-one-2", "which-one"]


def test_a_slug_the_draft_names_outlives_its_title(
    database: Database, make_draft: MakeDraft, now: datetime
) -> None:
    with database.write() as session:
        store.store_draft(session, make_draft(slug="lathes"), now=now)
        kept = store.store_draft(
            session, make_draft(slug="lathes", title="Lathe v. Mortar"), now=now
        )
    assert (kept.slug, kept.outcome) == ("lathes", ImportOutcome.REVISED)


def test_a_name_in_another_script_has_a_slug_of_its_own(
    database: Database, make_draft: MakeDraft, now: datetime
) -> None:
    with database.write() as session:
        kept = store.store_draft(session, make_draft("ことば工房", "Mortar"), now=now)
    assert kept.slug == "ことば工房-vs-mortar"


def test_oddities_come_back_as_warnings(
    database: Database, make_draft: MakeDraft, now: datetime
) -> None:
    with database.write() as session:
        kept = store.store_draft(session, make_draft(shares=(60.0, 50.0)), now=now)
    assert kept.warnings == ("Lathe: a panel share of 60% doesn't fall on whole seats of 4",)


def test_an_unknown_slug_is_not_found(database: Database) -> None:
    with database.read() as session, pytest.raises(NotFound, match="no comparison is called nope"):
        store.by_slug(session, "nope")


def test_an_unknown_revision_is_not_found(
    database: Database, make_draft: MakeDraft, now: datetime
) -> None:
    with database.write() as session:
        store.store_draft(session, make_draft(), now=now)
    with database.read() as session, pytest.raises(NotFound, match="newest is 1"):
        store.revision(session, store.by_slug(session, "lathe-vs-mortar"), 7)


def test_summaries_tell_the_newest_of_each_comparison_by_slug(
    database: Database, make_draft: MakeDraft, now: datetime
) -> None:
    with database.write() as session:
        store.store_draft(session, make_draft("Plumb", "Trowel"), now=now)
        store.store_draft(session, make_draft("Lathe", "Mortar"), now=now)
        store.store_draft(session, make_draft("Lathe", "Mortar", shares=(0.0, 50.0)), now=now)
    with database.read() as session:
        summaries = store.summaries(session)
        rows = store.revisions(session, [summary.revision_id for summary in summaries])
    assert [(summary.slug, summary.revision) for summary in summaries] == [
        ("lathe-vs-mortar", 2),
        ("plumb-vs-trowel", 1),
    ]
    assert summaries[0].left == store.SummarySide("lathe", "Lathe", "Tools", 0.0)
    assert (summaries[0].imported_on, rows[summaries[0].revision_id].number) == (
        date(2026, 11, 24),
        2,
    )


def test_there_are_no_summaries_of_nothing(database: Database) -> None:
    with database.read() as session:
        assert (store.summaries(session), store.count(session)) == ([], 0)


def test_nothing_is_there_before_the_caller_commits(
    database: Database, make_draft: MakeDraft, now: datetime
) -> None:
    with database.read() as session:
        store.store_draft(session, make_draft(), now=now)
    with database.read() as session:
        assert counted(session) == (0, 0, 0)


def counted(session: Session) -> tuple[int, int, int]:
    kinds = (Tool, Revision, Contender)
    tools, revisions, contenders = (len(session.exec(select(kind)).all()) for kind in kinds)
    return tools, revisions, contenders


def test_moments_are_kept_in_utc(database: Database, make_draft: MakeDraft, now: datetime) -> None:
    with database.write() as session:
        store.store_draft(session, make_draft(), now=now)
    with database.read() as session:
        kept = store.latest(session, store.by_slug(session, "lathe-vs-mortar"))
        assert kept.imported_at == datetime(2026, 11, 24, 9, tzinfo=UTC)
