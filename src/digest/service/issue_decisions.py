"""Decide on an issue: approve it, send it back, stop it, let it go on, cancel it, move it.

Hides what a decision brings about by itself, and which next step is left to a person. The
commands and the API decide here, each in a transaction of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from digest.app.installation import App
from digest.delivery.sending import control, count_outbox_copies
from digest.issues import approval, store
from digest.issues.approval import ApprovalStatus, still_needed
from digest.issues.calendar import DueMoment, slots
from digest.issues.calendar.day_words import day_words
from digest.issues.issue_commands import build_again, build_anew, named
from digest.issues.models import Approval, ApprovalChannel, Issue, IssueState, Newsletter
from digest.render.lint import Finding
from digest.service.issue_outlook import issue_outlook


@dataclass(frozen=True, kw_only=True)
class ApprovedIssue:
    """An issue that somebody approved, and what happens to it now."""

    issue: int
    status: ApprovalStatus
    next_steps: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        given = self.status.approval
        return {
            "issue": self.issue,
            "seal": given.seal,
            "by": given.by,
            "accepted": given.accepted,
            "given": self.status.given,
            "needed": self.status.needed,
            "next_steps": list(self.next_steps),
        }


def approve_issue(
    app: App,
    session: Session,
    issue: Issue,
    *,
    by: str,
    channel: ApprovalChannel,
    findings: Sequence[Finding],
    despite: Collection[str] | None = (),
    seen: str | None = None,
) -> ApprovedIssue:
    """Record that *by* approves an issue as it is; the caller commits.

    *findings* are those of its edition, and *despite* names the rules whose warnings are accepted;
    ``None`` accepts all. *seen* is the fingerprint of the mail that was looked at. Raises
    `MailUnfit` and `NotApproved`.
    """
    status = app.issues.approve(
        session, issue, by=by, channel=channel, findings=findings, despite=despite, seen=seen
    )
    missing = still_needed(status)
    steps = [missing] if missing else _after_approval(app, session, issue)
    return ApprovedIssue(issue=issue.number or 0, status=status, next_steps=steps)


def _after_approval(app: App, session: Session, issue: Issue) -> list[str]:
    """Return what happens to an approved issue by itself, and what a person can do."""
    if issue.state is not IssueState.BUILT:
        return [_done_with(session, issue)]
    outlook = issue_outlook(app, session, issue)
    today = store.newsletter_of(session, issue).cadence().local(app.clock()).date()
    readers = outlook.would_get or 0
    return [
        f"It's dated {day_words(outlook.dated, today)}, and {readers:,}"
        f" {'reader' if readers == 1 else 'readers'} would get it now.",
        outlook.says,
        f"Next: {outlook.next_step}",
    ]


def _done_with(session: Session, issue: Issue) -> str:
    """Return the next step for an issue whose audience is frozen already."""
    number, edition = named(issue), store.edition_of(session, issue)
    if issue.state is IssueState.SENT and count_outbox_copies(session, edition.id or 0):
        return (
            f"It went to the outbox folder. To send it for real: digest send {number} --from-outbox"
        )
    return {
        IssueState.PAUSED: f"Next: digest resume {number}",
        IssueState.PREPARED: f"It's already being sent. See its progress: digest status {number}",
        IssueState.CANCELLED: (
            f"It is cancelled, so this changes nothing. To build the week anew: {build_anew(issue)}"
        ),
    }.get(issue.state, f"It has already been sent. See its results: digest report {number}")


@dataclass(frozen=True, kw_only=True)
class ReturnedIssue:
    """An issue that somebody sent back, and what lets it go after all."""

    issue: int
    entry: Approval
    next_step: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        entry = self.entry
        return {
            "issue": self.issue,
            "by": entry.by,
            "note": entry.note,
            "at": entry.at,
            "next_step": self.next_step,
        }


def return_issue(
    session: Session, issue: Issue, *, by: str, note: str, channel: ApprovalChannel, now: datetime
) -> ReturnedIssue:
    """Send an issue back: it isn't sent until it's approved anew; the caller commits.

    Raises `WrongState`, and `DigestError` for a note that is empty or too long.
    """
    entry = approval.send_back(session, issue, by=by, note=note, channel=channel, now=now)
    step = f"{build_again(issue)}; digest approve {named(issue)}"
    return ReturnedIssue(issue=issue.number or 0, entry=entry, next_step=step)


def pause_issue(session: Session, issue: Issue, why: str, now: datetime) -> dict[str, Any]:
    """Pause an issue on its way, and return its state; raises `WrongState`. The caller commits."""
    control.pause(session, issue, why, now)
    return _state_of(issue)


def cancel_issue(session: Session, issue: Issue, why: str) -> dict[str, Any]:
    """Cancel an issue for good, and return its state; raises `WrongState`. The caller commits."""
    control.cancel(session, issue, why)
    return _state_of(issue)


def _state_of(issue: Issue) -> dict[str, Any]:
    return {"issue": issue.number, "state": issue.state, "note": issue.note}


@dataclass(frozen=True, kw_only=True)
class MovedIssue:
    """A period's issue at its new moment, and what is left to do where it was built before."""

    newsletter: str
    period: str
    moment: DueMoment
    next_steps: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "newsletter": self.newsletter,
            "period": self.period,
            "at": self.moment.at,
            "local": self.moment.local,
            "next_steps": list(self.next_steps),
        }


def move_issue(
    session: Session, newsletter: Newsletter, period: str, wall: datetime, why: str
) -> MovedIssue:
    """Move a period's issue to the naive local time *wall*; the caller commits.

    Raises `BadShift` past the issues before and after it, and `WrongState` for one that is out.
    """
    moment = slots.reschedule(session, newsletter, period, wall, why)
    issue = store.by_period(session, newsletter.id, period)
    built = issue if issue and issue.state is IssueState.BUILT else None
    stale = built is not None and store.dated(built, newsletter) != moment.local.date()
    return MovedIssue(
        newsletter=newsletter.slug,
        period=period,
        moment=moment,
        next_steps=[build_again(built)] if built and stale else [],
    )
