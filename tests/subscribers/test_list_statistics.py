"""List statistics: counts, sources and growth by week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from subscribers import lifecycle, list_statistics, suppression
from subscribers.models import Standing, SuppressionReason
from subscribers.store import Evidence
from subscribers.tokens import Hashes
from tests.subscribers.conftest import NEWSLETTER, MakeReader

PAGE = Evidence(channel="page")


def test_the_counts_add_up(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    make_reader(session, "a@example.com")
    make_reader(session, "b@example.com")
    make_reader(session, "c@example.com", Standing.PENDING)
    make_reader(session, "d@example.com", Standing.UNSUBSCRIBED)
    suppression.suppress(session, "b@example.com", SuppressionReason.COMPLAINT, hashes, now)
    counts = list_statistics.count(session, NEWSLETTER, now)
    assert (counts.total, counts.mailable) == (4, 1)
    assert counts.standings == {"pending": 1, "confirmed": 2, "paused": 0, "unsubscribed": 1}
    assert counts.excluded == {"suppressed: complaint": 1, "pending": 1, "unsubscribed": 1}
    assert counts.total == counts.mailable + sum(counts.excluded.values())


def test_sources_are_counted(session: Session, make_reader: MakeReader, now: datetime) -> None:
    make_reader(session)
    assert list_statistics.count(session, NEWSLETTER, now).sources == {"form": 1}


def test_growth_is_counted_by_week(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(session)
    later = now + timedelta(weeks=1)
    lifecycle.leave(session, reader, NEWSLETTER, PAGE, later)
    weeks = list_statistics.count(session, NEWSLETTER, later, weeks=3).weeks
    assert [(week.week, week.asked, week.joined, week.left) for week in weeks] == [
        ("2026-W47", 0, 0, 0),
        ("2026-W48", 1, 1, 0),
        ("2026-W49", 0, 0, 1),
    ]


def test_entries_are_counted_for_good_once_they_are_old(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(session)
    before = list_statistics.entries_by_act(session)
    list_statistics.count_entries(session, now + list_statistics.UNCOUNTED / 2)
    assert list_statistics.entries_by_act(session) == before
    for _ in range(2):
        list_statistics.count_entries(session, now + 2 * list_statistics.UNCOUNTED)
        assert list_statistics.entries_by_act(session) == before
    lifecycle.leave(session, reader, NEWSLETTER, PAGE, now + timedelta(days=1))
    assert list_statistics.entries_by_act(session) == {**before, "withdrawn": 1}
    list_statistics.count_entries(session, now + timedelta(days=2))
    assert list_statistics.entries_by_act(session) == {**before, "withdrawn": 1}


def test_weeks_are_those_of_utc_wherever_the_database_lives(
    session: Session, make_reader: MakeReader
) -> None:
    if session.get_bind().dialect.name != "sqlite":
        session.execute(text("SET LOCAL TIME ZONE 'America/New_York'"))
    monday = datetime(2026, 11, 23, 2, tzinfo=UTC)  # a Sunday over there
    reader = make_reader(session)
    lifecycle.leave(session, reader, NEWSLETTER, PAGE, monday)
    weeks = list_statistics.count(session, NEWSLETTER, monday, weeks=2).weeks
    assert [(week.week, week.left) for week in weeks] == [("2026-W47", 0), ("2026-W48", 1)]


def test_only_who_had_joined_can_leave_and_only_once(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    waiting = make_reader(session, "waiting@example.com", Standing.PENDING)
    lifecycle.leave(session, waiting, NEWSLETTER, PAGE, now)
    reader = make_reader(session, "reader@example.com")
    lifecycle.leave(session, reader, NEWSLETTER, PAGE, now)
    lifecycle.erase(session, reader, PAGE, hashes, now)
    assert list_statistics.count(session, NEWSLETTER, now, weeks=1).weeks[0].left == 1


def test_another_newsletter_is_not_counted(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    make_reader(session)
    assert list_statistics.count(session, "daily", now).total == 0


def test_who_was_erased_counts_among_those_who_left_in_a_report_too(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    reader, erased = (make_reader(session, f"{name}@example.com") for name in ("a", "b"))
    lifecycle.leave(session, reader, NEWSLETTER, PAGE, now)
    lifecycle.erase(session, erased, PAGE, hashes, now)
    counted = list_statistics.count(session, NEWSLETTER, now, weeks=1).weeks[0].left
    assert list_statistics.left_between(session, NEWSLETTER, now, now) == counted == 2
