"""Start, show and end the plan that warms a sender up.

Hides how large a plan is that nobody gave numbers for, and what a person is told of it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from digest.app.installation import App
from digest.delivery.models import WarmUp
from digest.delivery.pace import (
    WarmUpDay,
    WarmUpLimits,
    active_warm_up,
    ask_again,
    day_left,
    day_of,
    end_warm_up,
    go_on,
    judge_warm_up,
    sent_since,
    start_warm_up,
    warm_up_days,
    warm_up_today,
)
from digest.delivery.sending import expected_audience
from digest.errors import WrongState
from digest.issues import store

#: The usual plan.
DAYS = 30
FIRST = 200


@dataclass(frozen=True, kw_only=True)
class WarmUpStatus:
    """Where a plan stands."""

    state: str  #: "none", "on", "stopped", or "over" once the last day's mail has left
    day: int = 0
    days: int = 0
    limit: int | None = None  #: readers today; ``None`` without a limit
    sent_today: int = 0
    left_today: int | None = None
    ahead: tuple[WarmUpDay, ...] = ()  #: the next days on which mail leaves
    why: str = ""  #: why it stopped

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def begin_warm_up(
    app: App, *, days: int | None = None, first: int | None = None, last: int | None = None
) -> WarmUpStatus:
    """Begin a plan; without numbers, one that stopped goes on from an earlier day.

    The last day's limit is the largest newsletter's readers, unless given. Raise `WrongState` while
    a plan is on, and for one that is too steep or for nobody.
    """
    now = app.clock()
    with app.database.write() as session:
        # First, as a claim locks the pace before the plan.
        ask_again(session, app.settings.max_per_hour, now)
        plan = active_warm_up(session)
        if plan is not None and plan.stopped_at is not None and not (days or first or last):
            go_on(session, plan, now)
        else:
            last = last or _largest(session, now)
            first = first or min(FIRST, last)
            start_warm_up(session, now=now, days=days or DAYS, first=first, last=last)
        session.flush()
        return _status(session, now)


def warm_up_status(app: App) -> WarmUpStatus:
    """Return where the plan stands."""
    with app.database.read() as session:
        return _status(session, app.clock())


def stop_warm_up(app: App, *, by: str, why: str) -> None:
    """End the plan by a person's decision; raise `WrongState` without one."""
    now = app.clock()
    with app.database.write() as session:
        ask_again(session, app.settings.max_per_hour, now)
        end_warm_up(session, by=by, why=why, now=now)


def look_after_warm_up(app: App, now: datetime) -> str:
    """Stop the plan where too many bounced or complained; return why, empty while it's well."""
    limits = app.sending.rollout_limits
    with app.database.read() as session:
        if active_warm_up(session) is None:
            return ""
    with app.database.write() as session:
        why = judge_warm_up(
            session,
            now,
            WarmUpLimits(bounced=limits.bounced, complained=limits.complained),
        )
    return f"stopped, and every issue on its way is paused: {why}" if why else ""


def _largest(session: Session, now: datetime) -> int:
    counts = [
        expected_audience(session, each.slug, None, now).readers
        for each in store.newsletters(session)
    ]
    if not max(counts, default=0):
        raise WrongState(
            "nobody is subscribed yet, so there is nothing to warm up for",
            next_step="digest warmup start --to READERS",
        )
    return max(counts)


def _status(session: Session, now: datetime) -> WarmUpStatus:
    plan = active_warm_up(session)
    if plan is None:
        return WarmUpStatus(state="none")
    sent = sent_since(session, day_of(now))
    today = warm_up_today(session, now)
    if plan.stopped_at is not None:
        return WarmUpStatus(
            state="stopped", day=plan.day, days=plan.days, sent_today=sent, why=plan.note
        )
    if today is None:
        return WarmUpStatus(state="over", day=plan.days, days=plan.days, sent_today=sent)
    return WarmUpStatus(
        state="on",
        day=today.number,
        days=plan.days,
        limit=today.limit,
        sent_today=sent,
        left_today=day_left(session, now),
        ahead=_ahead(plan, today),
    )


def _ahead(plan: WarmUp, today: WarmUpDay) -> tuple[WarmUpDay, ...]:
    return tuple(warm_up_days(plan)[today.number : today.number + 7])
