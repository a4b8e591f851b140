"""Record a response, and decide if its batch is accepted, sent again, split, parked or in doubt.

What moves a batch locks its row first, and then that of its attempt: so an event, a decision, a
recovery and a late response of several machines come one after the other, without a deadlock.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlmodel import Session, col

from digest.delivery.models import Attempt, Batch, BatchState
from digest.delivery.pace import hold
from digest.delivery.sending import circuit_breaker
from digest.delivery.sending.confirmation import (
    confirm_acceptance,
    confirmed_attempt,
    known_attempts,
)
from digest.delivery.sending.settlement.batch_parts import mark_refused, move
from digest.delivery.sending.settlement.consequences import (
    RetryPolicy,
    Settlement,
    count_failure,
    pause_issue,
)
from digest.delivery.sending.settlement.mixed_answers import act_on_mixed, put_off_for_good
from digest.delivery.sending.settlement.refusals import act_on_refusal
from digest.delivery.sending.settlement.reported_copies import settle_copies, settle_reported
from digest.mail.transport import Accepted, Answer, Halted, InDoubt, Mixed, NotSent, Refused


def settle(
    session: Session,
    *,
    batch_id: int,
    attempt: str,
    readers: list[int],
    answer: Answer,
    now: datetime,
    retry_policy: RetryPolicy,
) -> Settlement:
    """Record an attempt's response and move its batch on; the caller commits.

    *readers* are the delivery ids, in the order of the request. A late response still moves on a
    batch that recovery put in doubt meanwhile (this process slept), but not one that a person has
    decided on: then only the attempt records it.
    """
    connection = session.connection()
    held = {"batch": batch_id, "by": attempt}
    if isinstance(answer, Accepted):
        is_settled = connection.execute(_ACCEPT, held).rowcount == 1
        if not is_settled:  # a person may have decided "unsent" meanwhile: this disproves it
            confirm_acceptance(
                session, known_attempts(session, [attempt]), {attempt: int(now.timestamp())}
            )
            settle_copies(session, attempt, readers)
        _record(session, attempt, answer, now)
        resumes = circuit_breaker.accepted(session, batch_id)
        return Settlement(
            outcome=answer.outcome if is_settled else "superseded",
            count=len(readers),
            resumes=resumes,
        )
    batch = connection.execute(_HELD, held).first()
    _record(session, attempt, answer, now)
    if batch is None:
        if isinstance(answer, Mixed):  # a person, or an event, has decided on a part meanwhile
            settle_copies(session, attempt, answer.accepted(readers), note="")
        return Settlement(outcome="superseded", count=len(readers))
    proved = confirmed_attempt(session, batch_id)
    if proved is not None:
        # A person decided that an earlier attempt was unsent, but an event proved it accepted.
        move(session, batch_id, state=BatchState.ACCEPTED, attempt=proved, note="")
        stop = isinstance(answer, Halted)
        if stop:
            pause_issue(session, batch.edition_id, answer.detail, now)
        return Settlement(outcome="superseded", count=len(readers), detail=answer.detail, stop=stop)
    settlement = _act_on(session, batch, readers, answer, now, retry_policy)
    if settlement.wait:  # locked last: see `digest.delivery.pace.pace_rows`
        hold(session, now + timedelta(seconds=settlement.wait))
    return settlement


def _record(session: Session, attempt: str, answer: Answer, now: datetime) -> None:
    """Record the response of an attempt whose batch this transaction has locked, if it holds it."""
    session.connection().execute(
        _SETTLE,
        {
            "by": attempt,
            "now": now,
            "kind": answer.outcome,
            "code": answer.status,
            "words": answer.detail,
            "provider": answer.provider_id if isinstance(answer, Accepted) else None,
        },
    )


def _act_on(
    session: Session,
    batch: Any,
    readers: list[int],
    answer: Answer,
    now: datetime,
    retry_policy: RetryPolicy,
) -> Settlement:
    """Move a batch on by a response other than "accepted"."""
    match answer:
        case InDoubt():
            move(session, batch.id, state=BatchState.IN_DOUBT, note=answer.detail)
            settle_reported(session, [batch.attempt])
            settled = Settlement(outcome=answer.outcome, count=len(readers), detail=answer.detail)
            return count_failure(session, batch, answer, settled, now, retry_policy)
        case Halted():
            move(session, batch.id, state=BatchState.PENDING, attempt=None)
            pause_issue(session, batch.edition_id, answer.detail, now)
            return Settlement(
                outcome=answer.outcome, count=len(readers), detail=answer.detail, stop=True
            )
        case NotSent():
            if put_off_for_good(answer, batch.tries, retry_policy):
                mark_refused(session, dict.fromkeys(readers, answer.detail))
                move(session, batch.id, state=BatchState.EMPTY, size=0, attempt=None)
            else:
                return _send_again(session, batch, answer, now, retry_policy)
        case Mixed():
            settled = act_on_mixed(session, batch, readers, answer, now, retry_policy)
            settle_reported(session, [batch.attempt])
            return settled
        case Refused():
            return act_on_refusal(session, batch, readers, answer, now, retry_policy)
    return Settlement(outcome=answer.outcome, count=len(readers), detail=answer.detail)


def _send_again(
    session: Session, batch: Any, answer: NotSent, now: datetime, retry_policy: RetryPolicy
) -> Settlement:
    """Return an unsent batch to the queue, or park it after too many attempts."""
    tries, before = batch.tries, circuit_breaker.failures(session, batch.edition_id)
    if answer.counts:
        tries = before = batch.tries + 1
    wait = retry_policy.wait(before, answer.wait)
    slow_down = None if answer.counts or answer.about_recipient else wait
    if tries >= retry_policy.most_tries:
        move(session, batch.id, state=BatchState.PARKED, tries=tries, note=answer.detail)
        outcome = "parked"
    else:
        move(
            session,
            batch.id,
            state=BatchState.PENDING,
            attempt=None,
            tries=tries,
            not_before=now + timedelta(seconds=wait),
            note=answer.detail,
        )
        outcome = answer.outcome
    settlement = Settlement(outcome=outcome, count=batch.size, detail=answer.detail, wait=slow_down)
    if answer.about_recipient:
        return settlement
    return count_failure(
        session, batch, answer, settlement, now, retry_policy, retry_after=slow_down
    )


#: CLAIMED is among the states since the commit of a start may be lost with its confirmation.
_THIS_ATTEMPT = (
    col(Batch.id) == bindparam("batch"),
    col(Batch.attempt) == bindparam("by"),
    col(Batch.state).in_([BatchState.CLAIMED, BatchState.STARTED, BatchState.IN_DOUBT]),
)
_HELD = (
    select(
        col(Batch.id),
        col(Batch.edition_id),
        col(Batch.attempt),
        col(Batch.root),
        col(Batch.number),
        col(Batch.first_delivery),
        col(Batch.last_delivery),
        col(Batch.size),
        col(Batch.attempts),
        col(Batch.tries),
        col(Batch.seat),
        col(Batch.mailbox_provider),
    )
    .where(*_THIS_ATTEMPT)
    .with_for_update()
)
#: ACCEPTED is among the states since an event may prove the attempt before its response is read.
_ACCEPT = (
    update(Batch)
    .where(
        col(Batch.id) == bindparam("batch"),
        col(Batch.attempt) == bindparam("by"),
        col(Batch.state).in_([BatchState.STARTED, BatchState.IN_DOUBT, BatchState.ACCEPTED]),
    )
    .values(state=BatchState.ACCEPTED, note="")
)
_SETTLE = (
    update(Attempt)
    .where(col(Attempt.key) == bindparam("by"))
    .values(
        settled_at=bindparam("now"),
        outcome=bindparam("kind"),
        status=bindparam("code"),
        detail=bindparam("words"),
        provider_id=bindparam("provider"),
    )
)
