"""The next issue: one rule for pick, build, the desk and the service."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlmodel import Session

from digest.db import Database
from digest.issues.calendar import slots
from digest.issues.calendar.next_issue import date_of, next_issue
from digest.issues.models import Blackout, Issue, IssueState, Newsletter, Slot, SlotState

TUESDAY = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
THURSDAY = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def weekly(session: Session, **fields: Any) -> Newsletter:
    newsletter = Newsletter(id=1, slug="weekly", name="Weekly", **fields)
    session.add(newsletter)
    session.flush()
    return newsletter


def slot(session: Session, period: str, due: datetime, state: SlotState) -> None:
    session.add(
        Slot(
            newsletter_id=1, period=period, day=due.date(), due_at=due, state=state, claimed_at=due
        )
    )
    session.flush()


def issue(session: Session, number: int, period: str, state: IssueState) -> None:
    session.add(Issue(newsletter_id=1, number=number, period=period, state=state, built_at=TUESDAY))
    session.flush()


def test_who_begins_on_a_thursday_gets_next_tuesdays_issue(database: Database) -> None:
    with database.write() as session:
        moment = next_issue(session, weekly(session), THURSDAY)
        assert (moment.period, moment.local.date()) == ("2026-W49", date(2026, 12, 1))


@pytest.mark.parametrize(
    ("hour", "period"),
    [(21, "2026-W48"), (22, "2026-W49")],
)
def test_a_late_issue_is_the_next_one_for_as_long_as_the_service_would_send_it(
    database: Database, hour: int, period: str
) -> None:
    with database.write() as session:
        newsletter = weekly(session)
        slot(session, "2026-W48", TUESDAY, SlotState.HELD)
        assert next_issue(session, newsletter, TUESDAY.replace(hour=hour)).period == period


def test_a_moment_that_nobody_claimed_while_the_service_was_down_counts(
    database: Database,
) -> None:
    with database.write() as session:
        newsletter = weekly(session, scheduled_since=datetime(2026, 11, 1, tzinfo=UTC))
        assert next_issue(session, newsletter, TUESDAY.replace(hour=10)).period == "2026-W48"
        assert next_issue(session, newsletter, THURSDAY).period == "2026-W49"


@pytest.mark.parametrize(
    "state", [IssueState.SENT, IssueState.PREPARED, IssueState.PAUSED, IssueState.CANCELLED]
)
def test_an_issue_that_is_done_with_or_on_its_way_is_not_the_next(
    database: Database, state: IssueState
) -> None:
    with database.write() as session:
        newsletter = weekly(session)
        issue(session, 1, "2026-W49", state)
        assert next_issue(session, newsletter, THURSDAY).period == "2026-W50"


def test_a_built_issue_stays_the_next_one_and_a_blackout_is_passed_over(
    database: Database,
) -> None:
    with database.write() as session:
        newsletter = weekly(session)
        day = date(2026, 12, 1)
        session.add(Blackout(newsletter_id=1, first=day, last=day, why="a holiday"))
        issue(session, 1, "2026-W50", IssueState.BUILT)
        assert next_issue(session, newsletter, THURSDAY).period == "2026-W50"


def test_of_two_moments_that_have_passed_only_the_newer_may_be_next(database: Database) -> None:
    with database.write() as session:
        newsletter = weekly(session, max_lateness=744)
        slot(session, "2026-W47", TUESDAY.replace(day=17), SlotState.DRAFTED)
        slot(session, "2026-W48", TUESDAY, SlotState.DRAFTED)
        assert next_issue(session, newsletter, THURSDAY).period == "2026-W48"


def test_an_issue_is_dated_by_its_slot_else_its_shift_else_the_cadence(
    database: Database,
) -> None:
    with database.write() as session:
        newsletter = weekly(session)
        assert date_of(session, newsletter, "2026-W49") == date(2026, 12, 1)
        slots.shift(session, newsletter, "2026-W49", datetime.fromisoformat("2026-12-03T10:00"), "")
        assert date_of(session, newsletter, "2026-W49") == date(2026, 12, 3)
        slot(session, "2026-W49", datetime(2026, 12, 4, 9, tzinfo=UTC), SlotState.AHEAD)
        assert date_of(session, newsletter, "2026-W49") == date(2026, 12, 4)
