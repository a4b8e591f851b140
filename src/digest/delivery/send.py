"""Sends one batch: claim, start, hand over, settle, each on disk before the next."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from digest.delivery.ledger import Claim, claim, holds, release, start
from digest.delivery.settle import Patience, Settled, settle
from digest.delivery.store import Store
from digest.delivery.wave import Bounds
from digest.mail.mailing import Content, Mailing, Recipient
from digest.mail.transport import Accepted, Answer, NotSent, Request, Transport


@dataclass(frozen=True, kw_only=True)
class Sending:
    """One edition on its way: all that sending a batch of it takes."""

    store: Store
    transport: Transport
    clock: Callable[[], datetime]
    owner: str
    edition_id: int
    newsletter: str
    issue: str  #: what the provider is told; tells nothing of any reader
    content: Content
    recipient: Callable[[int, int, str], Recipient]
    lease: float = 300.0  #: seconds; must outlast the transport's own time limit
    patience: Patience = field(default_factory=Patience)
    bounds: Bounds = field(default_factory=Bounds)
    #: Called with the name of each step that has just become durable; tests die in here.
    step: Callable[[str], None] = lambda _: None


#: This process slept past its lease, and others took its batch back: it must not connect any more.
_OVERSLEPT = NotSent(detail="its sender slept past its lease", wait=0.0, counts=False)


@dataclass(frozen=True, kw_only=True)
class Handed:
    """A batch that was handed over, and the provider's answer, not yet recorded."""

    claim: Claim
    answer: Answer


def turn(
    sending: Sending, handed: Handed | None, *, more: bool
) -> tuple[Settled | None, Claim | None]:
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


def hand_over(sending: Sending, taken: Claim) -> Handed | None:
    """Build the request, record that it leaves, and send it once, with no transaction open.

    Returns ``None`` when the batch isn't ours any more. A fault before the request leaves gives
    the batch back.
    """
    try:
        request = _request(sending, taken)
        with sending.store.write() as session:
            started = start(session, taken, request_hash=request.hash, now=sending.clock())
    except Exception:
        with suppress(SQLAlchemyError), sending.store.write() as session:
            release(session, taken)
        raise
    if not started:
        with sending.store.write() as session:
            release(session, taken)
        return None
    sending.step("started")
    with sending.store.read() as session:
        ours = holds(session, taken)
    answer = sending.transport.hand_over(request) if ours else _OVERSLEPT
    sending.step("answered")
    return Handed(claim=taken, answer=answer)


def _settle(sending: Sending, session: Session, handed: Handed) -> Settled:
    return settle(
        session,
        batch_id=handed.claim.batch_id,
        attempt=handed.claim.attempt,
        readers=[row[0] for row in handed.claim.readers],
        answer=handed.answer,
        now=sending.clock(),
        patience=sending.patience,
    )


def _request(sending: Sending, taken: Claim) -> Request:
    address = sending.recipient
    return sending.transport.prepare(
        Mailing(
            content=sending.content,
            recipients=[address(row[0], row[1], row[2]) for row in taken.readers],
            issue=sending.issue,
            batch=taken.batch_key,
            attempt=taken.attempt,
        )
    )
