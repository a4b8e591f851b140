"""Two years of weekly slots in three time zones, one with a DST shift of half an hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from digest.db import Database
from digest.issues.models import IssueState
from tests.service.conftest import World

FIRST, WEEKS = date(2026, 1, 4), 104  # a Sunday: that is when the clocks change
#: Where the clocks show the time never or twice, the documented moment in UTC.
DOCUMENTED = {
    ("Europe/Berlin", date(2026, 3, 29)): datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    ("Europe/Berlin", date(2026, 10, 25)): datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    ("Europe/Berlin", date(2027, 3, 28)): datetime(2027, 3, 28, 1, 30, tzinfo=UTC),
    ("Europe/Berlin", date(2027, 10, 31)): datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
    ("America/New_York", date(2026, 3, 8)): datetime(2026, 3, 8, 7, 30, tzinfo=UTC),
    ("America/New_York", date(2027, 3, 14)): datetime(2027, 3, 14, 7, 30, tzinfo=UTC),
    ("Australia/Lord_Howe", date(2026, 10, 4)): datetime(2026, 10, 3, 15, 45, tzinfo=UTC),
    ("Australia/Lord_Howe", date(2027, 10, 3)): datetime(2027, 10, 2, 15, 45, tzinfo=UTC),
}
TIMES = {
    "Europe/Berlin": time(2, 30),
    "America/New_York": time(2, 30),
    "Australia/Lord_Howe": time(2, 15),
}


def moment(zone: str, day: date) -> datetime:
    plain = datetime.combine(day, TIMES[zone], tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return DOCUMENTED.get((zone, day), plain)


@pytest.mark.parametrize("zone", TIMES)
def test_E04_every_week_of_two_years_has_one_issue_at_its_documented_moment(
    sqlite_database: Database, zone: str
) -> None:
    world = World(sqlite_database, now=datetime(2026, 1, 1, tzinfo=UTC))
    at = TIMES[zone]
    world.add_newsletter(timezone=zone, weekday=6, hour=at.hour, minute=at.minute)
    world.add_comparisons(WEEKS)
    world.add_readers(1)
    world.tick()
    days = [FIRST + timedelta(weeks=n) for n in range(WEEKS)]
    for day in days:
        due = moment(zone, day)
        world.tick(due - timedelta(hours=48))
        early = world.tick(due - timedelta(seconds=1))
        on_time = world.tick(due)
        assert ("released" in early, "released" in on_time) == (False, True), day
    issues = world.issues()
    assert [issue.number for issue in issues] == list(range(1, WEEKS + 1))
    assert {issue.state for issue in issues} == {IssueState.PREPARED}
    slots = sorted(world.turns().values(), key=lambda slot: slot.day)
    assert [slot.due_at for slot in slots] == [moment(zone, day) for day in days]
    assert [issue.pick["day"] for issue in issues] == [day.isoformat() for day in days]
