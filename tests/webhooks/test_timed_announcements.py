"""What is announced with time: comparisons that are public now, reports that are ready."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from digest.comparisons import editorial, store
from digest.comparisons.schema import ComparisonDraft, ContenderDraft, VerdictDraft
from digest.directory import PublicTerms
from digest.issues.models import Issue, IssueState, Newsletter
from digest.webhooks import announce_due
from digest.webhooks.timed_announcements import REPORT_AFTER
from subscribers.announcements.models import AnnouncementKind
from tests.history.query_plans import seen_statements
from tests.webhooks.conftest import Works

PUBLISHED, CHANGED = AnnouncementKind.COMPARISON_PUBLISHED, AnnouncementKind.COMPARISON_CHANGED
READY = AnnouncementKind.REPORT_READY
SAID = (VerdictDraft(seat=1, quote="It holds."),)
LEFT, RIGHT = (ContenderDraft(name=name, verdicts=SAID) for name in ("Lathe", "Mortar"))
Store = Callable[..., str]


@pytest.fixture
def keep(works: Works) -> Store:
    """Return a function that stores a comparison, and returns its slug."""

    def store_it(**given: Any) -> str:
        draft = ComparisonDraft(title="Lathe vs Mortar", contenders=(LEFT, RIGHT), **given)
        with works.database.write() as session:
            return store.store_draft(session, draft, now=works.clock()).slug

    return store_it


def announce(works: Works) -> int:
    with works.database.write() as session:
        return announce_due(session, PublicTerms(now=works.clock()), works.clock())


def told(works: Works) -> list[tuple[AnnouncementKind, dict[str, Any]]]:
    return [(row.kind, json.loads(row.data)) for row in works.rows()]


def test_a_comparison_is_published_once_on_its_day(works: Works, keep: Store) -> None:
    works.add(kinds=[PUBLISHED])
    slug = keep(published_on=date(2026, 12, 1))
    assert announce(works) == 0
    works.clock.on(days=7)
    assert [announce(works) for _ in range(2)] == [1, 0]
    ((kind, facts),) = told(works)
    assert (kind, facts["slug"], facts["revision"], len(facts["tools"])) == (PUBLISHED, slug, 1, 2)


def test_what_another_process_has_just_noted_is_no_fault(works: Works, keep: Store) -> None:
    keep()
    with seen_statements(works.database) as seen:
        announce(works)
    noted = [each for each in seen.first if each.startswith("INSERT INTO announcement")]
    assert len(noted) == 2
    assert all(each.endswith("ON CONFLICT DO NOTHING") for each in noted)


def test_an_endpoint_that_is_added_later_is_told_nothing_of_the_past(
    works: Works, keep: Store
) -> None:
    keep()
    announce(works)
    works.add(kinds=[PUBLISHED])
    assert (announce(works), told(works)) == (0, [])


def test_a_change_is_told_of_what_was_published_and_of_nothing_else(
    works: Works, keep: Store
) -> None:
    works.add(kinds=[CHANGED])
    slug = keep(published_on=date(2026, 12, 1))
    keep(published_on=date(2026, 12, 1), question="Another question?")
    assert told(works) == []
    works.clock.on(days=7)
    announce(works)
    keep(published_on=date(2026, 12, 1), question="A third question?")
    works.change(editorial.withdraw, slug, "wrong", works.clock())
    keep(published_on=date(2026, 12, 1), question="A fourth question?")
    works.change(editorial.restore, slug, works.clock())
    facts = [facts for _, facts in told(works)]
    assert [(each["revision"], each["withdrawn"]) for each in facts] == [
        (3, False),
        (3, True),
        (4, False),
    ]


def issue_of(session: Session, works: Works) -> None:
    newsletter = Newsletter(slug="weekly", name="The Weekly")
    session.add(newsletter)
    session.flush()
    sent = Issue(
        newsletter_id=newsletter.id or 0,
        number=12,
        period="2026-W48",
        state=IssueState.SENT,
        built_at=works.clock(),
        prepared_at=works.clock(),
        sent_at=works.clock(),
    )
    session.add(sent)


def test_a_report_is_ready_three_days_after_the_issue_was_sent(works: Works) -> None:
    works.add(kinds=[READY])
    works.change(issue_of, works)
    assert announce(works) == 0
    works.clock.on(seconds=REPORT_AFTER / timedelta(seconds=1))
    assert [announce(works) for _ in range(2)] == [1, 0]
    ((kind, facts),) = told(works)
    assert (kind, facts["newsletter"], facts["number"]) == (READY, "weekly", 12)
    assert facts["sent_at"].startswith("2026-11-24T09:00:00")
