"""How the texts of an option or a form change when a newsletter comes out."""

from __future__ import annotations

from datetime import datetime

from digest.errors import NotFound
from digest.issues.calendar.cadence import NTHS, Frequency, weekday_of
from digest.issues.models import Newsletter


def set_cadence(
    newsletter: Newsletter,
    now: datetime,
    *,
    every: Frequency | None = None,
    on: str | None = None,
    at: str | None = None,
    zone: str | None = None,
    nth: str | None = None,
) -> None:
    """Set when issues come out, as far as it is given; raises `BadCadence` or `NotFound`.

    *on* is a weekday's name, *at* a time such as 09:00, *nth* a key of `NTHS`.
    """
    newsletter.every = every or newsletter.every
    newsletter.weekday = weekday_of(on) if on else newsletter.weekday
    newsletter.timezone = zone or newsletter.timezone
    if at:
        newsletter.hour, newsletter.minute = _parse_time(at)
    if every is not None or nth is not None:
        newsletter.nth = _parse_nth(nth) if newsletter.every is Frequency.MONTH else None
    newsletter.cadence()
    # Moments of the new cadence before this time aren't claimed, so none counts as missed.
    newsletter.scheduled_since = now


def _parse_time(text: str) -> tuple[int, int]:
    hour, _, minute = text.partition(":")
    if not (hour.isdecimal() and minute.isdecimal()):
        raise NotFound(f"{text} isn't a time; write it like 09:00")
    return int(hour), int(minute)


def _parse_nth(text: str | None) -> int:
    if text not in NTHS:
        raise NotFound(f"say which weekday of the month: --nth {'|'.join(NTHS)}")
    return NTHS[text]
