"""Mail the editors about slots that need them, each notice once.

Hides which notice is due when, and its wording; `digest.letters` sends it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from markupsafe import escape
from sqlmodel import Session

from digest.delivery.events import TO_EDITOR
from digest.errors import DigestError
from digest.issues import store
from digest.issues.calendar import slots
from digest.issues.calendar.slot_workflow import NEWS_AGE, EditorNotice, SlotTimes, due_notice
from digest.issues.models import Issue, IssueState, Newsletter, Slot, SlotState
from digest.letters import send_notice
from digest.mail.mailing import Content, Mailing
from digest.mail.marked_copy import inert_recipient
from digest.mail.transport import Answer
from digest.service.publisher import Allowed, ReleaseDecision
from subscribers import letter_queue
from subscribers.models import LetterKind, LetterState
from subscribers.sql import UnitOfWork

log = logging.getLogger(__name__)

#: Slots in these states may have a notice due.
_NOTIFIED = [state for state in SlotState if state is not SlotState.RELEASED]
#: Notices that carry the issue itself.
_WITH_ISSUE = (EditorNotice.DRAFT, EditorNotice.REMINDER)
MOST_WARNINGS = 8  #: findings a letter lists
BANNER = (
    '<div style="padding:16px 24px;background:#fff3c4;color:#1c1c1c;font:15px/22px'
    " 'Segoe UI',Roboto,Helvetica,Arial,sans-serif\">{}</div>"
)


@dataclass(frozen=True, kw_only=True)
class EditorNotifications:
    """What notices to the editors depend on: addresses, the transport, the mails' content."""

    store: UnitOfWork
    addresses: Sequence[str]
    base_url: str
    hand_over: Callable[[Mailing], Answer]
    issue: Callable[[Session, Issue], Content]  #: the mail readers would get
    letter: Callable[[Newsletter, str, Sequence[str]], Content]  #: from subject and paragraphs
    allowed: Allowed


def notify_editors(letters: EditorNotifications, now: datetime) -> str:
    """Send every notice that is due and was not sent; return a one-line summary."""
    if not letters.addresses:
        return ""
    with letters.store.read() as session:
        due = [
            notice
            for newsletter in store.newsletters(session)
            if newsletter.running
            for notice in _due(letters, session, newsletter, now)
        ]
    return "; ".join(filter(None, (_send_notice(letters, notice, now) for notice in due)))


class _Due(NamedTuple):
    slot: Slot
    kind: EditorNotice
    decision: ReleaseDecision


def _due(
    letters: EditorNotifications, session: Session, newsletter: Newsletter, now: datetime
) -> list[_Due]:
    notices = letter_queue.states(session, LetterKind.NOTICE, newsletter.slug)
    times = SlotTimes.of(newsletter)
    due = []

    def was_sent(slot: Slot, kind: EditorNotice) -> bool:
        state = notices.get(_about(newsletter, slot, kind), LetterState.WAITING)
        return state is not LetterState.WAITING

    for slot in slots.slots_of(session, newsletter.id, _NOTIFIED, since=now - NEWS_AGE):
        kind, decision = (
            due_notice(slot, times, now, may_go=False),
            ReleaseDecision(False, slot.note),
        )
        if kind in _WITH_ISSUE:
            # A reminder carried the issue, whatever its outcome.
            if was_sent(slot, EditorNotice.REMINDER):
                continue
            decision = _decision(letters, session, slot)
            kind = EditorNotice.DRAFT if decision.may_go else kind
        elif kind is EditorNotice.HELD and not was_sent(slot, kind):
            decision = _decision(letters, session, slot)._replace(why=slot.note)
        if kind and not was_sent(slot, kind):
            due.append(_Due(slot, kind, decision))
    return due


def _about(newsletter: Newsletter, slot: Slot, kind: EditorNotice) -> str:
    return f"{newsletter.slug}/{slot.period}/{kind}"


def _decision(letters: EditorNotifications, session: Session, slot: Slot) -> ReleaseDecision:
    issue = store.by_period(session, slot.newsletter_id, slot.period)
    if issue is None or issue.state is not IssueState.BUILT:
        return ReleaseDecision(True, "it is out of the editors' hands")
    return letters.allowed(session, issue)


def _send_notice(letters: EditorNotifications, due: _Due, now: datetime) -> str:
    slot, kind = due.slot, due.kind
    with letters.store.read() as session:
        newsletter = session.get_one(Newsletter, slot.newsletter_id)
        issue = store.by_period(session, slot.newsletter_id, slot.period)
        content = _content(letters, session, newsletter, issue, due)
    mailing = None
    if content is not None:
        mailing = Mailing(
            content=content,
            recipients=[
                inert_recipient(address, base_url=letters.base_url)._replace(
                    delivery=f"{TO_EDITOR}{number}-{slot.period}-{kind}"
                )
                for number, address in enumerate(letters.addresses, start=1)
            ],
            issue="editors",
        )
    about = _about(newsletter, slot, kind)
    outcome = send_notice(letters.store, letters.hand_over, mailing, newsletter.slug, about, now)
    return f"{slot.period}: {kind} letter {outcome}" if outcome else ""


def _content(
    letters: EditorNotifications,
    session: Session,
    newsletter: Newsletter,
    issue: Issue | None,
    due: _Due,
) -> Content | None:
    try:
        subject, words = _words(newsletter, issue, due)
        if due.kind in _WITH_ISSUE and issue is not None:
            return _with_banner(letters.issue(session, issue), subject, words)
        return letters.letter(newsletter, subject, words)
    except DigestError as fault:
        log.error("no notice to the editors can be composed: %s", fault)
        return None


def _with_banner(content: Content, subject: str, paragraphs: Sequence[str]) -> Content:
    """Return the readers' mail with paragraphs to the editors above it."""
    banner = BANNER.format("<br>".join(str(escape(paragraph)) for paragraph in paragraphs))
    html = re.sub(r"(<body[^>]*>)", lambda match: match[1] + banner, content.html, count=1)
    return replace(
        content,
        subject=f"{subject}: {content.subject}",
        html=html,
        text="\n".join([*paragraphs, "-" * 72, "", content.text]),
        category="editors",
        track_clicks=False,
        track_opens=False,
    )


def _words(newsletter: Newsletter, issue: Issue | None, due: _Due) -> tuple[str, list[str]]:
    slot = due.slot
    local = newsletter.cadence().local(slot.due_at)
    number = issue.number if issue and issue.number else None
    gaps = {
        "when": f"{local:%A, %-d %B, %H:%M} ({newsletter.timezone})",
        "short": f"{local:%a %-d %b %H:%M}",
        "period": slot.period,
        "number": number,
        "why": due.decision.why or "it is being made",
        "by": due.decision.by,
        "step": due.decision.step or _step(due, number),
        "hours": newsletter.max_lateness,
        "alone": " by itself if no check finds anything, or" if newsletter.unattended else "",
        "again": f"digest approve {number}, then digest send {number}"
        if number
        else f"digest build --period {slot.period}, then approve and send it",
    }
    subject, *paragraphs = _WORDS[due.kind]
    if due.kind is EditorNotice.DRAFT and due.decision.by:
        paragraphs[1:] = [_APPROVED]
    words = [paragraph.format(**gaps) for paragraph in paragraphs]
    return subject.format(**gaps), words + _warning_paragraphs(due.decision.warnings)


def _step(due: _Due, number: int | None) -> str:
    if number is None:
        return f"digest build --period {due.slot.period}, and approve it"
    return "mend that" if due.decision.may_go else f"digest approve {number}"


def _warning_paragraphs(warnings: Sequence[str]) -> list[str]:
    """Return paragraphs that list the first `MOST_WARNINGS` warnings of the checks."""
    if not warnings:
        return []
    more = len(warnings) - MOST_WARNINGS
    return [
        "What the checks say:",
        *warnings[:MOST_WARNINGS],
        *([f"and {more} more: digest check shows all"] if more > 0 else []),
    ]


#: Replaces the request for an approval.
_APPROVED = "It goes out on {when}: it is approved by {by}."
#: The subject, then the paragraphs.
_WORDS = {
    EditorNotice.DRAFT: (
        "[Draft for {short}]",
        "This is the draft of issue {number}.",
        "It goes out on {when},{alone} once you approve it: {step}",
    ),
    EditorNotice.REMINDER: (
        "[Not approved, due {short}]",
        "Issue {number} is due on {when}, and as it is it won't go: {why}.",
        "To let it go: {step}",
    ),
    EditorNotice.NO_DRAFT: (
        "No draft yet for {short}",
        "There is no draft for {when}: {why}.",
        "To fill it: digest import PATH...",
    ),
    EditorNotice.HELD: (
        "Held: the issue of {period}",
        "The issue of {period} was due on {when} and is held: {why}.",
        "To let it go: {step}",
        "It goes by itself until {hours} hours after its moment.",
    ),
    EditorNotice.MISSED: (
        "Missed: the issue of {period}",
        "The issue of {period} was due on {when} and was missed: {why}.",
        "It doesn't go by itself any more. To send it all the same: {again}.",
    ),
    EditorNotice.SKIPPED: (
        "No issue for {period}",
        "No issue comes out on {when}: {why}.",
        "Nothing needs to be done.",
    ),
}
