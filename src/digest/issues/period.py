"""Periods: the ISO week an issue belongs to, named like "2026-W48"."""

from __future__ import annotations

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

from digest.errors import DigestError

_WEEK = re.compile(r"(\d{4})-W(\d{2})")


class BadPeriod(DigestError):
    """A period is named like 2026-W48: the year and the ISO week."""


def of_day(day: date) -> str:
    """Return the period a day lies in; the ISO year, which differs around New Year."""
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


def at(now: datetime, timezone: str) -> str:
    """Return the period that *now* lies in, as seen in *timezone*."""
    return of_day(now.astimezone(ZoneInfo(timezone)).date())


def day_of(period: str, weekday: int) -> date:
    """Return the day an issue of *period* comes out; raises `BadPeriod`. Monday is 0."""
    found = _WEEK.fullmatch(period)
    if not found:
        raise BadPeriod
    try:
        return date.fromisocalendar(int(found[1]), int(found[2]), weekday + 1)
    except ValueError:
        raise BadPeriod(f"{period}: there is no such week") from None
