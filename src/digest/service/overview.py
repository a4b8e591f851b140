"""Report what the schedule does: upcoming moments, recent slots, job runs.

Hides how the wording for people and the facts for JSON are derived from slots and rulings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from operator import attrgetter
from typing import Any

from sqlmodel import Session, col, select

from digest.errors import DigestError
from digest.issues import store
from digest.issues.calendar import slots
from digest.issues.calendar.slot_workflow import SlotTimes
from digest.issues.issue_commands import named
from digest.issues.models import Issue, IssueState, JobRun, Newsletter, Slot, SlotState, WhenEmpty
from digest.service.publisher import Allowed, ReleaseDecision

RECENT = timedelta(days=28)  #: slots due this long ago are still shown


@dataclass(frozen=True, kw_only=True)
class UpcomingMoment:
    """One moment an issue is due at, and what is done around it and by whom."""

    period: str
    local: datetime
    utc: datetime
    draft_at: datetime  #: the engine builds the draft
    remind_at: datetime  #: the editors are mailed that the issue isn't approved
    latest: datetime  #: until then the service sends it without a person
    what: str
    state: str = ""  #: of its slot, where the slot is claimed
    issue: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a dict of plain values."""
        return asdict(self)


def upcoming(
    session: Session, newsletter: Newsletter, now: datetime, many: int, allowed: Allowed
) -> list[UpcomingMoment]:
    """Return at least *many* moments in order of time, open slots included."""
    calendar = slots.calendar_of(session, newsletter)
    begun = slots.slots_of(session, newsletter.id, (*slots.OPEN, SlotState.SKIPPED))
    ahead = [slot for slot in begun if slot.due_at > now or slot.state is SlotState.HELD]
    moments = [_of_slot(session, newsletter, slot, allowed) for slot in ahead]
    latest = slots.latest_day(session, newsletter.id)
    following = (later for later in calendar.after(now) if latest is None or later.day > latest)
    for moment in islice(following, max(0, many - len(moments))):
        why = moment.blackout or _cancelled(session, newsletter, moment.period)
        what = f"no issue: {why}" if why else _what(newsletter)
        what += " (moved)" if moment.moved else ""
        moments.append(_moment(newsletter, moment.period, moment.at, what))
    return sorted(moments, key=attrgetter("utc"))


def recent_slots(session: Session, newsletter: Newsletter, now: datetime) -> Sequence[Slot]:
    """Return the slots due since `RECENT`, and those that wait for a person."""
    return slots.slots_of(session, newsletter.id, since=now - RECENT)


def job_runs(session: Session) -> Sequence[JobRun]:
    """Return the job runs, ordered by name."""
    return session.exec(select(JobRun).order_by(col(JobRun.name))).all()


def slot_facts(session: Session, slot: Slot, allowed: Allowed) -> dict[str, Any]:
    """Return a slot's facts as plain values, with the next step for a person."""
    issue = store.by_period(session, slot.newsletter_id, slot.period)
    decision = _decision(session, slot, issue, allowed)
    return {
        "period": slot.period,
        "due_at": slot.due_at,
        "state": slot.state,
        "note": slot.note or (decision.why if decision else ""),
        "next_step": _step(slot, issue, decision),
    }


def _step(slot: Slot, issue: Issue | None, decision: ReleaseDecision | None) -> str:
    number = issue.number if issue else None
    if decision is not None:
        return decision.step
    if slot.state is SlotState.MISSED:
        build = "" if number else f"digest build --period {slot.period} --yes; "
        which = named(issue) if issue and number else "ISSUE"
        by_hand = f"{build}digest approve {which}; digest send {which}"
        return f"send it yourself ({by_hand}), or leave it"
    return "fix this; Digest tries again by itself" if slot.state is SlotState.HELD else ""


def _decision(
    session: Session, slot: Slot, issue: Issue | None, allowed: Allowed
) -> ReleaseDecision | None:
    """Return whether the slot's issue may be released; ``None`` where that isn't open."""
    undecided = slot.state in {SlotState.DRAFTED, SlotState.HELD}
    if not undecided or issue is None or issue.state is not IssueState.BUILT:
        return None
    try:
        return allowed(session, issue)
    except DigestError as fault:
        return ReleaseDecision(False, str(fault), step=fault.next_step or "")


def job_facts(row: JobRun, now: datetime) -> dict[str, Any]:
    """Return a job run's facts as plain values."""
    return {
        "name": row.name,
        "last_run": row.started_at,
        "next_run": row.next_at,
        "running": row.ended_at is None,
        "ok": row.ok,
        "result": row.result,
        "overdue": now > row.next_at + max(timedelta(minutes=5), timedelta(seconds=row.every)),
    }


def _of_slot(
    session: Session, newsletter: Newsletter, slot: Slot, allowed: Allowed
) -> UpcomingMoment:
    issue = store.by_period(session, newsletter.id, slot.period)
    decision = _decision(session, slot, issue, allowed)
    if slot.state is SlotState.SKIPPED:
        what = f"no issue: {slot.note}"
    elif decision is None:
        what = f"{_what(newsletter)}; {slot.note}" if slot.note else _what(newsletter)
    elif decision.may_go:
        what = f"goes out when due: {decision.why}"
    else:
        what = f"doesn't go out yet: {decision.why}"
        what += f"; to release it: {decision.step}" if decision.step else ""
    moment = _moment(newsletter, slot.period, slot.due_at, what)
    number = issue.number if issue else None
    return UpcomingMoment(**{**asdict(moment), "state": slot.state.value, "issue": number})


def _cancelled(session: Session, newsletter: Newsletter, period: str) -> str:
    """Return that the issue of a period was cancelled, and why; empty where it wasn't."""
    issue = store.by_period(session, newsletter.id, period)
    if issue is None or issue.state is not IssueState.CANCELLED:
        return ""
    return f"issue {issue.number} was cancelled: {issue.note}"


def _moment(newsletter: Newsletter, period: str, at: datetime, what: str) -> UpcomingMoment:
    times = SlotTimes.of(newsletter)
    return UpcomingMoment(
        period=period,
        local=newsletter.cadence().local(at),
        utc=at,
        draft_at=at - times.build,
        remind_at=at - times.remind,
        latest=at + times.late,
        what=what,
    )


def _what(newsletter: Newsletter) -> str:
    goes = (
        "goes out by itself if the checks find nothing, or once approved"
        if newsletter.unattended
        else "goes out once approved"
    )
    empty = "a short one" if newsletter.when_empty is WhenEmpty.EVERGREEN else "skipped"
    return f"{goes}; in a week with nothing new, {empty}"
