"""What happens by itself, told: the moments to come, the turns under way, the chores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlmodel import Session, col, select

from digest.errors import DigestError
from digest.issues import store
from digest.issues.calendar import slots
from digest.issues.calendar.slot_workflow import SlotTimes
from digest.issues.models import Issue, IssueState, JobRun, Newsletter, Slot, SlotState, WhenEmpty
from digest.service.publisher import Allowed, Ruling

RECENT = timedelta(days=28)  #: turns of so long ago are still shown


@dataclass(frozen=True, kw_only=True)
class UpcomingMoment:
    """One moment, and who does what around it."""

    period: str
    local: datetime
    utc: datetime
    draft_at: datetime  #: the engine makes the draft
    remind_at: datetime  #: the editors hear that it isn't approved
    latest: datetime  #: until then it goes by itself
    what: str
    state: str = ""  #: of its turn, where it has begun
    issue: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it in plain values."""
        return asdict(self)


def upcoming(
    session: Session, newsletter: Newsletter, now: datetime, many: int, allowed: Allowed
) -> list[UpcomingMoment]:
    """Return the next moments, those under way first."""
    calendar = slots.calendar_of(session, newsletter)
    begun = slots.turns(session, newsletter.id, slots.OPEN)
    ahead = [turn for turn in begun if turn.due_at > now or turn.state is SlotState.HELD]
    found = [_of_turn(session, newsletter, turn, allowed) for turn in ahead]
    latest = slots.latest_day(session, newsletter.id)
    following = (each for each in calendar.after(now) if latest is None or each.day > latest)
    for moment in islice(following, max(0, many - len(found))):
        what = f"no issue: {moment.blackout}" if moment.blackout else _what(newsletter)
        what += " (moved)" if moment.moved else ""
        found.append(_coming(newsletter, moment.period, moment.at, what))
    return sorted(found, key=lambda each: each.utc)


def recent_slots(session: Session, newsletter: Newsletter, now: datetime) -> Sequence[Slot]:
    """Return the turns of the last weeks, and those that wait for somebody."""
    return slots.turns(session, newsletter.id, since=now - RECENT)


def job_runs(session: Session) -> Sequence[JobRun]:
    """Return the chores, by name."""
    return session.exec(select(JobRun).order_by(col(JobRun.name))).all()


def slot_facts(session: Session, turn: Slot, allowed: Allowed) -> dict[str, Any]:
    """Return what there is to know of a turn, and what to do about it."""
    issue = store.by_period(session, turn.newsletter_id, turn.period)
    ruling = _ruling(session, turn, issue, allowed)
    return {
        "period": turn.period,
        "due_at": turn.due_at,
        "state": turn.state,
        "note": turn.note or (ruling.why if ruling else ""),
        "next_step": _step(turn, issue, ruling),
    }


def _step(turn: Slot, issue: Issue | None, ruling: Ruling | None) -> str:
    number = issue.number if issue else None
    if ruling is not None:
        return ruling.step
    if turn.state is SlotState.MISSED:
        by_hand = f"digest approve {number}; digest send {number}"
        return f"send it by hand ({by_hand}), or leave it" if number else ""
    return "mend that; it is tried again by itself" if turn.state is SlotState.HELD else ""


def _ruling(session: Session, turn: Slot, issue: Issue | None, allowed: Allowed) -> Ruling | None:
    """Return whether the turn's issue may go, while that is a question."""
    asked = turn.state in {SlotState.DRAFTED, SlotState.HELD}
    if not asked or issue is None or issue.state is not IssueState.BUILT:
        return None
    try:
        return allowed(session, issue)
    except DigestError as fault:
        return Ruling(False, str(fault), step=fault.next_step or "")


def job_facts(tick: JobRun, now: datetime) -> dict[str, Any]:
    """Return what there is to know of a chore."""
    return {
        "name": tick.name,
        "last_run": tick.started_at,
        "next_run": tick.next_at,
        "running": tick.ended_at is None,
        "ok": tick.ok,
        "result": tick.result,
        "overdue": now > tick.next_at + max(timedelta(minutes=5), timedelta(seconds=tick.every)),
    }


def _of_turn(
    session: Session, newsletter: Newsletter, turn: Slot, allowed: Allowed
) -> UpcomingMoment:
    issue = store.by_period(session, newsletter.id, turn.period)
    ruling = _ruling(session, turn, issue, allowed)
    if ruling is None:
        what = f"{_what(newsletter)}; {turn.note}" if turn.note else _what(newsletter)
    elif ruling.may_go:
        what = f"goes at its moment: {ruling.why}"
    else:
        what = f"doesn't go as it is: {ruling.why}"
        what += f"; to let it go: {ruling.step}" if ruling.step else ""
    made = _coming(newsletter, turn.period, turn.due_at, what)
    number = issue.number if issue else None
    return UpcomingMoment(**{**asdict(made), "state": turn.state.value, "issue": number})


def _coming(newsletter: Newsletter, period: str, at: datetime, what: str) -> UpcomingMoment:
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
        "goes unattended if no check finds anything, else once an editor approves it"
        if newsletter.unattended
        else "goes once an editor approves it"
    )
    empty = "a short one" if newsletter.when_empty is WhenEmpty.EVERGREEN else "skipped"
    return f"{goes}; with nothing new, {empty}"
