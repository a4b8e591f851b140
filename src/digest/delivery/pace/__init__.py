"""How fast mail may leave, over all machines on one database.

`limits` turns the settings into a `Pace`: readers an hour, in all and for each mailbox provider,
and requests under way. `pace_rows` keeps how far each scope has come in one row of the database: a
claim asks `take` in its own transaction, which counts the batch or says when to ask again, and a
settlement that was asked to pause makes every machine `hold`. `warm_up` adds a limit a day, which
grows with the days on which mail left, and stops when too many bounce or complain. `waits` tells
people what mail waits for. Without a limit no row is written but for a pause. `adaptive_limit` is
the only part that each process has for itself: how many requests it has under way by how they are
answered.
"""

from digest.delivery.pace.adaptive_limit import AdaptiveLimit
from digest.delivery.pace.limits import UNLIMITED, Pace, domains_of, scope_of
from digest.delivery.pace.pace_rows import (
    PaceWait,
    ask_again,
    free_at,
    has_limit,
    hold,
    is_paced,
    paced_until,
    put_off,
    take,
    waits,
)
from digest.delivery.pace.warm_up import (
    WarmUpDay,
    WarmUpLimits,
    active_warm_up,
    day_left,
    day_of,
    end_warm_up,
    go_on,
    judge_warm_up,
    sent_since,
    start_warm_up,
    stop_reason,
    warm_up_days,
    warm_up_today,
)

__all__ = [
    "UNLIMITED",
    "AdaptiveLimit",
    "Pace",
    "PaceWait",
    "WarmUpDay",
    "WarmUpLimits",
    "active_warm_up",
    "ask_again",
    "day_left",
    "day_of",
    "domains_of",
    "end_warm_up",
    "free_at",
    "go_on",
    "has_limit",
    "hold",
    "is_paced",
    "judge_warm_up",
    "paced_until",
    "put_off",
    "scope_of",
    "sent_since",
    "start_warm_up",
    "stop_reason",
    "take",
    "waits",
    "warm_up_days",
    "warm_up_today",
]
