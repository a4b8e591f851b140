"""Send one batch: claim, start, hand over, settle, with each step on disk before the next.

This module decides what a fault means at each step: before a connection is tried, the batch was
certainly not sent; after it, the batch is in doubt.
"""

from __future__ import annotations

import itertools
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from traceback import extract_tb
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from digest.delivery.job_queue import SEND_JOB, JobQueue, NoJobQueue
from digest.delivery.pace import UNLIMITED, Pace, stop_reason
from digest.delivery.sending.queue import (
    Claim,
    claim,
    due,
    exclude_from_claim,
    is_still_held,
    release,
    start,
)
from digest.delivery.sending.recovery import recover
from digest.delivery.sending.rollout import RolloutLimits
from digest.delivery.sending.settlement import RetryPolicy, Settlement, pause_issue, settle
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
from subscribers.address import wire
from subscribers.errors import BadAddress
from subscribers.sql import UnitOfWork

log = logging.getLogger(__name__)

#: Seconds between attempts to record a response. On a database server the last pause repeats until
#: the lease is over; then the batch is left in doubt.
_SETTLE_PAUSES = (0.1, 0.5, 2.0, 5.0)
#: Errors of a database that can't be reached at the moment.
CONNECTION_ERRORS = (OperationalError, InterfaceError, PoolTimeout)


@dataclass(frozen=True, kw_only=True)
class EditionSend:
    """One edition on its way: everything that sending a batch of it needs."""

    store: UnitOfWork
    transport: Transport
    clock: Callable[[], datetime]
    owner: str
    edition_id: int
    newsletter: str
    issue: str  #: sent to the provider; identifies no reader
    content: Content
    #: By seat: what a batch of that seat gets in its place.
    variants: Mapping[int, Content] = field(default_factory=dict)
    #: Addresses rows of a delivery, a subscriber and an address.
    recipients: Callable[[Sequence[Sequence[Any]]], Sequence[Recipient]]
    lease: float = 300.0  #: seconds; must be longer than the transport's time limit
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)
    rollout_limits: RolloutLimits = field(default_factory=RolloutLimits)
    pace: Pace = UNLIMITED
    #: Told in the same transaction when a response makes batches pending.
    job_queue: JobQueue = field(default_factory=NoJobQueue)
    #: Called with an attempt's key once its start is durable, before anything leaves.
    on_start: Callable[[str], None] = lambda _: None
    #: Called with the name of each step once it is durable; tests end the process in it.
    step: Callable[[str], None] = lambda _: None


#: This process slept past its lease, so recovery took its batch back: it must not connect.
_LEASE_OVER = NotSent(detail="its sender slept past its lease", wait=0.0, counts=False)


@dataclass(frozen=True, kw_only=True)
class UnsettledResponse:
    """A batch that was handed over, with the provider's response, which isn't recorded yet."""

    claim: Claim
    answer: Answer


class _RolledBack(Exception):
    """Rolls back what was done for a rehearsal."""


def rehearse(sending: EditionSend) -> None:
    """Send a batch without the sending, so that processes forked afterwards share what it made.

    Batches are recovered, and one is claimed, started and settled, in a transaction that is rolled
    back; a request is made of it. Nothing leaves, and nothing is recorded.
    """
    claimed: Claim | None = None
    with suppress(_RolledBack), sending.store.write() as session:
        recover(session, edition_id=sending.edition_id, now=sending.clock(), alive=lambda _: True)
        claimed = _claim(sending, session)
        if claimed is not None:
            now = sending.clock()
            start(session, claimed, request_hash="", one_by_one=False, now=now)
            is_still_held(session, claimed)
            _settle(sending, session, UnsettledResponse(claim=claimed, answer=Accepted()))
        raise _RolledBack
    if claimed is not None:
        with suppress(Exception):  # what is wrong is said when the batch is sent
            _request(sending, claimed)


def settle_and_claim(
    sending: EditionSend, unsettled: UnsettledResponse | None, *, more: bool
) -> tuple[Settlement | None, Claim | None]:
    """Settle what was handed over and, if *more*, claim the next batch: one transaction for both.

    Return the settlement and the claim, each ``None`` where there is none. No batch is claimed
    after a response other than "accepted", since that response may stop or slow down the issue.
    """
    settlement = claimed = None
    with sending.store.write() as session:
        if unsettled is not None:
            settlement = _settle(sending, session, unsettled)
            more = more and isinstance(unsettled.answer, Accepted)
        if more:
            claimed = _claim(sending, session)
    if settlement is not None:
        sending.step("settled")
    if claimed is not None:
        sending.step("claimed")
    return settlement, claimed


def settle_patiently(
    sending: EditionSend,
    unsettled: UnsettledResponse | None,
    *,
    more: bool,
    stopping: threading.Event,
) -> tuple[Settlement | None, Claim | None]:
    """Settle and claim; keep a response that can't be recorded yet, and try again.

    After a stop no batch is claimed, and a pause is at most 0.5 s.
    """
    began = time.monotonic()
    for tries in itertools.count():
        try:
            return settle_and_claim(sending, unsettled, more=more)
        except CONNECTION_ERRORS as fault:
            if unsettled is None or _gives_up(fault, tries, began + sending.lease):
                raise
            if tries == 0:
                log.warning("a response can't be recorded yet: %s", connection_error_text(fault))
            _pause(_SETTLE_PAUSES[min(tries, len(_SETTLE_PAUSES) - 1)], stopping)
            more = False  # on a full disk, a response still fits where a claim doesn't
    raise AssertionError("the loop returns or raises")


def _gives_up(fault: Exception, tries: int, end: float) -> bool:
    """Return whether to stop trying: a server may come back, an unwritable file rarely does."""
    if isinstance(getattr(fault, "orig", None), sqlite3.Error):
        return tries >= len(_SETTLE_PAUSES)
    return time.monotonic() >= end


def _pause(seconds: float, stopping: threading.Event) -> None:
    """Wait *seconds*, or until a stop; at most 0.5 s after one."""
    if stopping.is_set():
        time.sleep(min(seconds, 0.5))
    else:
        stopping.wait(seconds)


def send_one(sending: EditionSend, batch_id: int, stopping: threading.Event) -> Settlement | None:
    """Claim that batch, send it and settle it; return ``None`` when it isn't to be sent now.

    Where a time holds the edition back, the queue is asked to look again then.
    """
    with sending.store.write() as session:
        claimed = _claim(sending, session, batch_id)
        now, again = sending.clock(), None
        if claimed is None or sending.pace.is_limited:  # under a limit, the next waits for a time
            again = due(session, sending.edition_id, now, sending.pace)
        if again is not None and again > now:
            sending.job_queue.wake(session, SEND_JOB, at=again)
    if claimed is None:
        return None
    sending.step("claimed")
    unsettled = send_batch(sending, claimed)
    if unsettled is None:
        return None
    return settle_patiently(sending, unsettled, more=False, stopping=stopping)[0]


def _claim(sending: EditionSend, session: Session, batch_id: int | None = None) -> Claim | None:
    stopped = stop_reason(session) if sending.pace.warm_up else ""
    if stopped:  # only a person lets it go on
        pause_issue(session, sending.edition_id, stopped, sending.clock())
        return None
    return claim(
        session,
        edition_id=sending.edition_id,
        newsletter=sending.newsletter,
        owner=sending.owner,
        now=sending.clock(),
        lease=sending.lease,
        batch_id=batch_id,
        pace=sending.pace,
    )


def send_batch(sending: EditionSend, claimed: Claim) -> UnsettledResponse | None:
    """Build the request, record that it leaves, and send it once, with no transaction open.

    Return ``None`` when this process doesn't hold the batch any more. Every fault is returned as a
    response, not raised: not sent before a connection is tried, in doubt after.
    """
    try:
        addressable = _exclude_unaddressable(sending, claimed)
        if addressable is None:
            return None
        claimed = addressable
        request = _request(sending, claimed)
        with sending.store.write() as session:
            started = start(
                session,
                claimed,
                request_hash=request.hash,
                one_by_one=request.one_by_one,
                now=sending.clock(),
            )
    except Exception as fault:
        # The start may be on disk or not, but no connection was made.
        return UnsettledResponse(claim=claimed, answer=_unsent(fault))
    if not started:
        with sending.store.write() as session:
            release(session, claimed)
        return None
    answer = _withhold_reason(sending, claimed) or _hand_over(sending, request)
    return UnsettledResponse(claim=claimed, answer=answer)


def _withhold_reason(sending: EditionSend, claimed: Claim) -> Answer | None:
    """Return why a started request must not leave after all; ``None`` when it may."""
    try:
        sending.on_start(claimed.attempt)
        sending.step("started")
        with sending.store.read() as session:
            return None if is_still_held(session, claimed) else _LEASE_OVER
    except Exception as fault:
        return _unsent(fault)


def _unsent(fault: Exception) -> NotSent | Halted:
    """Return the response that a fault before any connection stands for."""
    if isinstance(fault, CONNECTION_ERRORS):
        return NotSent(detail=f"nothing was sent: {connection_error_text(fault)}")
    return Halted(detail=f"nothing was sent: {_error_text(fault)}")


def connection_error_text(fault: Exception) -> str:
    """Return the database's error message in one line, without any value being written."""
    message = " ".join(str(getattr(fault, "orig", None) or "no connection is left").split())
    return f"the database became unavailable ({message})"


def _hand_over(sending: EditionSend, request: PreparedRequest) -> Answer:
    try:
        answer = sending.transport.hand_over(request)
    except Exception as fault:
        answer = InDoubt(detail=f"the request may have been sent: {_error_text(fault)}", halts=True)
    sending.step("answered")
    return answer


def _error_text(fault: Exception) -> str:
    """Return a message without personal data: another error's text may hold an address."""
    if isinstance(fault, DigestError):
        return str(fault)
    if isinstance(fault, OSError) and fault.strerror:
        return f"{fault.filename or 'the system'}: {fault.strerror}"
    *_, frame = extract_tb(fault.__traceback__)
    where = f"{Path(frame.filename).name}, line {frame.lineno}"
    return f"an internal fault ({type(fault).__name__} in {where})"


def _settle(sending: EditionSend, session: Session, unsettled: UnsettledResponse) -> Settlement:
    answer = unsettled.answer
    settlement = settle(
        session,
        batch_id=unsettled.claim.batch_id,
        attempt=unsettled.claim.attempt,
        readers=[row[0] for row in unsettled.claim.readers],
        answer=answer,
        now=sending.clock(),
        retry_policy=sending.retry_policy,
    )
    if isinstance(answer, InDoubt) and answer.halts:
        pause_issue(session, sending.edition_id, answer.detail, sending.clock())
        settlement = replace(settlement, stop=True)
    if settlement.resumes:
        sending.job_queue.enqueue_batches(session, sending.clock())
    elif not isinstance(answer, Accepted):
        root = unsettled.claim.root
        sending.job_queue.enqueue_batches(session, sending.clock(), root=root)
    return settlement


def _exclude_unaddressable(sending: EditionSend, claimed: Claim) -> Claim | None:
    """Exclude the readers whose address no mail can be sent to.

    Return ``None`` when this process doesn't hold the batch any more, or when no reader is left.
    """
    excluded: dict[int, str] = {}
    # Nearly all are in ASCII, and so on the wire as they were parsed.
    odd = [(row[0], row[2]) for row in claimed.readers if not row[2].isascii()]
    for delivery, address in odd:
        try:
            wire(address)
        except BadAddress as fault:
            excluded[delivery] = f"no mail can be addressed to it: {fault}"
    if not excluded:
        return claimed
    with sending.store.write() as session:
        return exclude_from_claim(session, claimed, excluded)


def _request(sending: EditionSend, claimed: Claim) -> PreparedRequest:
    return sending.transport.prepare(
        Mailing(
            content=sending.variants.get(claimed.seat, sending.content),
            recipients=sending.recipients(claimed.readers),
            issue=sending.issue,
            batch=claimed.batch_key,
            attempt=claimed.attempt,
        )
    )
