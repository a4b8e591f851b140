"""What a webhook message says of an issue: how it is identified, and why it is held.

The subject of its messages is its period, since a held slot may have no issue yet.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session

from digest.issues.models import Issue, IssueState, Newsletter, Slot
from digest.mail.redaction import redact
from subscribers.announcements import announce
from subscribers.announcements.models import AnnouncementKind


def announce_issue(
    session: Session, kind: AnnouncementKind, issue: Issue, now: datetime, **more: Any
) -> None:
    """Announce what happened to an issue, with *more* facts about it; the caller commits."""
    facts: dict[str, Any] = {"number": issue.number}
    if issue.corrected_number is not None:
        facts["corrects"] = issue.corrected_number
    _announce(session, kind, issue.newsletter_id, issue.period, now, {**facts, **more})


def announce_paused(session: Session, issue: Issue, why: str, now: datetime) -> None:
    """Announce that an issue was paused on its way; the caller commits."""
    state = IssueState.PAUSED.value
    # A provider's words may name a reader.
    announce_issue(session, AnnouncementKind.ISSUE_HELD, issue, now, state=state, why=redact(why))


def announce_held_slot(session: Session, slot: Slot, issue: Issue | None, now: datetime) -> None:
    """Announce that an issue is due and may not leave; the caller commits."""
    number = issue.number if issue is not None else None
    facts = {"number": number, "state": slot.state.value, "why": redact(slot.note)}
    held = AnnouncementKind.ISSUE_HELD
    _announce(session, held, slot.newsletter_id, slot.period, now, facts)


def _announce(
    session: Session,
    kind: AnnouncementKind,
    newsletter_id: int,
    period: str,
    now: datetime,
    facts: dict[str, Any],
) -> None:
    newsletter = session.get_one(Newsletter, newsletter_id).slug
    subject = f"issue/{newsletter}/{period}"
    told = {"newsletter": newsletter, "period": period, **facts}
    announce(session, kind, subject, told, now, newsletter=newsletter)
