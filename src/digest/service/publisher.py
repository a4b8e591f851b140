"""Moves every newsletter's turns on: claim, draft, release, hold, miss.

Whatever runs this, however often and beside however many others: a turn is one row that is taken
once, and every change to it is made under its lock, in one transaction with what it stands for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session

from digest.delivery.sending import PlannedAudience
from digest.delivery.unit_of_work import UnitOfWork
from digest.errors import DigestError, NothingToPick
from digest.issues import build, store
from digest.issues.build import IssueBuilder
from digest.issues.calendar import LONGEST_SHIFT, Moment, slots
from digest.issues.calendar.slot_workflow import SlotStep, SlotTimes, next_step
from digest.issues.models import Edition, Issue, IssueState, Newsletter, Slot, SlotState, WhenEmpty
from digest.issues.picking import Pick
from digest.issues.picking.evergreen import choose_evergreen

RETRY_MINUTES = 10  #: a draft that couldn't be made is tried again at these minutes of the hour


class Ruling(NamedTuple):
    """Whether an issue may go out by itself, and why or why not."""

    may_go: bool
    why: str
    by: str = ""  #: who approved it
    step: str = ""  #: what lets it go, where it may not
    warnings: tuple[str, ...] = ()  #: what an approval would have to accept


Allowed = Callable[[Session, Issue], Ruling]
#: Freezes an issue's audience in the session it is given, which makes the issue sendable.
Freeze = Callable[[Session, Issue, Edition], PlannedAudience]


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """What the work on turns is given."""

    store: UnitOfWork
    press: IssueBuilder
    allowed: Allowed
    freeze: Freeze


def advance_slots(desk: Publisher, now: datetime) -> str:
    """Take every turn as far as it can go now; returns what was done, in a line.

    A newsletter that can't be worked on doesn't stop the others: raises `DigestError` at the end.
    """
    done: list[str] = []
    faults: list[str] = []
    with desk.store.read() as session:
        series = {n.id: n.slug for n in slots.newsletters(session) if n.scheduled}
    for newsletter_id, slug in series.items():
        try:
            done += _work_on(desk, newsletter_id, now)
        except DigestError as fault:
            faults.append(f"{slug}: {fault}")
    if faults:
        raise DigestError("; ".join([*faults, *done]))
    return "; ".join(done)


def _work_on(desk: Publisher, newsletter_id: int | None, now: datetime) -> list[str]:
    done = _claim_all(desk, newsletter_id, now)
    with desk.store.read() as session:
        open_ = [each.period for each in slots.turns(session, newsletter_id, slots.OPEN)]
    for period in open_:
        done += _advance_one(desk, newsletter_id, period, now)
    return done


def _claim_all(desk: Publisher, newsletter_id: int | None, now: datetime) -> list[str]:
    with desk.store.read() as session:
        newsletter = session.get_one(Newsletter, newsletter_id)
        if newsletter.scheduled_since and not _unclaimed(session, newsletter, now):
            return []
    with desk.store.write() as session:
        newsletter = session.get_one(Newsletter, newsletter_id)
        newsletter.scheduled_since = newsletter.scheduled_since or now
        session.add(newsletter)
        won = [
            moment
            for moment in _unclaimed(session, newsletter, now)
            if newsletter.scheduled and slots.claim(session, newsletter, moment, now)
        ]
        for moment in won:
            if moment.blackout:
                _record_skip(session, newsletter, moment.period, moment.blackout, now)
        return [f"{newsletter.slug} {moment.period}: claimed" for moment in won]


def _unclaimed(session: Session, newsletter: Newsletter, now: datetime) -> list[Moment]:
    """Return the moments it is time to work on that nobody has claimed."""
    calendar = slots.calendar_of(session, newsletter)
    since = newsletter.scheduled_since or now
    latest = slots.latest_day(session, newsletter.id)
    start = calendar.cadence.local(since).date() - LONGEST_SHIFT
    start = max(start, latest + timedelta(days=1)) if latest else start
    until = now + SlotTimes.of(newsletter).build
    found: list[Moment] = []
    for moment in calendar.from_day(start):
        if calendar.cadence.instant(moment.day) > until + LONGEST_SHIFT:
            return found
        if since < moment.at <= until:
            found.append(moment)
    return found


def _advance_one(
    desk: Publisher, newsletter_id: int | None, period: str, now: datetime
) -> list[str]:
    with desk.store.read() as session:
        todo = _look(session, newsletter_id, period, now)
        if todo is None or todo.step is SlotStep.WAIT or _in_vain(session, todo, now):
            return []
    with desk.store.write() as session:
        todo = _look(session, newsletter_id, period, now, lock=True)
        if todo is None or todo.step is SlotStep.WAIT:
            return []
        before = (todo.turn.state, todo.turn.note)
        _STEPS[todo.step](desk, session, todo, now)
        session.add(todo.turn)
        if before == (todo.turn.state, todo.turn.note):
            return []
        said = f"{todo.newsletter.slug} {period}: {todo.turn.state}"
        said += f" ({todo.turn.note})" if todo.turn.note else ""
    return [said]


class _Todo(NamedTuple):
    newsletter: Newsletter
    turn: Slot
    issue: Issue | None
    step: SlotStep


def _look(
    session: Session, newsletter_id: int | None, period: str, now: datetime, *, lock: bool = False
) -> _Todo | None:
    turn = slots.turn(session, newsletter_id, period, lock=lock)
    newsletter = session.get(Newsletter, newsletter_id)
    if turn is None or newsletter is None or not newsletter.scheduled:
        return None
    issue = store.by_period(session, newsletter_id, period, lock=lock)
    newest = slots.latest_due(session, newsletter_id, now)
    overtaken = newest is not None and newest > turn.day
    state = issue.state if issue else None
    step = next_step(turn, state, SlotTimes.of(newsletter), now, overtaken=overtaken)
    return _Todo(newsletter, turn, issue, step)


def _in_vain(session: Session, todo: _Todo, now: datetime) -> bool:
    """Tell whether drafting again is not worth taking the one writer's turn."""
    turn = todo.turn
    if todo.step is not SlotStep.DRAFT or todo.issue is not None or not turn.note:
        return False
    if now < turn.due_at - SlotTimes.of(todo.newsletter).remind:
        return not build.choose_comparisons(session, todo.newsletter, turn.period).chosen
    return bool(now.minute % RETRY_MINUTES)


def _draft(desk: Publisher, session: Session, todo: _Todo, now: datetime) -> None:
    turn = todo.turn
    if todo.issue is not None and todo.issue.state is IssueState.BUILT:  # by hand
        turn.state, turn.note = SlotState.DRAFTED, ""
    else:
        _make(desk, session, todo, now)
    if turn.state is SlotState.DRAFTED and now >= turn.due_at:
        made = store.by_period(session, turn.newsletter_id, turn.period)
        _release(desk, session, todo._replace(issue=made), now)


def _make(desk: Publisher, session: Session, todo: _Todo, now: datetime) -> None:
    turn, newsletter = todo.turn, todo.newsletter
    over = now >= turn.due_at
    try:
        with session.begin_nested():
            chosen = _chosen(session, todo, now)
            build.build(session, newsletter, turn.period, now=now, press=desk.press, chosen=chosen)
    except NothingToPick as fault:
        turn.note = str(fault)
        if over:
            turn.state = SlotState.SKIPPED
            _record_skip(session, newsletter, turn.period, turn.note, now)
    except DigestError as fault:
        turn.note = f"no draft can be made: {fault}"
        turn.state = SlotState.HELD if over else turn.state
    else:
        turn.state, turn.note = SlotState.DRAFTED, ""


def _chosen(session: Session, todo: _Todo, now: datetime) -> Pick:
    turn, newsletter = todo.turn, todo.newsletter
    chosen = build.choose_comparisons(session, newsletter, turn.period)
    near = now >= turn.due_at - SlotTimes.of(newsletter).remind
    if not chosen.chosen and near and newsletter.when_empty is WhenEmpty.EVERGREEN:
        chosen = choose_evergreen(session, newsletter, turn.period)
    # The day readers see is the one the turn has, also when the cadence changed or it was moved.
    return replace(chosen, day=newsletter.cadence().local(turn.due_at).date())


def _release(desk: Publisher, session: Session, todo: _Todo, _now: datetime) -> None:
    turn, issue = todo.turn, todo.issue
    if issue is None:
        return
    ruling = desk.allowed(session, issue)
    if not ruling.may_go:
        turn.state, turn.note = SlotState.HELD, ruling.why
        return
    try:
        with session.begin_nested():
            frozen = desk.freeze(session, issue, store.edition_of(session, issue))
    except DigestError as fault:
        turn.state, turn.note = SlotState.HELD, str(fault)
        return
    turn.state = SlotState.RELEASED
    name = f"{todo.newsletter.slug}-{issue.number}"  # the send's id in the log and at the provider
    turn.note = f"{ruling.why}; {frozen.candidates} readers of {name}"


def _miss(_desk: Publisher, _session: Session, todo: _Todo, now: datetime) -> None:
    late = now - todo.turn.due_at
    why = f": {todo.turn.note}" if todo.turn.note else ""
    limit = todo.newsletter.max_lateness
    turn = todo.turn
    turn.state = SlotState.MISSED
    if late <= timedelta(hours=limit):
        turn.note = f"the next issue's moment has come{why}"
    else:
        turn.note = f"{_long(late)} late, and {limit} hours are allowed{why}"


def _reopen(_desk: Publisher, _session: Session, todo: _Todo, _now: datetime) -> None:
    todo.turn.state, todo.turn.note = SlotState.AHEAD, "taken for missed while the clock ran ahead"


def _follow(_desk: Publisher, _session: Session, todo: _Todo, _now: datetime) -> None:
    issue = todo.issue
    if issue is not None and issue.state is IssueState.CANCELLED:
        todo.turn.state, todo.turn.note = SlotState.SKIPPED, f"cancelled: {issue.note}"
    else:
        todo.turn.state, todo.turn.note = SlotState.RELEASED, "sent by hand"


_STEPS: dict[SlotStep, Callable[[Publisher, Session, _Todo, datetime], None]] = {
    SlotStep.DRAFT: _draft,
    SlotStep.RELEASE: _release,
    SlotStep.MISS: _miss,
    SlotStep.REOPEN: _reopen,
    SlotStep.FOLLOW: _follow,
}


def _record_skip(
    session: Session, newsletter: Newsletter, period: str, why: str, now: datetime
) -> None:
    """Keep a week without an issue on record; it takes no number."""
    if store.by_period(session, newsletter.id, period) is None:
        session.add(
            Issue(
                newsletter_id=newsletter.id or 0,
                period=period,
                state=IssueState.SKIPPED,
                note=why,
                built_at=now,
            )
        )


def _long(late: timedelta) -> str:
    return f"{late.days} days" if late.days > 1 else f"{late.total_seconds() / 3600:.0f} hours"
