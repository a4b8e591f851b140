"""Cadence: the dates and periods of a newsletter's issues."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.issues.calendar.cadence import BadCadence, Cadence, Frequency, weekday_of
from digest.issues.calendar.exceptions import BadShift, Calendar, DueMoment

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]


def moments(calendar: Calendar, first: date, last: date) -> Iterator[DueMoment]:
    return takewhile(lambda m: m.day <= last, calendar.from_day(first))


def test_a_weekly_newsletter_comes_out_on_its_weekday() -> None:
    cadence = Cadence(weekday=weekday_of("thu"))
    assert list(islice(cadence.days(date(2026, 11, 24)), 3)) == [
        date(2026, 11, 26),
        date(2026, 12, 3),
        date(2026, 12, 10),
    ]


def test_a_day_that_fits_is_the_first_one() -> None:
    assert next(Cadence(weekday=1).days(date(2026, 11, 24))) == date(2026, 11, 24)


def test_every_second_week_is_counted_from_the_week_of_the_anchor() -> None:
    cadence = Cadence(every=Frequency.SECOND_WEEK, weekday=3, anchor=date(2026, 12, 1))
    days = list(islice(cadence.days(date(2026, 11, 24)), 3))
    assert days == [date(2026, 12, 3), date(2026, 12, 17), date(2026, 12, 31)]


def test_every_second_week_keeps_its_step_over_a_year_of_53_weeks() -> None:
    days = list(islice(Cadence(every=Frequency.SECOND_WEEK).days(date(2026, 12, 1)), 40))
    assert {b - a for a, b in pairwise(days)} == {timedelta(days=14)}


@pytest.mark.parametrize(
    ("nth", "expected"), [(1, date(2027, 1, 1)), (4, date(2027, 1, 22)), (-1, date(2027, 1, 29))]
)
def test_a_month_has_its_first_fourth_and_last_friday(nth: int, expected: date) -> None:
    cadence = Cadence(every=Frequency.MONTH, nth=nth, weekday=4)
    assert next(cadence.days(date(2027, 1, 1))) == expected


def test_a_february_of_29_days_has_a_last_tuesday_on_its_29th() -> None:
    cadence = Cadence(every=Frequency.MONTH, nth=-1, weekday=1)
    assert next(cadence.days(date(2028, 2, 1))) == date(2028, 2, 29)


def test_E04_a_time_the_clocks_jump_over_comes_as_much_later() -> None:
    berlin = Cadence(timezone="Europe/Berlin", hour=2, minute=30)
    howe = Cadence(timezone="Australia/Lord_Howe", hour=2, minute=15)
    assert berlin.instant(date(2027, 3, 28)) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert f"{berlin.local(berlin.instant(date(2027, 3, 28))):%H:%M}" == "03:30"
    assert f"{howe.local(howe.instant(date(2026, 10, 4))):%H:%M}" == "02:45"


def test_E04_a_time_the_clocks_show_twice_is_the_first_of_the_two() -> None:
    berlin = Cadence(timezone="Europe/Berlin", hour=2, minute=30)
    howe = Cadence(timezone="Australia/Lord_Howe", hour=1, minute=45)
    assert berlin.instant(date(2026, 10, 25)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert howe.instant(date(2027, 4, 4)) == datetime(2027, 4, 3, 14, 45, tzinfo=UTC)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("at", [(0, 0), (1, 45), (2, 15), (2, 30), (9, 0), (23, 59)])
def test_E04_two_years_have_one_moment_a_week_and_no_period_twice(
    zone: str, at: tuple[int, int]
) -> None:
    cadence = Cadence(timezone=zone, weekday=6, hour=at[0], minute=at[1])  # clocks change on Sunday
    due = list(moments(Calendar(cadence=cadence), date(2026, 1, 1), date(2027, 12, 31)))
    assert len({m.period for m in due}) == len(due) == 104
    assert all(a.at < b.at for a, b in pairwise(due))
    gaps = {b.at - a.at - timedelta(weeks=1) for a, b in pairwise(due)}
    assert gaps <= {timedelta(minutes=m) for m in (-60, -30, 0, 30, 60)}


def test_E06_periods_are_in_order_over_week_53_and_new_year() -> None:
    calendar = Calendar(cadence=Cadence(weekday=4, timezone="Europe/Berlin"))
    periods = [m.period for m in moments(calendar, date(2026, 12, 21), date(2027, 1, 16))]
    assert periods == ["2026-W52", "2026-W53", "2027-W01", "2027-W02"]


def test_E06_a_leap_day_has_its_issue_and_moves_none() -> None:
    due = list(moments(Calendar(cadence=Cadence()), date(2028, 2, 15), date(2028, 3, 14)))
    assert date(2028, 2, 29) in [m.day for m in due]
    assert [m.period for m in due] == [f"2028-W{week:02}" for week in range(7, 12)]


def test_E06_the_period_is_of_the_day_in_the_newsletters_zone_not_of_utc() -> None:
    cadence = Cadence(weekday=0, hour=7, timezone="Pacific/Kiritimati")  # UTC+14
    monday = next(Calendar(cadence=cadence).from_day(date(2027, 1, 4)))
    assert monday.at == datetime(2027, 1, 3, 17, 0, tzinfo=UTC)  # a Sunday, of the week before
    assert monday.period == "2027-W01"


def test_a_blackout_keeps_its_moment_and_says_why() -> None:
    calendar = Calendar(cadence=Cadence(), blackouts={date(2026, 12, 29): "holidays"})
    reasons = [m.blackout for m in moments(calendar, date(2026, 12, 22), date(2027, 1, 5))]
    assert reasons == [None, "holidays", None]


def test_a_shift_moves_one_moment_and_keeps_its_period() -> None:
    calendar = Calendar(
        cadence=Cadence(timezone="Europe/Berlin"),
        shifts={"2026-W53": datetime.fromisoformat("2027-01-02T10:00")},
    )
    moved = next(calendar.from_day(date(2026, 12, 29)))
    assert (moved.period, moved.moved) == ("2026-W53", True)
    assert moved.at == datetime(2027, 1, 2, 9, 0, tzinfo=UTC)


def test_a_shift_past_its_neighbour_is_refused() -> None:
    calendar = Calendar(cadence=Cadence())
    with pytest.raises(BadShift):
        calendar.shifted("2026-W49", datetime.fromisoformat("2026-12-08T09:00"))
    with pytest.raises(BadShift):
        calendar.shifted("2026-W49", datetime.fromisoformat("2026-11-24T09:00"))


def test_a_moment_that_was_moved_ahead_is_still_found() -> None:
    calendar = Calendar(
        cadence=Cadence(), shifts={"2026-W49": datetime.fromisoformat("2026-11-27T09:00")}
    )
    coming = calendar.after(datetime(2026, 11, 25, tzinfo=UTC))
    assert [m.period for m in islice(coming, 2)] == ["2026-W49", "2026-W50"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": "Mars/Olympus"},
        {"timezone": ""},
        {"hour": 24},
        {"weekday": 7},
        {"nth": 1},
        {"every": Frequency.MONTH},
        {"every": Frequency.MONTH, "nth": 5},
    ],
)
def test_what_no_calendar_has_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadCadence):
        Cadence(**wrong)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("name", ["", "t", "someday"])
def test_a_weekday_is_named_clearly(name: str) -> None:
    with pytest.raises(BadCadence):
        weekday_of(name)


@given(
    zone=st.sampled_from([*ZONES, "Pacific/Apia", "Africa/Casablanca", "Asia/Kathmandu"]),
    every=st.sampled_from(Frequency),
    weekday=st.integers(0, 6),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    start=st.dates(date(2005, 1, 1), date(2036, 1, 1)),
)
def test_moments_come_in_order_whatever_the_zone_does(
    zone: str, every: Frequency, weekday: int, hour: int, minute: int, start: date
) -> None:
    cadence = Cadence(
        timezone=zone,
        every=every,
        weekday=weekday,
        hour=hour,
        minute=minute,
        nth=2 if every is Frequency.MONTH else None,
    )
    due = list(islice(Calendar(cadence=cadence).from_day(start), 20))
    assert all(a.at < b.at and a.period < b.period for a, b in pairwise(due))
    assert all(start <= m.day and m.day.weekday() == weekday for m in due)
    assert all(m.local.tzinfo == ZoneInfo(zone) for m in due)
