"""Mail the editors about slots that need them, each notice once.

Hides which notice is due when, its wording, and who gets a link to decide; `digest.letters` sends
it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from markupsafe import escape
from sqlmodel import Session

from digest.delivery.events import TO_EDITOR
from digest.errors import DigestError
from digest.issues import approval, store
from digest.issues.calendar import slots
from digest.issues.calendar.slot_workflow import NEWS_AGE, EditorNotice, SlotTimes, due_notice
from digest.issues.issue_commands import build_again, named, option_of
from digest.issues.models import Approval, Issue, IssueState, Newsletter, Slot, SlotState
from digest.issues.review_link import PATH, REVIEW_TAG, TO_REVIEW, ReviewLink, link_to
from digest.letters import send_notice
from digest.mail.mailing import Content, Mailing, Recipient
from digest.mail.marked_copy import inert_recipient
from digest.mail.transport import Answer
from digest.service.publisher import Allowed, ReleaseDecision
from digest.sources import count_waiting
from subscribers import letter_queue
from subscribers.models import LetterKind, LetterState
from subscribers.sql import UnitOfWork

log = logging.getLogger(__name__)

#: Slots in these states may have a notice due.
_NOTIFIED = [state for state in SlotState if state is not SlotState.RELEASED]
#: Notices that carry the issue itself.
_WITH_ISSUE = (EditorNotice.DRAFT, EditorNotice.REMINDER)
#: Notices while the issue's comparisons can still change.
_BEFORE = (*_WITH_ISSUE, EditorNotice.NO_DRAFT)
#: Notices after which there is something to decide.
_REVIEWED = (*_WITH_ISSUE, EditorNotice.HELD, EditorNotice.SENT_BACK)
MOST_WARNINGS = 8  #: findings a letter lists
BANNER = (
    '<div style="padding:16px 24px;background:#fff3c4;color:#1c1c1c;font:15px/22px'
    " 'Segoe UI',Roboto,Helvetica,Arial,sans-serif\">{}</div>"
)
#: A link of 46 pixels, which a finger hits.
BUTTON = (
    '<p style="margin:12px 0 4px"><a clicktracking=off href="{url}" style="display:inline-block;'
    "padding:12px 20px;border-radius:6px;background:#1c1c1c;color:#fff3c4;font-weight:600;"
    'text-decoration:none">{words}</a></p>'
)


@dataclass(frozen=True, kw_only=True)
class EditorNotifications:
    """What notices to the editors depend on: addresses, the transport, the mails' content."""

    store: UnitOfWork
    addresses: Sequence[str]
    base_url: str
    hand_over: Callable[[Mailing], Answer]
    issue: Callable[[Session, Issue], Content]  #: the mail readers would get
    #: A letter from its subject, its paragraphs, and the URL where the issue is decided on.
    letter: Callable[[Newsletter, str, Sequence[str], str], Content]
    sign: Callable[[ReviewLink], str]  #: returns the token of an editor's link
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
    sent_back: Approval | None = None  #: who sent it back, and why
    proposals: int = 0  #: of sources, that wait while the issue can still change

    def about(self, newsletter: Newsletter) -> str:
        """Return what the notice is about, by which it is sent once."""
        about = _about(newsletter, self.slot, self.kind)
        return f"{about}-{self.sent_back.id}" if self.sent_back else about


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
            open_ = count_waiting(session) if kind in _BEFORE else 0
            due.append(_Due(slot, kind, decision, proposals=open_))
        due += _due_sent_back(letters, session, newsletter, slot, notices)
    return due


def _due_sent_back(
    letters: EditorNotifications,
    session: Session,
    newsletter: Newsletter,
    slot: Slot,
    notices: Mapping[str, LetterState],
) -> list[_Due]:
    """Return the notice to the other editors that an issue was sent back, unless it has left."""
    issue = store.by_period(session, newsletter.id, slot.period)
    back = approval.sent_back(session, issue) if issue else None
    if back is None or issue is None or issue.state is not IssueState.BUILT:
        return []
    if all(_is_theirs(back, address) for address in letters.addresses):
        return []
    due = _Due(slot, EditorNotice.SENT_BACK, ReleaseDecision(False, back.note, by=back.by), back)
    waits = notices.get(due.about(newsletter), LetterState.WAITING) is LetterState.WAITING
    return [due] if waits else []


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
        links = _links(letters, session, newsletter, issue, due)
        url = f"{letters.base_url}{PATH}/{REVIEW_TAG}" if links else ""
        content = _content(letters, session, newsletter, issue, due, url)
    about, mailing = due.about(newsletter), None
    if content is not None:
        notice = about.replace("/", "-")  # what tells this letter from every other one
        mailing = Mailing(
            content=content,
            recipients=[
                _recipient(letters, content, address, links, f"{TO_EDITOR}{number}-{notice}")
                for number, address in enumerate(letters.addresses, start=1)
                if not _is_theirs(due.sent_back, address)
            ],
        )
    outcome = send_notice(letters.store, letters.hand_over, mailing, newsletter.slug, about, now)
    return f"{slot.period}: {kind} letter {outcome}" if outcome else ""


def _is_theirs(sent_back: Approval | None, address: str) -> bool:
    """Return whether an editor sent the issue back, and so needn't be told."""
    return sent_back is not None and sent_back.by == approval.name_of(address)


def _links(
    letters: EditorNotifications,
    session: Session,
    newsletter: Newsletter,
    issue: Issue | None,
    due: _Due,
) -> Mapping[str, str]:
    """Return each editor's token to decide on the issue; empty where there is nothing to decide."""
    if issue is None or issue.state is not IssueState.BUILT or due.kind not in _REVIEWED:
        return {}
    until = due.slot.due_at + SlotTimes.of(newsletter).late
    seen = store.edition_of(session, issue).fingerprint
    return {
        address: letters.sign(link_to(issue.id or 0, address, seen, until))
        for address in letters.addresses
    }


def _recipient(
    letters: EditorNotifications,
    content: Content,
    address: str,
    links: Mapping[str, str],
    delivery: str,
) -> Recipient:
    inert = inert_recipient(content, address, base_url=letters.base_url)
    own = {REVIEW_TAG: links[address]} if links else {}
    return inert._replace(delivery=delivery, parts={**inert.parts, **own})


def _content(
    letters: EditorNotifications,
    session: Session,
    newsletter: Newsletter,
    issue: Issue | None,
    due: _Due,
    url: str,
) -> Content | None:
    try:
        subject, words = _words(newsletter, issue, due)
        if due.kind in _WITH_ISSUE and issue is not None:
            return _with_banner(letters.issue(session, issue), subject, words, url)
        return letters.letter(newsletter, subject, words, url)
    except DigestError as fault:
        log.error("no notice to the editors can be composed: %s", fault)
        return None


def _with_banner(content: Content, subject: str, paragraphs: Sequence[str], url: str) -> Content:
    """Return the readers' mail with paragraphs to the editors above it, and the link to decide."""
    words = [str(escape(paragraph)) for paragraph in paragraphs]
    button = [BUTTON.format(url=escape(url), words=TO_REVIEW)] if url else []
    banner = BANNER.format("<br>".join(words) + "".join(button))
    link = [f"{TO_REVIEW}:", url] if url else []
    html = re.sub(r"(<body[^>]*>)", lambda match: match[1] + banner, content.html, count=1)
    return replace(
        content,
        subject=f"{subject}: {content.subject}",
        html=html,
        text="\n".join([*paragraphs, *link, "-" * 72, "", content.text]),
        category="editors",
        track_clicks=False,
        track_opens=False,
    )


def _words(newsletter: Newsletter, issue: Issue | None, due: _Due) -> tuple[str, list[str]]:
    slot = due.slot
    local = newsletter.cadence().local(slot.due_at)
    number = issue.number if issue and issue.number else None
    which = named(issue) if issue and number else ""
    build = f"digest build --period {slot.period}{option_of(newsletter)}"
    gaps = {
        "when": f"{local:%A, %-d %B, %H:%M} ({newsletter.timezone})",
        "short": f"{local:%a %-d %b %H:%M}",
        "period": slot.period,
        "number": number,
        "why": due.decision.why or "it is being made",
        "by": due.decision.by,
        "step": due.decision.step or _step(due, issue, build),
        "hours": newsletter.max_lateness,
        "proposals": "1 proposal waits"
        if due.proposals == 1
        else f"{due.proposals:,} proposals wait",
        "you": "you approve it"
        if newsletter.approvals_needed == 1
        else f"{newsletter.approvals_needed} of you have approved it",
        "alone": " automatically if the checks find nothing, or" if newsletter.unattended else "",
        "again": f"digest approve {which}, then digest send {which}"
        if which
        else f"{build} --yes, then approve and send it",
    }
    subject, *paragraphs = _WORDS[due.kind]
    paragraphs += [_PROPOSALS] if due.proposals else []
    if due.kind is EditorNotice.DRAFT and due.decision.by:
        paragraphs[1:] = [_APPROVED]
    words = [paragraph.format(**gaps) for paragraph in paragraphs]
    return subject.format(**gaps), words + _warning_paragraphs(due.decision.warnings)


def _step(due: _Due, issue: Issue | None, build: str) -> str:
    if issue is not None and due.sent_back is not None:
        return f"{build_again(issue)}; digest approve {named(issue)}"
    if issue is None or issue.number is None:
        return f"{build}, and approve it"
    return "fix that" if due.decision.may_go else f"digest approve {named(issue)}"


def _warning_paragraphs(warnings: Sequence[str]) -> list[str]:
    """Return paragraphs that list the first `MOST_WARNINGS` warnings of the checks."""
    if not warnings:
        return []
    more = len(warnings) - MOST_WARNINGS
    return [
        "What the checks say:",
        *warnings[:MOST_WARNINGS],
        *([f"and {more} more: digest check shows them all"] if more > 0 else []),
    ]


#: Ends a notice before the issue goes out.
_PROPOSALS = "{proposals} from the sites you follow: digest sources proposals"
#: Replaces the request for an approval.
_APPROVED = "It goes out on {when}: it is approved by {by}."
#: The subject, then the paragraphs.
_WORDS = {
    EditorNotice.DRAFT: (
        "[Draft for {short}]",
        "This is the draft of issue {number}.",
        "It goes out on {when},{alone} once {you}. On the command line: {step}",
    ),
    EditorNotice.REMINDER: (
        "[Not approved, due {short}]",
        "Issue {number} is due on {when}, but as it is it won’t go out: {why}.",
        "To let it go out: {step}",
    ),
    EditorNotice.NO_DRAFT: (
        "No draft yet for {short}",
        "There’s no draft for {when} yet: {why}.",
        "To add comparisons: digest import PATH...",
    ),
    EditorNotice.HELD: (
        "Held: the issue of {period}",
        "The issue of {period} was due on {when}, and it is held: {why}.",
        "To let it go out: {step}",
        "It still goes out automatically up to {hours} hours after that time.",
    ),
    EditorNotice.MISSED: (
        "Missed: the issue of {period}",
        "The issue of {period} was due on {when} and was missed: {why}.",
        "It won’t go out automatically any more. To send it anyway: {again}.",
    ),
    EditorNotice.SENT_BACK: (
        "Sent back: the issue of {period}",
        "{by} sent issue {number} back:",
        "{why}",
        "It won’t go out until it is approved again. Once that is fixed: {step}",
    ),
    EditorNotice.SKIPPED: (
        "No issue for {period}",
        "There’s no issue on {when}: {why}.",
        "You don’t need to do anything.",
    ),
}
