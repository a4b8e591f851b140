"""What happens to a slot next: a pure function of its state, its issue's state and the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from digest.issues.models import IssueState, Newsletter, Slot, SlotState


class SlotStep(StrEnum):
    """What the service does with a slot now."""

    WAIT = "wait"  #: do nothing
    DRAFT = "draft"  #: build the issue
    RELEASE = "release"  #: freeze the audience, or hold the slot and note the reason
    MISS = "miss"  #: mark the slot missed: it is too late to send the issue by itself
    REOPEN = "reopen"  #: open a missed slot again: the clock was ahead and has been set back
    FOLLOW = "follow"  #: record that a person has sent or cancelled the issue


@dataclass(frozen=True, kw_only=True)
class SlotTimes:
    """The hours before and after its moment in which the service works on a slot."""

    build: timedelta
    remind: timedelta
    late: timedelta

    @classmethod
    def of(cls, newsletter: Newsletter) -> SlotTimes:
        """Return the times of a newsletter."""
        return cls(
            build=timedelta(hours=newsletter.build_lead),
            remind=timedelta(hours=newsletter.remind_lead),
            late=timedelta(hours=newsletter.max_lateness),
        )


def next_step(
    slot: Slot, issue: IssueState | None, times: SlotTimes, now: datetime, *, overtaken: bool
) -> SlotStep:
    """Return the next step of a slot.

    *issue* is the state of its issue, ``None`` when there is none. *overtaken* is true when the
    moment of a later slot has come, so that two issues are never sent to catch up.
    """
    if slot.state in {SlotState.RELEASED, SlotState.SKIPPED}:
        return SlotStep.WAIT
    if issue not in {None, IssueState.BUILT, IssueState.SKIPPED}:
        return SlotStep.FOLLOW
    if slot.state is SlotState.MISSED:
        return SlotStep.REOPEN if now < slot.due_at and not overtaken else SlotStep.WAIT
    if overtaken or now > slot.due_at + times.late:
        return SlotStep.MISS
    if issue is not IssueState.BUILT or slot.state is SlotState.AHEAD:
        return SlotStep.DRAFT
    return SlotStep.RELEASE if now >= slot.due_at else SlotStep.WAIT


class EditorNotice(StrEnum):
    """A notice to the editors about a slot; each kind is sent once."""

    DRAFT = "draft"  #: here is the issue
    REMINDER = "reminder"  #: its moment is near and it isn't approved
    NO_DRAFT = "no-draft"  #: its moment is near and there is nothing to approve
    HELD = "held"  #: its moment has come and it may not go
    MISSED = "missed"  #: it is too late to go by itself
    SKIPPED = "skipped"  #: no issue came out
    SENT_BACK = "sent-back"  #: an editor sent it back; one for each time that happens


#: No notice is sent about a slot longer past: `digest status` lists it.
NEWS_AGE = timedelta(days=14)
#: A slot that was claimed so lately is being drafted; once that failed, its note says why.
DRAFTING = timedelta(minutes=10)


def due_notice(slot: Slot, times: SlotTimes, now: datetime, *, may_go: bool) -> EditorNotice | None:
    """Return the notice due for a slot; whether it was sent is stored with `slots`."""
    near = now >= slot.due_at - times.remind
    if now > slot.due_at + NEWS_AGE:
        return None
    if slot.state is SlotState.AHEAD:
        is_drafted_now = not slot.note and now - slot.claimed_at < DRAFTING
        return EditorNotice.NO_DRAFT if near and not is_drafted_now else None
    if slot.state is SlotState.DRAFTED:
        return EditorNotice.REMINDER if near and not may_go else EditorNotice.DRAFT
    return _NOTICES.get(slot.state)


_NOTICES = {
    SlotState.HELD: EditorNotice.HELD,
    SlotState.MISSED: EditorNotice.MISSED,
    SlotState.SKIPPED: EditorNotice.SKIPPED,
}
