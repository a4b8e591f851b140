"""Warm a sender up: a limit for each day, which grows with the days on which mail left.

This module decides how the limit grows, what counts as sent today, and what stops the plan: too
many bounces or complaints in the last days. A plan that stopped lets nothing go until a person
starts it again or ends it. Days are those of UTC, for all newsletters and machines alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from digest.delivery.models import Attempt, Batch, BatchState, Delivery, DeliveryStatus, WarmUp
from digest.errors import WrongState
from digest.issues.announcing import announce_paused
from digest.issues.models import Edition, Issue, IssueState

#: The rates are those of the mails of so many days.
JUDGED_DAYS = 3
#: A single bounce or complaint is no rate.
FEWEST = 2
#: A day's limit is at most so many times that of the day before.
STEEPEST = 2.0
_MAY_HAVE_LEFT = [
    BatchState.CLAIMED,
    BatchState.STARTED,
    BatchState.ACCEPTED,
    BatchState.IN_DOUBT,
]


@dataclass(frozen=True, kw_only=True)
class WarmUpDay:
    """One day of a plan: its number, from 1, and how many readers may get mail on it."""

    number: int
    limit: int


@dataclass(frozen=True, kw_only=True)
class WarmUpLimits:
    """The highest bounce and complaint rates of a warm-up, as fractions of accepted mails."""

    bounced: float = 0.05
    complained: float = 0.003


def active_warm_up(session: Session) -> WarmUp | None:
    """Return the plan that limits sending now, or that stopped it; ``None`` without one."""
    return session.exec(select_rows(WarmUp).where(col(WarmUp.ended_at).is_(None))).first()


def start_warm_up(session: Session, *, now: datetime, days: int, first: int, last: int) -> WarmUp:
    """Begin a plan of *days* days from *first* to *last* readers a day; the caller commits.

    Raise `WrongState` while another plan is on, and for a plan that is too steep.
    """
    _require_gentle(days, first, last)
    found = active_warm_up(session)
    if found is not None and found.stopped_at is None:
        raise WrongState(
            f"a warm-up is on: day {_day(found, now)} of {found.days}",
            next_step="digest warmup status shows it; to end it: digest warmup stop",
        )
    if found is not None:
        found.ended_at = now
        session.add(found)
    plan = WarmUp(began_at=now, days=days, first_limit=first, last_limit=last)
    session.add(plan)
    session.flush()
    return plan


def go_on(session: Session, plan: WarmUp, now: datetime) -> WarmUp:
    """Let a plan that stopped go on from the last day of at most half the limit; caller commits."""
    half = _limit(plan, _day(plan, now)) / 2
    earlier = [each.number for each in warm_up_days(plan) if each.limit <= half]
    plan.day, plan.last_day = max(earlier, default=1) - 1, None
    plan.began_at, plan.stopped_at = now, None
    session.add(plan)
    return plan


def end_warm_up(session: Session, *, by: str, why: str, now: datetime) -> WarmUp:
    """End the plan by a person's decision: no limit comes from it any more; the caller commits.

    Raise `WrongState` without a plan, a name or a reason.
    """
    plan = active_warm_up(session)
    if plan is None:
        raise WrongState("no warm-up is on", next_step="digest warmup start begins one")
    if not by.strip() or not why.strip():
        raise WrongState("a decision needs a name and a reason")
    plan.ended_at, plan.ended_by, plan.note = now, by, why
    session.add(plan)
    return plan


def warm_up_days(plan: WarmUp) -> list[WarmUpDay]:
    """Return every day of a plan."""
    return [
        WarmUpDay(number=number, limit=_limit(plan, number)) for number in range(1, plan.days + 1)
    ]


def warm_up_today(session: Session, now: datetime) -> WarmUpDay | None:
    """Return today's limit; ``None`` where no plan is on, or its last day is over."""
    plan = active_warm_up(session)
    if plan is None or plan.stopped_at is not None or _day(plan, now) > plan.days:
        return None
    number = _day(plan, now)
    return WarmUpDay(number=number, limit=_limit(plan, number))


def day_left(session: Session, now: datetime) -> int | None:
    """Return how many readers may still get mail today; ``None`` without a limit."""
    today = warm_up_today(session, now)
    return None if today is None else max(0, today.limit - sent_since(session, day_of(now)))


def count_day(session: Session, now: datetime) -> None:
    """Count today as a day on which mail left; the caller commits."""
    today = now.astimezone(UTC).date()
    session.connection().execute(
        update(WarmUp)
        .where(
            col(WarmUp.ended_at).is_(None),
            or_(col(WarmUp.last_day).is_(None), col(WarmUp.last_day) != today),
        )
        .values(day=col(WarmUp.day) + 1, last_day=today)
    )


def sent_since(session: Session, since: datetime) -> int:
    """Return how many readers' mail was handed over since then, or is being handed over."""
    total = (
        select(func.coalesce(func.sum(col(Batch.size)), 0))
        .select_from(Issue)
        .join(Edition, col(Edition.issue_id) == col(Issue.id))
        .join(Batch, col(Batch.edition_id) == col(Edition.id))
        .join(Attempt, col(Attempt.key) == col(Batch.attempt))
        .where(*_handed_over(since), col(Batch.state).in_(_MAY_HAVE_LEFT))
    )
    return int(session.connection().execute(total).scalar_one())


def judge_warm_up(session: Session, now: datetime, limits: WarmUpLimits) -> str:
    """Stop the plan and pause every issue where too many bounced or complained; return why.

    A plan whose last day is over ends. Empty where nothing stopped it now. The caller commits.
    """
    plan = active_warm_up(session)
    if plan is None or plan.stopped_at is not None:
        return ""
    if _day(plan, now) > plan.days:
        plan.ended_at = now
        session.add(plan)
        return ""
    why = _problem(session, max(plan.began_at, now - timedelta(days=JUDGED_DAYS)), limits)
    if why:
        plan.stopped_at, plan.note = now, why
        session.add(plan)
        session.flush()
        paused = session.connection().execute(
            update(Issue)
            .where(col(Issue.state) == IssueState.PREPARED)
            .values(state=IssueState.PAUSED, note=stopped_words(why))
            .returning(col(Issue.id))
        )
        for issue_id in paused.scalars().all():
            announce_paused(session, session.get_one(Issue, issue_id), stopped_words(why), now)
    return why


def stop_reason(session: Session) -> str:
    """Return why the plan stopped, for the note of an issue; empty while mail may go."""
    plan = active_warm_up(session)
    return "" if plan is None or plan.stopped_at is None else stopped_words(plan.note)


def stopped_words(why: str) -> str:
    """Return the note of an issue that is paused since the plan stopped."""
    return f"the warm-up stopped: {why}"


def day_of(now: datetime) -> datetime:
    """Return when today began."""
    return datetime.combine(now.astimezone(UTC).date(), time(), UTC)


def next_day(now: datetime) -> datetime:
    """Return when the next day begins."""
    return day_of(now) + timedelta(days=1)


def _require_gentle(days: int, first: int, last: int) -> None:
    if last < first:
        raise WrongState(
            f"the last day's limit, {last:,}, is below the first day's, {first:,}",
            next_step="digest warmup start --from READERS --to READERS",
        )
    factor = (last / first) ** (1 / max(1, days - 1))
    if factor > STEEPEST:
        raise WrongState(
            f"from {first:,} to {last:,} readers a day in {days} days, each day would have"
            f" {factor:.1f} times the readers of the day before; mailbox providers distrust a"
            f" sender that grows by more than {STEEPEST:.0f} times a day",
            next_step="give it more days: digest warmup start --days N",
        )


def _day(plan: WarmUp, now: datetime) -> int:
    """Return the number of today: that of the next day where no mail left today."""
    return plan.day if plan.last_day == _date(now) else plan.day + 1


def _date(now: datetime) -> date:
    return now.astimezone(UTC).date()


def _limit(plan: WarmUp, number: int) -> int:
    """Return a day's limit, in two digits; the last day's as asked for."""
    if number >= plan.days:
        return plan.last_limit
    ratio = plan.last_limit / plan.first_limit
    exact = round(plan.first_limit * ratio ** ((number - 1) / (plan.days - 1)))
    return round(exact, min(0, 2 - len(str(exact)))) if number > 1 else plan.first_limit


def _problem(session: Session, since: datetime, limits: WarmUpLimits) -> str:
    accepted, by_status = _fates(session, since)
    bounced = by_status.get(DeliveryStatus.BOUNCED, 0) + by_status.get(DeliveryStatus.DROPPED, 0)
    complained = by_status.get(DeliveryStatus.COMPLAINED, 0)
    for verb, number, limit in (
        ("bounced", bounced, limits.bounced),
        ("complained", complained, limits.complained),
    ):
        if number >= FEWEST and number > limit * accepted:
            return (
                f"of {accepted:,} readers since {since:%Y-%m-%d %H:%M} UTC {number:,} {verb}"
                f" ({number / accepted:.1%}; limit {limit:.1%})"
            )
    return ""


def _fates(session: Session, since: datetime) -> tuple[int, dict[DeliveryStatus | None, int]]:
    """Return how many mails were accepted since then, and how many of them have which status."""
    rows = session.connection().execute(
        select(col(Delivery.news), func.count())
        .select_from(Issue)
        .join(Edition, col(Edition.issue_id) == col(Issue.id))
        .join(Batch, col(Batch.edition_id) == col(Edition.id))
        .join(Attempt, col(Attempt.key) == col(Batch.attempt))
        .join(
            Delivery, col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery))
        )
        .where(
            *_handed_over(since),
            col(Batch.state) == BatchState.ACCEPTED,
            col(Delivery.outcome).is_(None),
        )
        .group_by(col(Delivery.news))
    )
    by_status = {row[0]: row[1] for row in rows}
    return sum(by_status.values()), by_status


def _handed_over(since: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of an attempt since then, among issues that may have one."""
    on_its_way = [IssueState.PREPARED, IssueState.PAUSED, IssueState.CANCELLED]
    return (
        or_(col(Issue.state).in_(on_its_way), col(Issue.sent_at) >= since),
        col(Attempt.claimed_at) >= since,
    )
