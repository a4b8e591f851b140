"""TODO face."""

from digest.issues.calendar.cadence import (
    NTHS,
    BadCadence,
    Cadence,
    Every,
    issue_day,
    period_of_day,
    rhythm,
    weekday_of,
)
from digest.issues.calendar.exceptions import LONGEST_SHIFT, Moment

__all__ = [
    "LONGEST_SHIFT",
    "NTHS",
    "BadCadence",
    "Cadence",
    "Every",
    "Moment",
    "issue_day",
    "period_of_day",
    "rhythm",
    "weekday_of",
]
