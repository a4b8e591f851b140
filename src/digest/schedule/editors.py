"""Tells the editors by letter what a turn wants of them, each thing once."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from markupsafe import escape
from sqlmodel import Session

from digest.delivery.store import Store
from digest.errors import DigestError
from digest.issues import store, turns
from digest.issues.course import NEWS_AGE, Tidings, Times, tidings
from digest.issues.models import Issue, IssueState, Newsletter, Turn, TurnState
from digest.mail.mailing import Content, Mailing
from digest.mail.transport import Accepted, Answer, Halted, InDoubt, NotSent
from digest.mail.trial import stand_in
from digest.schedule.desk import Allowed, Ruling

log = logging.getLogger(__name__)

#: Of these turns editors may have to know something.
_TOLD = [state for state in TurnState if state is not TurnState.RELEASED]
#: These letters carry the issue itself.
_WITH_ISSUE = (Tidings.DRAFT, Tidings.REMINDER)
BANNER = (
    '<div style="padding:16px 24px;background:#fff3c4;color:#1c1c1c;font:15px/22px'
    " 'Segoe UI',Roboto,Helvetica,Arial,sans-serif\">{}</div>"
)


@dataclass(frozen=True, kw_only=True)
class Letters:
    """What letters to the editors take."""

    store: Store
    addresses: Sequence[str]
    base_url: str
    hand_over: Callable[[Mailing], Answer]
    issue: Callable[[Session, Issue], Content]  #: the mail readers would get
    letter: Callable[[Newsletter, str, Sequence[str]], Content]  #: from subject and paragraphs
    allowed: Allowed


def tell(letters: Letters, now: datetime) -> str:
    """Send every letter that is due and was not sent; returns what was sent, in a line."""
    if not letters.addresses:
        return ""
    with letters.store.read() as session:
        due = [
            each
            for newsletter in turns.newsletters(session)
            if newsletter.scheduled
            for each in _due(letters, session, newsletter, now)
        ]
    return "; ".join(filter(None, (_tell(letters, each, now) for each in due)))


class _Due(NamedTuple):
    turn: Turn
    kind: Tidings
    why: str


def _due(letters: Letters, session: Session, newsletter: Newsletter, now: datetime) -> list[_Due]:
    told = turns.notices(session, newsletter.id)
    times = Times.of(newsletter)
    found = []
    for turn in turns.turns(session, newsletter.id, _TOLD, since=now - NEWS_AGE):
        kind, why = tidings(turn, times, now, may_go=False), turn.note
        if kind is Tidings.REMINDER:
            ruling = _ruling(letters, session, turn)
            kind, why = (Tidings.DRAFT, "") if ruling.may_go else (kind, ruling.why)
        before = told.get((turn.period, kind)) if kind else None
        if kind and (before is None or before.outcome == turns.NOT_SENT):
            found.append(_Due(turn, kind, why))
    return found


def _ruling(letters: Letters, session: Session, turn: Turn) -> Ruling:
    issue = store.by_period(session, turn.newsletter_id, turn.period)
    if issue is None or issue.state is not IssueState.BUILT:
        return Ruling(True, "it is out of the editors' hands")
    return letters.allowed(session, issue)


def _tell(letters: Letters, due: _Due, now: datetime) -> str:
    turn, kind = due.turn, due.kind
    with letters.store.write() as session:
        if not turns.announce(session, turn, kind, now):
            return ""
        newsletter = session.get_one(Newsletter, turn.newsletter_id)
        issue = store.by_period(session, turn.newsletter_id, turn.period)
        content = _content(letters, session, newsletter, issue, due)
    outcome = "unmakeable"
    if content is not None:
        mailing = Mailing(
            content=content,
            recipients=[
                stand_in(address, base_url=letters.base_url)._replace(
                    delivery=f"editor-{number}-{turn.period}-{kind}"
                )
                for number, address in enumerate(letters.addresses, start=1)
            ],
            issue="editors",
        )
        outcome = _word(letters.hand_over(mailing))
    with letters.store.write() as session:
        turns.announced(session, turn, kind, outcome)
    return f"{turn.period}: {kind} letter {outcome}"


def _content(
    letters: Letters, session: Session, newsletter: Newsletter, issue: Issue | None, due: _Due
) -> Content | None:
    try:
        subject, words = _words(newsletter, issue, due)
        if due.kind in _WITH_ISSUE and issue is not None:
            return _headed(letters.issue(session, issue), subject, words)
        return letters.letter(newsletter, subject, words)
    except DigestError as fault:
        log.error("no letter to the editors can be made: %s", fault)
        return None


def _headed(content: Content, subject: str, words: Sequence[str]) -> Content:
    """Put words to the editors above the mail the readers would get."""
    banner = BANNER.format("<br>".join(str(escape(each)) for each in words))
    html = re.sub(r"(<body[^>]*>)", lambda found: found[1] + banner, content.html, count=1)
    return replace(
        content,
        subject=f"{subject}: {content.subject}",
        html=html,
        text="\n".join([*words, "-" * 72, "", content.text]),
        category="editors",
        track_clicks=False,
        track_opens=False,
    )


def _words(newsletter: Newsletter, issue: Issue | None, due: _Due) -> tuple[str, list[str]]:
    turn = due.turn
    local = newsletter.cadence().local(turn.due_at)
    number = issue.number if issue and issue.number else None
    gaps = {
        "when": f"{local:%A, %-d %B, %H:%M} ({newsletter.timezone})",
        "short": f"{local:%a %-d %b %H:%M}",
        "period": turn.period,
        "number": number,
        "why": due.why or "it is being made",
        "hours": newsletter.max_lateness,
        "alone": " by itself if no check finds anything, or" if newsletter.unattended else "",
        "again": f"digest approve {number}, then digest send {number}"
        if number
        else f"digest build --period {turn.period}, then approve and send it",
    }
    subject, *paragraphs = _WORDS[due.kind]
    return subject.format(**gaps), [each.format(**gaps) for each in paragraphs]


#: The subject, then the paragraphs.
_WORDS = {
    Tidings.DRAFT: (
        "[Draft for {short}]",
        "This is the draft of issue {number}.",
        "It goes out on {when},{alone} once you approve it: digest approve {number}",
    ),
    Tidings.REMINDER: (
        "[Not approved, due {short}]",
        "Issue {number} is due on {when}, and as it is it won't go: {why}.",
        "To let it go: digest approve {number}",
    ),
    Tidings.NO_DRAFT: (
        "No draft yet for {short}",
        "There is no draft for {when}: {why}.",
        "To fill it: digest import PATH...",
    ),
    Tidings.HELD: (
        "Held: the issue of {period}",
        "The issue of {period} was due on {when} and is held: {why}.",
        "To let it go: digest approve {number}. It goes by itself until {hours} hours after its"
        " moment.",
    ),
    Tidings.MISSED: (
        "Missed: the issue of {period}",
        "The issue of {period} was due on {when} and was missed: {why}.",
        "It doesn't go by itself any more. To send it all the same: {again}.",
    ),
    Tidings.SKIPPED: (
        "No issue for {period}",
        "No issue comes out on {when}: {why}.",
        "Nothing needs to be done.",
    ),
}


def _word(answer: Answer) -> str:
    if isinstance(answer, Accepted):
        return "accepted"
    if isinstance(answer, (NotSent, Halted)):
        return turns.NOT_SENT
    return "in-doubt" if isinstance(answer, InDoubt) else "refused"
