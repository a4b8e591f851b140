"""Which issues a list of them shows."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlmodel import Session

from digest.db import Database
from digest.delivery.models import Batch, BatchState
from digest.delivery.reporting import listed_issues
from digest.issues.models import Edition, Issue, IssueState, Newsletter


def add_issue(
    session: Session, number: int, state: IssueState, now: datetime, batch: BatchState | None = None
) -> None:
    """Add an issue with an edition, and a batch in a state."""
    issue = Issue(
        newsletter_id=1, number=number, period=f"2026-W{number:02}", state=state, built_at=now
    )
    session.add(issue)
    session.flush()
    edition = Edition(
        issue_id=issue.id or 0, subject="S", html="", text="", fingerprint="f", frozen_at=now
    )
    session.add(edition)
    session.flush()
    if batch is not None:
        session.add(
            Batch(
                key=f"{number:032}",
                root=f"{number:032}",
                edition_id=edition.id or 0,
                number=1,
                first_delivery=number,
                last_delivery=number,
                size=1,
                state=batch,
            )
        )


def listed(database: Database, newest: int) -> tuple[list[int | None], int]:
    with database.read() as session:
        found = listed_issues(session, 1, newest)
        return [issue.number for issue in found.issues], found.earlier


@pytest.fixture
def years(database: Database, now: datetime) -> Database:
    """A newsletter with nine issues that were sent."""
    with database.write() as session:
        session.add(Newsletter(id=1, slug="weekly", name="Weekly"))
        session.flush()
        for number in range(1, 10):
            add_issue(session, number, IssueState.SENT, now, BatchState.ACCEPTED)
    return database


def test_the_newest_are_listed_and_the_others_counted(years: Database) -> None:
    assert listed(years, 3) == ([7, 8, 9], 6)
    assert listed(years, 20) == ([1, 2, 3, 4, 5, 6, 7, 8, 9], 0)


@pytest.mark.parametrize(
    ("state", "batch"),
    [
        (IssueState.BUILT, None),
        (IssueState.PAUSED, BatchState.PENDING),
        (IssueState.SENT, BatchState.IN_DOUBT),
        (IssueState.CANCELLED, BatchState.STARTED),
    ],
)
def test_an_earlier_one_that_is_not_over_is_listed(
    years: Database, now: datetime, state: IssueState, batch: BatchState | None
) -> None:
    with years.write() as session:
        add_issue(session, 0, state, now, batch)
    assert listed(years, 2) == ([0, 8, 9], 7)
