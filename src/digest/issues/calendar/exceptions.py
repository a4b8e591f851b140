"""How blackouts and shifts change the moments of a cadence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from digest.errors import DigestError
from digest.issues.calendar.cadence import Cadence, period_of_day

#: A shifted moment stays between its neighbours, and the longest step of a cadence is a month.
LONGEST_SHIFT = timedelta(days=35)


class BadShift(DigestError):
    """An issue can only move to a time between the previous issue and the next."""


@dataclass(frozen=True, kw_only=True)
class DueMoment:
    """The moment at which the issue of one period is due."""

    period: str  #: of the day the cadence names, also when the moment is shifted
    day: date  #: the day the cadence names
    at: datetime  #: UTC
    local: datetime  #: the same moment in the newsletter's time zone
    moved: bool = False
    blackout: str | None = None  #: why no issue comes out


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """A cadence with its exceptions.

    *blackouts* maps days to reasons; *shifts* maps periods to the naive local time that replaces
    the one of the cadence.
    """

    cadence: Cadence
    blackouts: Mapping[date, str] = field(default_factory=dict)
    shifts: Mapping[str, datetime] = field(default_factory=dict)

    def from_day(self, day: date) -> Iterator[DueMoment]:
        """Yield the moments whose day is *day* or later, in order, without end."""
        return (self.moment(cadence_day) for cadence_day in self.cadence.days(day))

    def after(self, now: datetime) -> Iterator[DueMoment]:
        """Yield the moments later than *now*, in order, without end."""
        start = self.cadence.local(now).date() - LONGEST_SHIFT
        return (moment for moment in self.from_day(start) if moment.at > now)

    def moment(self, day: date) -> DueMoment:
        """Return the moment of one of the cadence's days."""
        period = period_of_day(day)
        wall = self.shifts.get(period)
        at = self.cadence.resolve(wall) if wall else self.cadence.instant(day)
        return DueMoment(
            period=period,
            day=day,
            at=at,
            local=self.cadence.local(at),
            moved=wall is not None,
            # A person who shifts an issue to a day has seen its blackout.
            blackout=None if wall else self.blackouts.get(day),
        )

    def shifted(self, period: str, wall: datetime) -> DueMoment:
        """Return *period*'s moment shifted to *wall*; raises `BadShift` past its neighbours."""
        start = wall.date() - 2 * LONGEST_SHIFT
        before: DueMoment | None = None
        days = self.cadence.days(start)
        for moment in (self.moment(cadence_day) for cadence_day in days):
            if moment.period == period:
                break
            if moment.day > wall.date() + LONGEST_SHIFT:
                raise BadShift(f"no issue of {period} is due within a month of {wall:%Y-%m-%d}")
            before = moment
        following = self.moment(next(days))
        at = self.cadence.resolve(wall)
        if (before and at <= before.at) or at >= following.at:
            raise BadShift
        moved = Calendar(cadence=self.cadence, shifts={**self.shifts, period: wall})
        return moved.moment(moment.day)
