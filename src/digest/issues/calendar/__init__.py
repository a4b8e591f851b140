"""When each issue of a newsletter is due, and what the service does next about it.

`cadence` yields the days of a weekly, fortnightly or monthly newsletter and turns them into
moments in UTC; `exceptions` lays blackouts and shifts over them. `slots` claims each moment in
the database as a slot of its period, `next_issue` says which one comes next where no period is
named, and `slot_workflow` names the next step of a slot from its
state, its issue and the time. `day_words` tells people a day.
"""

from digest.issues.calendar.cadence import (
    NTHS,
    BadCadence,
    BadPeriod,
    Cadence,
    Frequency,
    issue_day,
    period_of_day,
    rhythm,
    wall_time,
    weekday_of,
)
from digest.issues.calendar.exceptions import LONGEST_SHIFT, DueMoment

__all__ = [
    "LONGEST_SHIFT",
    "NTHS",
    "BadCadence",
    "BadPeriod",
    "Cadence",
    "DueMoment",
    "Frequency",
    "issue_day",
    "period_of_day",
    "rhythm",
    "wall_time",
    "weekday_of",
]
