"""Decides how an editor gets the code to decide on an issue with: in a letter of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col

from digest.delivery.events import TO_EDITOR
from digest.issues import review_code, store
from digest.issues.models import Issue, Newsletter, ReviewCode
from digest.issues.review_link import editor_of
from digest.mail.mailing import Content, Mailing, Recipient
from digest.mail.transport import Answer
from subscribers import letter_queue
from subscribers.models import LetterKind, LetterState, LetterToSend, SendOutcome
from subscribers.sql import UnitOfWork
from subscribers.tokens import Tokens

#: Outcomes after which a code is sent again, as long as it lasts: nothing has left.
_SENT_AGAIN = (SendOutcome.NOT_SENT, SendOutcome.HALTED)


@dataclass(frozen=True, kw_only=True)
class CodeSending:
    """What letters with codes depend on."""

    store: UnitOfWork
    hand_over: Callable[[Mailing], Answer]
    tokens: Tokens
    editors: Sequence[str]  #: the addresses that the settings name
    letter: Callable[[Newsletter, str, Sequence[str]], Content]  #: from subject and paragraphs


def send_codes(codes: CodeSending, clock: Callable[[], datetime]) -> Counter[LetterState]:
    """Send every queued code, and return how many letters ended in which state.

    Stop where the transport is down. A code that was used or is too old isn't sent any more.
    """
    counts: Counter[LetterState] = Counter()
    state = None
    while state is not LetterState.WAITING:
        with codes.store.write() as session:
            of_kind = col(LetterToSend.kind) == LetterKind.REVIEW_CODE
            letter_id = letter_queue.claim(session, clock(), of_kind)
        if letter_id is None:
            break
        mailing = _mailing(codes, letter_id, clock())
        outcome = codes.hand_over(mailing).outcome if mailing else None
        with codes.store.write() as session:
            state = letter_queue.settle(session, letter_id, outcome, clock(), again=_SENT_AGAIN)
        counts[state] += 1
    return counts


def _mailing(codes: CodeSending, letter_id: int, now: datetime) -> Mailing | None:
    """Return the mailing with a code; ``None`` where the code, or its editor, is gone."""
    with codes.store.read() as session:
        code = review_code.of_letter(session, letter_id)
        address = editor_of(codes.editors, code.editor) if code else None
        if code is None or address is None or not review_code.is_usable(code, now):
            return None
        content = _content(codes, session, code)
        recipient = Recipient(f"{TO_EDITOR}code-{code.id}", address, {}, {})
    return Mailing(content=content, recipients=[recipient])


def _content(codes: CodeSending, session: Session, code: ReviewCode) -> Content:
    issue = session.get_one(Issue, code.issue_id)
    newsletter = store.newsletter_of(session, issue)
    digits = review_code.digits(code, codes.tokens)
    until = newsletter.cadence().local(code.asked_at + review_code.LASTS)
    version = code.fingerprint[:12]
    # The first paragraph is the preview that a locked phone shows, so the code isn't in it.
    words = [
        f"You asked for a code to approve issue {issue.number} or to send it back.",
        f"The code is {digits[:4]} {digits[4:]}",
        f"Enter it on the page where you asked for it. It works once, until {until:%H:%M}"
        f" ({newsletter.timezone}), and only for version {version} of the issue.",
        "If you didn’t ask for it, someone else has the link from your email. Don’t share the code:"
        " nobody can decide anything without it.",
    ]
    return codes.letter(newsletter, f"Your code for issue {issue.number}", words)
