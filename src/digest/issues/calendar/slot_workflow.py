"""What happens to a period's turn next: a function of where it stands and of the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from digest.issues.models import IssueState, Newsletter, Slot, SlotState


class SlotStep(StrEnum):
    """What is to be done with a turn now."""

    WAIT = "wait"  #: nothing
    DRAFT = "draft"  #: make the issue
    RELEASE = "release"  #: let it go, or say why it may not
    MISS = "miss"  #: it is too late to go by itself
    REOPEN = "reopen"  #: it was taken for late by a clock that has been set back since
    FOLLOW = "follow"  #: a person has sent or cancelled the issue: record that


@dataclass(frozen=True, kw_only=True)
class SlotTimes:
    """How far around its moment a turn is worked on."""

    build: timedelta
    remind: timedelta
    late: timedelta

    @classmethod
    def of(cls, newsletter: Newsletter) -> SlotTimes:
        """Return a newsletter's own."""
        return cls(
            build=timedelta(hours=newsletter.build_lead),
            remind=timedelta(hours=newsletter.remind_lead),
            late=timedelta(hours=newsletter.max_lateness),
        )


def next_step(
    turn: Slot, issue: IssueState | None, times: SlotTimes, now: datetime, *, overtaken: bool
) -> SlotStep:
    """Say what is to be done with a turn.

    *issue* is its issue's state, if there is one; *overtaken* says that a later turn's moment has
    come, so that two issues never go out to catch up.
    """
    if turn.state in {SlotState.RELEASED, SlotState.SKIPPED}:
        return SlotStep.WAIT
    if issue not in {None, IssueState.BUILT, IssueState.SKIPPED}:
        return SlotStep.FOLLOW
    if turn.state is SlotState.MISSED:
        return SlotStep.REOPEN if now < turn.due_at and not overtaken else SlotStep.WAIT
    if overtaken or now > turn.due_at + times.late:
        return SlotStep.MISS
    if issue is not IssueState.BUILT or turn.state is SlotState.AHEAD:
        return SlotStep.DRAFT
    return SlotStep.RELEASE if now >= turn.due_at else SlotStep.WAIT


class EditorNotice(StrEnum):
    """What the editors are told of a turn, each once."""

    DRAFT = "draft"  #: here is the issue
    REMINDER = "reminder"  #: its moment is near and it isn't approved
    NO_DRAFT = "no-draft"  #: its moment is near and there is nothing to approve
    HELD = "held"  #: its moment has come and it may not go
    MISSED = "missed"  #: it is too late to go by itself
    SKIPPED = "skipped"  #: no issue came out


#: Of turns longer past, nobody needs a letter any more: `digest status` lists them.
NEWS_AGE = timedelta(days=14)


def due_notice(turn: Slot, times: SlotTimes, now: datetime, *, may_go: bool) -> EditorNotice | None:
    """Say what the editors ought to know by now; whether they know is kept elsewhere."""
    near = now >= turn.due_at - times.remind
    if now > turn.due_at + NEWS_AGE or (turn.state is SlotState.AHEAD and not near):
        return None
    if turn.state is SlotState.DRAFTED:
        return EditorNotice.REMINDER if near and not may_go else EditorNotice.DRAFT
    return _TIDINGS.get(turn.state)


_TIDINGS = {
    SlotState.AHEAD: EditorNotice.NO_DRAFT,
    SlotState.HELD: EditorNotice.HELD,
    SlotState.MISSED: EditorNotice.MISSED,
    SlotState.SKIPPED: EditorNotice.SKIPPED,
}
