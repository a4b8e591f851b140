"""Advance every newsletter's slots: claim, draft, release, hold, miss.

Hides what makes this safe to run in any number of processes, any number of times: a slot is one
row that is claimed once, and each change of its state is made under the row's lock, in one
transaction with the issue it is about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

from sqlmodel import Session

from digest.delivery.sending import PlannedAudience
from digest.errors import DigestError, NothingToPick
from digest.issues import build, store
from digest.issues.announcing import announce_held_slot
from digest.issues.build import IssueBuilder
from digest.issues.calendar import LONGEST_SHIFT, DueMoment, slots
from digest.issues.calendar.next_issue import unclaimed
from digest.issues.calendar.slot_workflow import SlotStep, SlotTimes, next_step
from digest.issues.issue_commands import build_again
from digest.issues.models import Edition, Issue, IssueState, Newsletter, Slot, SlotState, WhenEmpty
from digest.issues.picking import Pick
from digest.issues.picking.evergreen import choose_evergreen
from subscribers.locale import long_date
from subscribers.sql import UnitOfWork

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
RETRY_MINUTES = 10  #: a draft that failed is tried again at multiples of these minutes of the hour


class ReleaseDecision(NamedTuple):
    """Whether an issue may be released without a person, and why or why not."""

    may_go: bool
    why: str
    by: str = ""  #: who approved it
    step: str = ""  #: the command that allows the release, where it is refused
    warnings: tuple[str, ...] = ()  #: what an approval would have to accept


Allowed = Callable[[Session, Issue], ReleaseDecision]
#: Freezes an issue's audience in the session it is given, which makes the issue sendable.
Freeze = Callable[[Session, Issue, Edition], PlannedAudience]


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """What advancing slots depends on: the database, the issue builder, approval, planning."""

    store: UnitOfWork
    issue_builder: IssueBuilder
    allowed: Allowed
    freeze: Freeze


def advance_slots(publisher: Publisher, now: datetime) -> str:
    """Advance every slot as far as it can go at *now*; return a one-line summary.

    A newsletter that fails doesn't stop the others: raise `DigestError` after all were tried.
    """
    done: list[str] = []
    faults: list[str] = []
    with publisher.store.read() as session:
        slugs = {n.id: n.slug for n in store.newsletters(session) if n.running}
    for newsletter_id, slug in slugs.items():
        try:
            done += _advance_newsletter(publisher, newsletter_id, now)
        except DigestError as fault:
            faults.append(f"{slug}: {fault}")
    if faults:
        raise DigestError("; ".join([*faults, *done]))
    return "; ".join(done)


def _advance_newsletter(
    publisher: Publisher, newsletter_id: int | None, now: datetime
) -> list[str]:
    done = _claim_due(publisher, newsletter_id, now)
    with publisher.store.read() as session:
        periods = [slot.period for slot in slots.slots_of(session, newsletter_id, slots.OPEN)]
    for period in periods:
        done += _advance_slot(publisher, newsletter_id, period, now)
    return done


def _claim_due(publisher: Publisher, newsletter_id: int | None, now: datetime) -> list[str]:
    with publisher.store.read() as session:
        newsletter = session.get_one(Newsletter, newsletter_id)
        if newsletter.scheduled_since and not _unclaimed(session, newsletter, now):
            return []
    with publisher.store.write() as session:
        newsletter = session.get_one(Newsletter, newsletter_id)
        newsletter.scheduled_since = newsletter.scheduled_since or now
        session.add(newsletter)
        won = [
            moment
            for moment in _unclaimed(session, newsletter, now)
            if newsletter.running and slots.claim(session, newsletter, moment, now)
        ]
        for moment in won:
            if moment.blackout:
                _record_skip(session, newsletter, moment.period, moment.blackout, now)
        return [f"{newsletter.slug} {moment.period}: claimed" for moment in won]


def _unclaimed(session: Session, newsletter: Newsletter, now: datetime) -> list[DueMoment]:
    """Return the moments whose build time has come and that no process has claimed."""
    until = now + SlotTimes.of(newsletter).build
    cadence = newsletter.cadence()
    near = takewhile(
        lambda moment: cadence.instant(moment.day) <= until + LONGEST_SHIFT,
        unclaimed(session, newsletter, now),
    )
    return [moment for moment in near if moment.at <= until]


def _advance_slot(
    publisher: Publisher, newsletter_id: int | None, period: str, now: datetime
) -> list[str]:
    with publisher.store.read() as session:
        work = _load_work(session, newsletter_id, period, now)
        if work is None or work.step is SlotStep.WAIT or _retry_is_futile(session, work, now):
            return []
    with publisher.store.write() as session:
        work = _load_work(session, newsletter_id, period, now, lock=True)
        if work is None or work.step is SlotStep.WAIT:
            return []
        before = (work.slot.state, work.slot.note)
        _STEPS[work.step](publisher, session, work, now)
        session.add(work.slot)
        if before == (work.slot.state, work.slot.note):
            return []
        if work.slot.state is SlotState.HELD:
            issue = store.by_period(session, newsletter_id, period)
            announce_held_slot(session, work.slot, issue, now)
        summary = f"{work.newsletter.slug} {period}: {work.slot.state}"
        summary += f" ({work.slot.note})" if work.slot.note else ""
    return [summary]


class _SlotWork(NamedTuple):
    newsletter: Newsletter
    slot: Slot
    issue: Issue | None
    step: SlotStep


def _load_work(
    session: Session, newsletter_id: int | None, period: str, now: datetime, *, lock: bool = False
) -> _SlotWork | None:
    slot = slots.slot_of(session, newsletter_id, period, lock=lock)
    newsletter = session.get(Newsletter, newsletter_id)
    if slot is None or newsletter is None or not newsletter.running:
        return None
    issue = store.by_period(session, newsletter_id, period, lock=lock)
    newest = slots.latest_due(session, newsletter_id, now)
    overtaken = newest is not None and newest > slot.day
    state = issue.state if issue else None
    step = next_step(slot, state, SlotTimes.of(newsletter), now, overtaken=overtaken)
    return _SlotWork(newsletter, slot, issue, step)


def _retry_is_futile(session: Session, work: _SlotWork, now: datetime) -> bool:
    """Return whether drafting again would only take SQLite's single write lock for nothing."""
    slot = work.slot
    if work.step is not SlotStep.DRAFT or work.issue is not None or not slot.note:
        return False
    if now < slot.due_at - SlotTimes.of(work.newsletter).remind:
        return not build.choose_comparisons(session, work.newsletter, slot.period).chosen
    return bool(now.minute % RETRY_MINUTES)


def _draft(publisher: Publisher, session: Session, work: _SlotWork, now: datetime) -> None:
    slot = work.slot
    if work.issue is not None and work.issue.state is IssueState.BUILT:  # a person built it
        slot.state, slot.note = SlotState.DRAFTED, ""
    else:
        _build_draft(publisher, session, work, now)
    if slot.state is SlotState.DRAFTED and now >= slot.due_at:
        issue = store.by_period(session, slot.newsletter_id, slot.period)
        _release(publisher, session, work._replace(issue=issue), now)


def _build_draft(publisher: Publisher, session: Session, work: _SlotWork, now: datetime) -> None:
    slot, newsletter = work.slot, work.newsletter
    over = now >= slot.due_at
    try:
        with session.begin_nested():
            pick = _chosen(publisher, session, work, now)
            build.build(
                session,
                newsletter,
                slot.period,
                now=now,
                issue_builder=publisher.issue_builder,
                chosen=pick,
            )
    except NothingToPick as fault:
        slot.note = str(fault)
        if over:
            slot.state = SlotState.SKIPPED
            _record_skip(session, newsletter, slot.period, slot.note, now)
    except DigestError as fault:
        slot.note = f"no draft can be built: {fault}"
        slot.state = SlotState.HELD if over else slot.state
    else:
        slot.state, slot.note = SlotState.DRAFTED, ""


def _chosen(publisher: Publisher, session: Session, work: _SlotWork, now: datetime) -> Pick:
    slot, newsletter = work.slot, work.newsletter
    shown_from = publisher.issue_builder.votes_shown_from
    pick = build.choose_comparisons(session, newsletter, slot.period, votes_shown_from=shown_from)
    near = now >= slot.due_at - SlotTimes.of(newsletter).remind
    if not pick.chosen and near and newsletter.when_empty is WhenEmpty.EVERGREEN:
        pick = choose_evergreen(session, newsletter, slot.period)
    return pick


def _release(publisher: Publisher, session: Session, work: _SlotWork, _now: datetime) -> None:
    slot, issue = work.slot, work.issue
    if issue is None:
        return
    decision = publisher.allowed(session, issue)
    why = _dated_otherwise(work, issue) if decision.may_go else decision.why
    if why:
        slot.state, slot.note = SlotState.HELD, why
        return
    try:
        with session.begin_nested():
            frozen = publisher.freeze(session, issue, store.edition_of(session, issue))
    except DigestError as fault:
        slot.state, slot.note = SlotState.HELD, str(fault)
        return
    slot.state = SlotState.RELEASED
    name = f"{work.newsletter.slug}-{issue.number}"  # the send's id in the log and at the provider
    slot.note = f"{decision.why}; {_counted(frozen.candidates, 'reader')} of {name}"


def _dated_otherwise(work: _SlotWork, issue: Issue) -> str:
    """Return why an issue waits whose mail bears another day than that of its moment."""
    newsletter = work.newsletter
    dated = store.dated(issue, newsletter)
    leaves = newsletter.cadence().local(work.slot.due_at).date()
    if dated == leaves:
        return ""
    return (
        f"its mail is dated {long_date(dated, 'en')}, but it leaves on {long_date(leaves, 'en')};"
        f" build it again: {build_again(issue)}"
    )


def _miss(_publisher: Publisher, _session: Session, work: _SlotWork, now: datetime) -> None:
    late = now - work.slot.due_at
    why = f": {work.slot.note}" if work.slot.note else ""
    limit = work.newsletter.max_lateness
    slot = work.slot
    slot.state = SlotState.MISSED
    if late <= timedelta(hours=limit):
        slot.note = f"the next issue is due{why}"
    else:
        allowed = {0: "no delay is allowed", 1: "1 hour is allowed"}.get(
            limit, f"{limit} hours are allowed"
        )
        slot.note = f"{_duration_words(late)} late, and {allowed}{why}"


def _reopen(_publisher: Publisher, _session: Session, work: _SlotWork, _now: datetime) -> None:
    work.slot.state, work.slot.note = SlotState.AHEAD, "counted as missed while the clock ran ahead"


def _follow(_publisher: Publisher, _session: Session, work: _SlotWork, _now: datetime) -> None:
    issue = work.issue
    if issue is not None and issue.state is IssueState.CANCELLED:
        work.slot.state, work.slot.note = SlotState.SKIPPED, f"{slots.CANCELLED}{issue.note}"
    else:
        work.slot.state, work.slot.note = SlotState.RELEASED, "sent by a person"


_STEPS: dict[SlotStep, Callable[[Publisher, Session, _SlotWork, datetime], None]] = {
    SlotStep.DRAFT: _draft,
    SlotStep.RELEASE: _release,
    SlotStep.MISS: _miss,
    SlotStep.REOPEN: _reopen,
    SlotStep.FOLLOW: _follow,
}


def _record_skip(
    session: Session, newsletter: Newsletter, period: str, why: str, now: datetime
) -> None:
    """Record a period without an issue; it takes no number."""
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


def _duration_words(late: timedelta) -> str:
    if late.days > 1:
        return f"{late.days} days"
    unit, noun = (HOUR, "hour") if late >= HOUR else (MINUTE, "minute")
    return _counted(round(late / unit), noun)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
