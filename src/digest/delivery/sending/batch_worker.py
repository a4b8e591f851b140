"""Sends one batch: claim, start, hand over, settle, each on disk before the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from traceback import extract_tb

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlmodel import Session

from digest.delivery.sending.queue import Claim, claim, is_still_ours, leave_out, release, start
from digest.delivery.sending.rollout import RolloutLimits
from digest.delivery.sending.settlement import RetryPolicy, Settlement, pause_issue, settle
from digest.delivery.unit_of_work import UnitOfWork
from digest.errors import DigestError
from digest.mail.mailing import Content, Mailing, Recipient
from digest.mail.transport import (
    Accepted,
    Answer,
    Halted,
    InDoubt,
    NotSent,
    PreparedRequest,
    Transport,
)
from subscribers.errors import BadAddress

#: The database isn't there now, and may be in a moment.
AWAY = (OperationalError, InterfaceError, NoConnectionLeft)


@dataclass(frozen=True, kw_only=True)
class EditionSend:
    """One edition on its way: all that sending a batch of it takes."""

    store: UnitOfWork
    transport: Transport
    clock: Callable[[], datetime]
    owner: str
    edition_id: int
    newsletter: str
    issue: str  #: what the provider is told; tells nothing of any reader
    content: Content
    recipient: Callable[[int, int, str], Recipient]
    lease: float = 300.0  #: seconds; must outlast the transport's own time limit
    patience: RetryPolicy = field(default_factory=RetryPolicy)
    bounds: RolloutLimits = field(default_factory=RolloutLimits)
    #: Called with the name of each step that has just become durable; tests die in here.
    step: Callable[[str], None] = lambda _: None


#: This process slept past its lease, and others took its batch back: it must not connect any more.
_OVERSLEPT = NotSent(detail="its sender slept past its lease", wait=0.0, counts=False)


@dataclass(frozen=True, kw_only=True)
class UnsettledResponse:
    """A batch that was handed over, and the provider's answer, not yet recorded."""

    claim: Claim
    answer: Answer


def settle_and_claim(
    sending: EditionSend, handed: UnsettledResponse | None, *, more: bool
) -> tuple[Settlement | None, Claim | None]:
    """Settle what was handed over and, if *more*, claim the next batch: one transaction for both.

    Nothing is claimed after an answer other than "accepted": what it means comes first.
    """
    settled = taken = None
    with sending.store.write() as session:
        if handed is not None:
            settled = _settle(sending, session, handed)
            more = more and isinstance(handed.answer, Accepted)
        if more:
            taken = claim(
                session,
                edition_id=sending.edition_id,
                newsletter=sending.newsletter,
                owner=sending.owner,
                now=sending.clock(),
                lease=sending.lease,
            )
    if settled is not None:
        sending.step("settled")
    if taken is not None:
        sending.step("claimed")
    return settled, taken


def send_batch(sending: EditionSend, taken: Claim) -> UnsettledResponse | None:
    """Build the request, record that it leaves, and send it once, with no transaction open.

    Returns ``None`` when the batch isn't ours any more. Whatever goes wrong is an answer too: not
    sent before a connection is tried, in doubt after.
    """
    try:
        ours, recipients = _addressed(sending, taken)
        if ours is None:
            return None
        taken = ours
        request = _request(sending, taken, recipients)
        with sending.store.write() as session:
            started = start(session, taken, request_hash=request.hash, now=sending.clock())
    except Exception as fault:
        # Whether the start is on disk may not be known; that nothing is connected is.
        return UnsettledResponse(claim=taken, answer=_unsent(fault))
    if not started:
        with sending.store.write() as session:
            release(session, taken)
        return None
    answer = _withheld(sending, taken) or _handed_over(sending, request)
    return UnsettledResponse(claim=taken, answer=answer)


def _withheld(sending: EditionSend, taken: Claim) -> Answer | None:
    """Say why a started request doesn't leave after all; ``None`` when it may."""
    try:
        sending.step("started")
        with sending.store.read() as session:
            return None if is_still_ours(session, taken) else _OVERSLEPT
    except Exception as fault:
        return _unsent(fault)


def _unsent(fault: Exception) -> NotSent | Halted:
    """Turn a fault before anything was connected into what it means."""
    if isinstance(fault, AWAY):
        return NotSent(detail=f"nothing was sent: {away_in_words(fault)}")
    return Halted(detail=f"nothing was sent: {_in_words(fault)}")


def away_in_words(fault: Exception) -> str:
    """Say in a line what the database answered; it quotes nothing that was being written."""
    said = " ".join(str(getattr(fault, "orig", None) or "no connection is left").split())
    return f"the database went away ({said})"


def _handed_over(sending: EditionSend, request: PreparedRequest) -> Answer:
    try:
        answer = sending.transport.hand_over(request)
    except Exception as fault:
        answer = InDoubt(detail=f"the request may have been sent: {_in_words(fault)}", halts=True)
    sending.step("answered")
    return answer


def _in_words(fault: Exception) -> str:
    """Say what went wrong here; other errors' own words may hold an address."""
    if isinstance(fault, DigestError):
        return str(fault)
    if isinstance(fault, OSError) and fault.strerror:
        return f"{fault.filename or 'the system'}: {fault.strerror}"
    *_, place = extract_tb(fault.__traceback__)
    where = f"{Path(place.filename).name}, line {place.lineno}"
    return f"an internal fault ({type(fault).__name__} in {where})"


def _settle(sending: EditionSend, session: Session, handed: UnsettledResponse) -> Settlement:
    answer = handed.answer
    settled = settle(
        session,
        batch_id=handed.claim.batch_id,
        attempt=handed.claim.attempt,
        readers=[row[0] for row in handed.claim.readers],
        answer=answer,
        now=sending.clock(),
        patience=sending.patience,
    )
    if isinstance(answer, InDoubt) and answer.halts:
        pause_issue(session, sending.edition_id, answer.detail)
        settled = replace(settled, stop=True)
    return settled


def _addressed(sending: EditionSend, taken: Claim) -> tuple[Claim | None, list[Recipient]]:
    """Address each reader; one who can't be written to is left out, and the others go."""
    recipients: list[Recipient] = []
    unfit: dict[int, str] = {}
    for delivery, subscriber, address, *_ in taken.readers:
        try:
            recipients.append(sending.recipient(delivery, subscriber, address))
        except BadAddress as fault:
            unfit[delivery] = f"no mail can be addressed to it: {fault}"
    if not unfit:
        return taken, recipients
    with sending.store.write() as session:
        return leave_out(session, taken, unfit), recipients


def _request(sending: EditionSend, taken: Claim, recipients: list[Recipient]) -> PreparedRequest:
    return sending.transport.prepare(
        Mailing(
            content=sending.content,
            recipients=recipients,
            issue=sending.issue,
            batch=taken.batch_key,
            attempt=taken.attempt,
        )
    )
