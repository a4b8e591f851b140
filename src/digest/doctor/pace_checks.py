"""Check that the limits let each issue out before the next one is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import func
from sqlmodel import Session

from digest.app.installation import App
from digest.delivery.pace import active_warm_up, scope_of, warm_up_days, warm_up_today
from digest.delivery.sending import expected_audience
from digest.doctor.health_check import CheckResult, fine, warning
from digest.issues import store
from digest.issues.calendar import BadCadence, slots
from digest.issues.models import Newsletter
from subscribers.audience import audience, domain

HOUR = timedelta(hours=1)
_ABOUT = "pace"


def check_pace(app: App) -> Iterator[CheckResult]:
    """Yield what the limits come to, and each newsletter whose issues they'd make too slow."""
    with app.database.read() as session:
        pace = app.sending.pace(session)
        if not pace.is_limited:
            return
        slow = [
            result
            for newsletter in store.newsletters(session)
            if newsletter.running
            for result in _of_newsletter(app, session, newsletter)
        ]
        yield from slow
        yield from _warm_up(app, session)
    if not slow and pace.per_hour_of:
        yield fine(_ABOUT, "at these limits, each issue is out before the next one is due")


def _of_newsletter(app: App, session: Session, newsletter: Newsletter) -> Iterator[CheckResult]:
    hours = _hours_between(app, session, newsletter)
    limits = app.sending.pace(session).per_hour_of
    if hours is None or not limits:
        return
    readers = _readers(app, session, newsletter)
    for scope, limit in limits.items():
        number = readers.get(scope, 0)
        if number > limit * hours:
            whose = "" if scope == "all" else f" at {scope}"
            setting = "DIGEST_MAX_PER_HOUR" + ("_BY_DOMAIN" if whose else "")
            yield warning(
                _ABOUT,
                f"{number:,} readers of {newsletter.slug}{whose} take {number / limit:,.0f} hours"
                f" at {limit:,} an hour, and the next issue is due after {hours:,.0f}",
                f"raise {setting} to at least {-(-number // int(hours)):,}",
            )


def _hours_between(app: App, session: Session, newsletter: Newsletter) -> float | None:
    try:
        moments = slots.calendar_of(session, newsletter).after(app.clock())
    except BadCadence:  # another check says so
        return None
    first, second = next(moments), next(moments)
    return (second.at - first.at) / HOUR


def _readers(app: App, session: Session, newsletter: Newsletter) -> dict[str, int]:
    """Return how many readers may be mailed by scope, "all" included."""
    now = app.clock()
    readers = {"all": expected_audience(session, newsletter.slug, None, now).readers}
    if not app.settings.hourly_limits():
        return readers
    rows = audience(newsletter.slug, now)
    at = domain(session.connection().dialect)
    counted = session.connection().execute(
        rows.with_only_columns(at, func.count(), maintain_column_froms=True)
        .where(rows.selected_columns.exclusion.is_(None))
        .group_by(at)
    )
    for of_domain, number in counted:
        scope = scope_of(of_domain)
        readers[scope] = readers.get(scope, 0) + number
    return readers


def _warm_up(app: App, session: Session) -> Iterator[CheckResult]:
    plan = active_warm_up(session)
    if plan is None:
        return
    if plan.stopped_at is not None:
        step = "digest warmup status says how to go on"
        yield warning("warm-up", f"it stopped, and nothing is sent: {plan.note}", step)
        return
    today = warm_up_today(session, app.clock())
    if today is not None:
        last = warm_up_days(plan)[-1].limit
        says = f"day {today.number} of {plan.days}: {today.limit:,} readers, {last:,} on the last"
        yield fine("warm-up", says)
