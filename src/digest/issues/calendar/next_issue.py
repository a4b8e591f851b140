"""Which issue is next where no period is named: one rule for pick, build, the desk and the service.

The next issue is the next one that is due and open. A moment that has passed counts while the
service still sends its issue: within the lateness that the newsletter allows, and until a later
moment has come. A moment before the service began, a blackout, and a period whose issue is sent or
cancelled don't count.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from heapq import merge
from itertools import takewhile
from operator import attrgetter

from sqlmodel import Session

from digest.issues import store
from digest.issues.calendar import slots
from digest.issues.calendar.cadence import Cadence, issue_day
from digest.issues.calendar.exceptions import LONGEST_SHIFT, DueMoment
from digest.issues.calendar.slot_workflow import SlotTimes
from digest.issues.models import IssueState, Newsletter, Slot

SUNDAY = 6
#: States in which an issue can be built, or built again, by default.
OPEN = (None, IssueState.BUILT, IssueState.SKIPPED)


def next_issue(session: Session, newsletter: Newsletter, now: datetime) -> DueMoment:
    """Return the moment of the next issue that is due and open; raises `BadCadence`."""
    moments = merge(
        _begun(session, newsletter, now),
        (moment for moment in unclaimed(session, newsletter, now) if moment.blackout is None),
        key=attrgetter("at"),
    )
    return next(
        moment
        for moment in _without_overtaken(moments, newsletter, now)
        if _state(session, newsletter, moment.period) in OPEN
    )


def unclaimed(session: Session, newsletter: Newsletter, now: datetime) -> Iterator[DueMoment]:
    """Yield the moments that no process has claimed, in order, without end.

    Moments before the service began, or before the schedule was last changed, are left out.
    """
    calendar = slots.calendar_of(session, newsletter)
    since = newsletter.scheduled_since or now
    latest = slots.latest_day(session, newsletter.id)
    start = calendar.cadence.local(since).date() - LONGEST_SHIFT
    start = max(start, latest + timedelta(days=1)) if latest else start
    return (moment for moment in calendar.from_day(start) if moment.at >= since)


def leaves_at(
    session: Session, newsletter: Newsletter, period: str, now: datetime
) -> datetime | None:
    """Return when the service sends a period's issue by itself; ``None`` when it won't."""
    if not newsletter.running:
        return None
    last = issue_day(period, SUNDAY)
    ahead = takewhile(lambda moment: moment.day <= last, unclaimed(session, newsletter, now))
    moments = merge(
        _begun(session, newsletter, now),
        (moment for moment in ahead if moment.blackout is None),
        key=attrgetter("at"),
    )
    goes = _without_overtaken(moments, newsletter, now)
    return next((moment.at for moment in goes if moment.period == period), None)


def date_of(session: Session, newsletter: Newsletter, period: str) -> date:
    """Return the day that the issue of *period* is dated, in the newsletter's time zone.

    That is the day of its moment: of its slot, else of its shift, else of the cadence. Raises
    `BadPeriod`.
    """
    slot = slots.slot_of(session, newsletter.id, period)
    if slot is not None:
        return newsletter.cadence().local(slot.due_at).date()
    wall = slots.shifted_to(session, newsletter, period)
    return wall.date() if wall else issue_day(period, newsletter.weekday)


def _begun(session: Session, newsletter: Newsletter, now: datetime) -> list[DueMoment]:
    """Return the moments of the slots whose issue the service still sends, in order."""
    newest = slots.latest_due(session, newsletter.id, now)
    cadence = newsletter.cadence()
    waiting = slots.slots_of(session, newsletter.id, slots.WAITING)
    begun = [_of_slot(cadence, slot) for slot in waiting if newest is None or slot.day >= newest]
    return sorted(begun, key=attrgetter("at"))


def _of_slot(cadence: Cadence, slot: Slot) -> DueMoment:
    local = cadence.local(slot.due_at)
    return DueMoment(period=slot.period, day=slot.day, at=slot.due_at, local=local)


def _without_overtaken(
    moments: Iterator[DueMoment], newsletter: Newsletter, now: datetime
) -> Iterator[DueMoment]:
    """Yield the moments to come, after the last one that has passed if it isn't too late for it."""
    passed: DueMoment | None = None
    for moment in moments:
        if moment.at <= now:
            passed = moment
            continue
        if passed is not None and now <= passed.at + SlotTimes.of(newsletter).late:
            yield passed
        passed = None
        yield moment
    if passed is not None and now <= passed.at + SlotTimes.of(newsletter).late:
        yield passed


def _state(session: Session, newsletter: Newsletter, period: str) -> IssueState | None:
    issue = store.by_period(session, newsletter.id, period)
    return issue.state if issue else None
