"""The codes that editors decide with: how long one lasts, how many there are, how many tries.

A code isn't stored. It is made of a random number in the database and the installation's secret, so
that a copy of the database reveals none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from secrets import token_hex
from unicodedata import normalize

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from digest.errors import WrongState
from digest.issues.models import ReviewCode
from subscribers import letter_queue
from subscribers.models import LetterKind, LetterState, LetterToSend
from subscribers.tokens import Purpose, Tokens

LASTS = timedelta(minutes=15)
MOST_CODES = 3  #: codes for one editor and issue within `WINDOW`
WINDOW = timedelta(hours=1)
MOST_WRONG = 5  #: wrong tries, after which a code is void
_DIGITS = 8
_KEPT = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class ReviewSubject:
    """What a code is bound to: an editor, an issue, and the mail the editor saw."""

    issue_id: int
    editor: str  #: the mark of the editor's address
    fingerprint: str


def ask(session: Session, subject: ReviewSubject, newsletter: str, now: datetime) -> ReviewCode:
    """Store a code, and queue the letter that brings it.

    The caller holds the issue's row locked, and commits. Raises `WrongState` where `MOST_CODES`
    were asked for within `WINDOW`.
    """
    recent = [
        code
        for code in _codes_of(session, subject.issue_id, subject.editor)
        if code.asked_at > now - WINDOW
    ]
    if len(recent) >= MOST_CODES:
        minutes = -((now - WINDOW - recent[-1].asked_at) // _MINUTE)
        raise WrongState(
            f"{MOST_CODES} codes were mailed within an hour. Use the newest one, or ask again in"
            f" {minutes} minutes."
        )
    old = (col(ReviewCode.issue_id) == subject.issue_id, col(ReviewCode.asked_at) < now - _KEPT)
    session.connection().execute(delete(ReviewCode).where(*old))
    code = ReviewCode(
        **vars(subject),
        nonce=token_hex(16),
        letter_id=letter_queue.queue_internal(session, LetterKind.REVIEW_CODE, newsletter, now),
        asked_at=now,
    )
    session.add(code)
    session.flush()
    return code


def usable(session: Session, issue_id: int, editor: str, now: datetime) -> ReviewCode | None:
    """Return an editor's newest code if it still decides something; older ones never do."""
    newest = next(iter(_codes_of(session, issue_id, editor)), None)
    return newest if newest is not None and is_usable(newest, now) else None


def is_usable(code: ReviewCode, now: datetime) -> bool:
    """Return whether a code isn't used, tried out or too old."""
    return code.used_at is None and code.tries < MOST_WRONG and now < code.asked_at + LASTS


def of_letter(session: Session, letter_id: int) -> ReviewCode | None:
    """Return the code that a letter brings; ``None`` where it was deleted."""
    chosen = select(ReviewCode).where(ReviewCode.letter_id == letter_id)
    return session.exec(chosen.order_by(col(ReviewCode.id).desc()).limit(1)).one_or_none()


def letter_state(session: Session, code: ReviewCode) -> LetterState | None:
    """Return what became of a code's letter; ``None`` where its row was deleted."""
    letter = session.get(LetterToSend, code.letter_id)
    return letter.state if letter else None


def digits(code: ReviewCode, tokens: Tokens) -> str:
    """Return a code's eight digits."""
    subject = f"{code.nonce}:{code.issue_id}:{code.editor}:{code.fingerprint}"
    signed = sha256(tokens.sign(Purpose.REVIEW_CODE, subject).encode()).digest()
    return f"{int.from_bytes(signed) % 10**_DIGITS:0{_DIGITS}}"


def spend(
    session: Session, subject: ReviewSubject, given: str, tokens: Tokens, now: datetime
) -> str:
    """Use a code up if *given* is right, else count the try and return why it is refused.

    The caller commits a refusal too, since a try that is rolled back doesn't count.
    """
    code = usable(session, subject.issue_id, subject.editor, now)
    if code is None:
        if not _codes_of(session, subject.issue_id, subject.editor):
            return "No code is open. Have one mailed first."
        return "No code is open: the last one was used, tried too often, or is too old."
    if code.fingerprint != subject.fingerprint:
        return "That code is for an earlier version of this issue. Ask for a new one."
    tries = _count_try(session, code)
    if tries is None:
        return "No code is open: the last one was used or tried too often."
    plain = "".join(normalize("NFKC", given).split()).replace("-", "")
    if not compare_digest(plain.encode(), digits(code, tokens).encode()):
        left = MOST_WRONG - tries
        return f"That isn’t the code of the newest letter. Tries left: {left}."
    session.refresh(code)
    code.used_at = now
    session.add(code)
    session.flush()
    return ""


def forget(session: Session, issue_id: int) -> None:
    """Delete every code of an issue; the caller commits."""
    session.connection().execute(delete(ReviewCode).where(col(ReviewCode.issue_id) == issue_id))


def _codes_of(session: Session, issue_id: int, editor: str) -> Sequence[ReviewCode]:
    chosen = select(ReviewCode).where(ReviewCode.issue_id == issue_id, ReviewCode.editor == editor)
    return session.exec(chosen.order_by(col(ReviewCode.id).desc())).all()


def _count_try(session: Session, code: ReviewCode) -> int | None:
    """Count a try, and return how many there are; ``None`` where the code is spent meanwhile."""
    open_ = (col(ReviewCode.used_at).is_(None), col(ReviewCode.tries) < MOST_WRONG)
    counted = (
        update(ReviewCode)
        .where(col(ReviewCode.id) == code.id, *open_)
        .values(tries=col(ReviewCode.tries) + 1)
        .returning(col(ReviewCode.tries))
    )
    return session.connection().execute(counted).scalar_one_or_none()
