"""How a cadence and a time zone become days, moments in UTC, and words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from digest.errors import DigestError
from subscribers.locale import N_, translations, weekday_name

_WEEK = re.compile(r"(\d{4})-W(\d{2})")


class BadPeriod(DigestError):
    """A period looks like 2026-W48: the year and the ISO week."""


def period_of_day(day: date) -> str:
    """Return the ISO 8601 week of a day; around New Year its year may not be the day's."""
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


def period_at(now: datetime, timezone: str) -> str:
    """Return the period of *now* in *timezone*."""
    return period_of_day(now.astimezone(ZoneInfo(timezone)).date())


def issue_day(period: str, weekday: int) -> date:
    """Return the day of *weekday* in *period*; 0 is Monday. Raises `BadPeriod`."""
    match = _WEEK.fullmatch(period)
    if not match:
        raise BadPeriod
    try:
        return date.fromisocalendar(int(match[1]), int(match[2]), weekday + 1)
    except ValueError:
        raise BadPeriod(f"{period}: there is no such week") from None


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NTHS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
#: Second weeks are counted from a Monday, so that a year of 53 weeks doesn't shift them.
FIRST_MONDAY = date(1970, 1, 5)
WEEK = timedelta(weeks=1)


class Frequency(StrEnum):
    """How often a newsletter comes out."""

    WEEK = "week"  #: each week, on one weekday
    SECOND_WEEK = "second-week"  #: each second week, counted from the week of a given day
    MONTH = "month"  #: once a month: the first to fourth, or the last, of one weekday


class BadCadence(DigestError):
    """A cadence is a weekday, a time of day, a time zone, and for a month which of its weekdays."""


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """When a newsletter comes out; raises `BadCadence` for values no calendar has."""

    every: Frequency = Frequency.WEEK
    weekday: int = 1  #: 0 is Monday
    hour: int = 9
    minute: int = 0
    timezone: str = "UTC"
    nth: int | None = None  #: which weekday of the month, 1 to 4, or -1 for the last
    anchor: date | None = None  #: a day in a week with an issue, for every second week

    def __post_init__(self) -> None:
        """Raise `BadCadence` for values no calendar has."""
        try:
            time(self.hour, self.minute)
            ZoneInfo(self.timezone)
        except (ValueError, OSError, LookupError):
            raise BadCadence(
                f"{self.hour:02}:{self.minute:02} in {self.timezone or 'no zone'}: write a time"
                " like 09:00 and a zone like Europe/Berlin"
            ) from None
        if self.weekday not in range(len(WEEKDAYS)):
            raise BadCadence(f"a weekday is one of {', '.join(WEEKDAYS)}")
        if (self.nth is not None) is not (self.every is Frequency.MONTH):
            raise BadCadence("say which weekday of the month, and only for a monthly newsletter")
        if self.nth is not None and self.nth not in NTHS.values():
            raise BadCadence(f"a month has its weekday as {', '.join(NTHS)}")

    def days(self, start: date) -> Iterator[date]:
        """Yield the days of issues from *start* on, without end."""
        return self._of_months(start) if self.every is Frequency.MONTH else self._of_weeks(start)

    def instant(self, day: date) -> datetime:
        """Return the moment of *day*, in UTC.

        A time in the gap of a clock change is read with the offset before the change: 02:30 becomes
        03:30 where the clocks go forward an hour at 02:00. Of a time that occurs twice the first
        counts. See PEP 495, ``fold=0``.
        """
        return self.resolve(datetime.combine(day, time(self.hour, self.minute)))

    def resolve(self, wall: datetime) -> datetime:
        """Return the moment in UTC of the naive local time *wall*."""
        return wall.replace(tzinfo=ZoneInfo(self.timezone), fold=0).astimezone(UTC)

    def local(self, at: datetime) -> datetime:
        """Return a moment in the newsletter's time zone."""
        return at.astimezone(ZoneInfo(self.timezone))

    def __str__(self) -> str:
        """Return the cadence in words: "every second Tuesday at 09:00, Europe/Berlin"."""
        name = WEEKDAYS[self.weekday].capitalize()
        often = {
            Frequency.WEEK: f"every {name}",
            Frequency.SECOND_WEEK: f"every second {name}",
            Frequency.MONTH: f"the {_ordinal(self.nth)} {name} of the month",
        }[self.every]
        return f"{often} at {self.hour:02}:{self.minute:02}, {self.timezone}"

    def _of_weeks(self, start: date) -> Iterator[date]:
        step = WEEK if self.every is Frequency.WEEK else 2 * WEEK
        anchor = self.anchor or FIRST_MONDAY
        first = anchor + timedelta(days=self.weekday - anchor.weekday())
        day = first + -((first - start) // step) * step  # the first one not before start
        while True:
            yield day
            day += step

    def _of_months(self, start: date) -> Iterator[date]:
        year, month = start.year, start.month
        while True:
            day = _nth_weekday(year, month, self.weekday, self.nth or 1)
            if day >= start:
                yield day
            year, month = (year, month + 1) if month < _DECEMBER else (year + 1, 1)


def wall_time(text: str) -> datetime:
    """Return the naive local time that *text* writes, to the minute; raises `BadCadence`."""
    try:
        wall = datetime.fromisoformat(text)
    except ValueError:
        raise BadCadence(f"{text} isn't a date and time; write it like 2026-11-26T10:00") from None
    if wall.tzinfo is not None:
        raise BadCadence("write the time in the newsletter's own time zone, without a zone")
    return wall.replace(second=0, microsecond=0)


def weekday_of(name: str) -> int:
    """Return the weekday of a name or of its unique prefix ("tue"); raises `BadCadence`."""
    wanted = name.strip().lower()
    matches = [number for number, day in enumerate(WEEKDAYS) if wanted and day.startswith(wanted)]
    if len(matches) != 1:
        raise BadCadence(f"{name}: a weekday is one of {', '.join(WEEKDAYS)}")
    return matches[0]


_DECEMBER = 12


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    if nth > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
    following = date(year + month // _DECEMBER, month % _DECEMBER + 1, 1)
    last = following - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - weekday) % 7)


def _ordinal(nth: int | None) -> str:
    return {number: word for word, number in NTHS.items()}[nth or 1]


_RHYTHMS: Mapping[Frequency, str] = {
    Frequency.WEEK: N_("every %(weekday)s"),
    Frequency.SECOND_WEEK: N_("every other %(weekday)s"),
    Frequency.MONTH: N_("on the %(nth)s %(weekday)s of the month"),
}
#: Which one of the weekdays of a month, by `Cadence.nth`.
_ORDINALS: Mapping[int, str] = {
    # Translators: the first to fourth, or the last, weekday of a month.
    1: N_("first"),
    2: N_("second"),
    3: N_("third"),
    4: N_("fourth"),
    -1: N_("last"),
}


def rhythm(cadence: Cadence, language: str) -> str:
    """Return how often a newsletter comes out, to end a sentence with: "every Tuesday"."""
    words = translations(language)
    return words.gettext(_RHYTHMS[cadence.every]) % {
        "weekday": weekday_name(cadence.weekday, language),
        "nth": words.gettext(_ORDINALS[cadence.nth or 1]),
    }
