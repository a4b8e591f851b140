"""Decides how mail to the publisher's own people leaves: on record before it goes, settled after.

A seed copy is one watched copy of an edition, whose events show whether the webhook works. A test
copy is marked, and its personal links do nothing. A notice tells the editors of a slot. Each is a
row of `subscribers.letter_queue` that names nobody; only a notice that certainly wasn't sent is
tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from digest.delivery.models import seed_copy_key
from digest.delivery.sending import EditionSend
from digest.errors import DigestError
from digest.mail.mailing import Content, Mailing
from digest.mail.marked_copy import inert_recipient
from digest.mail.transport import Accepted, Answer, Transport
from subscribers import letter_queue
from subscribers.models import LetterKind, SendOutcome
from subscribers.sql import UnitOfWork

CANARY_BATCH = "canary"  # stands in its events where a delivery's events name the batch
NOBODY = 0  # the id of no delivery and of no subscriber
MARK = "[Test] "
#: Outcomes after which a notice is sent again: nothing has left.
_SENT_AGAIN = (SendOutcome.NOT_SENT, SendOutcome.HALTED)


def send_seed_copy(sending: EditionSend, address: str) -> bool:
    """Send the edition's seed copy to *address*; return ``False`` when it was sent before.

    The seed copy is recorded before it leaves, and never sent again: losing one loses no mail.
    """
    attempt, about = uuid4().hex, seed_copy_key(sending.edition_id)
    kind, now = LetterKind.SEED, sending.clock()
    with sending.store.write() as session:
        row = letter_queue.start(
            session, kind, sending.newsletter, now, about=about, attempt=attempt
        )
    if row is None:
        return False
    mailing = Mailing(
        content=sending.content,
        recipients=sending.recipients([(NOBODY, NOBODY, address)]),
        issue=sending.issue,
        batch=CANARY_BATCH,
        attempt=attempt,
    )
    answer = sending.transport.hand_over(sending.transport.prepare(mailing))
    with sending.store.write() as session:
        letter_queue.settle(session, row, answer.outcome, sending.clock())
    return True


def send_test_copy(
    store: UnitOfWork,
    transport: Transport,
    content: Content,
    address: str,
    *,
    base_url: str,
    clock: Callable[[], datetime],
) -> Accepted:
    """Send a copy with a marked subject, once; raise `DigestError` unless it is accepted.

    Its events belong to no delivery.
    """
    with store.write() as session:
        row = letter_queue.start(session, LetterKind.TEST, content.category, clock())
    if row is None:
        raise DigestError("another process is sending this test copy")
    marked = replace(content, subject=f"{MARK}{content.subject}", category="test")
    recipient = inert_recipient(content, address, base_url=base_url)
    mailing = Mailing(content=marked, recipients=[recipient], issue="test")
    answer = transport.hand_over(transport.prepare(mailing))
    with store.write() as session:
        letter_queue.settle(session, row, answer.outcome, clock())
    if not isinstance(answer, Accepted):
        raise DigestError(f"the mail wasn't accepted: {answer.detail or answer.outcome}")
    return answer


def test_copy_location(outbox: Path | None) -> str:
    """Return where a sent test copy is, as text; *outbox* is the folder if mail goes to files."""
    return f"was written to {outbox / 'test'}" if outbox else "is on its way"


def send_notice(
    store: UnitOfWork,
    hand_over: Callable[[Mailing], Answer],
    mailing: Mailing | None,
    newsletter: str,
    about: str,
    now: datetime,
) -> SendOutcome | None:
    """Send a notice to the editors; return ``None`` when it is sent, under way or in doubt.

    *mailing* is ``None`` where the notice can't be composed; then it is never sent.
    """
    with store.write() as session:
        row = letter_queue.start(session, LetterKind.NOTICE, newsletter, now, about=about)
    if row is None:
        return None
    outcome = hand_over(mailing).outcome if mailing else SendOutcome.UNMADE
    with store.write() as session:
        letter_queue.settle(session, row, outcome, now, again=_SENT_AGAIN)
    return outcome
