"""Sends one batch: claim, start, hand over, settle, each on disk before the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from digest.delivery.ledger import Claim, claim, start
from digest.delivery.settle import Patience, Settled, settle
from digest.delivery.store import Store
from digest.mail.mailing import Content, Mailing, Recipient
from digest.mail.transport import Request, Transport


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
    #: Called with the name of each step that has just become durable; tests die in here.
    step: Callable[[str], None] = lambda _: None


def send_batch(sending: Sending) -> Settled | None:
    """Send the next batch that is due; ``None`` when there is none.

    No transaction is open while the request is under way.
    """
    taken = _claim(sending)
    if taken is None:
        return None
    request = _request(sending, taken)
    if not _start(sending, taken, request):
        return Settled(outcome="superseded", count=0)
    answer = sending.transport.hand_over(request)
    sending.step("answered")
    with sending.store.write() as session:
        settled = settle(
            session,
            batch_id=taken.batch_id,
            attempt=taken.attempt,
            readers=[row[0] for row in taken.readers],
            answer=answer,
            now=sending.clock(),
            patience=sending.patience,
        )
    sending.step("settled")
    return settled


def _claim(sending: Sending) -> Claim | None:
    with sending.store.write() as session:
        taken = claim(
            session,
            edition_id=sending.edition_id,
            newsletter=sending.newsletter,
            owner=sending.owner,
            now=sending.clock(),
            lease=sending.lease,
        )
    if taken is not None:
        sending.step("claimed")
    return taken


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


def _start(sending: Sending, taken: Claim, request: Request) -> bool:
    with sending.store.write() as session:
        started = start(session, taken, request_hash=request.hash, now=sending.clock())
    if started:
        sending.step("started")
    return started
