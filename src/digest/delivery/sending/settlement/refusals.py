"""Act on a refused request: set the named readers aside, or split the batch to find them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from digest.delivery.models import Attempt, Batch, BatchState
from digest.delivery.sending import circuit_breaker
from digest.delivery.sending.settlement.batch_parts import BatchPart, divide, mark_refused, move
from digest.delivery.sending.settlement.consequences import RetryPolicy, Settlement, pause_issue
from digest.mail.transport import Refused
from subscribers.models import SendOutcome


def act_on_refusal(
    session: Session,
    batch: Any,
    readers: list[int],
    answer: Refused,
    now: datetime,
    retry_policy: RetryPolicy,
) -> Settlement:
    """Act on a refusal; pause the issue where the mail seems to be refused, not its readers."""
    edition = batch.edition_id
    in_a_row = circuit_breaker.refused(session, edition_id=edition, attempt=batch.attempt, now=now)
    why = ""
    if answer.too_large and len(readers) == 1 and not _accepted(session, edition):
        why = f"the mail is too large even for one reader: {answer.detail}"
        move(session, batch.id, state=BatchState.PENDING, attempt=None, note=answer.detail)
    else:
        _exclude_refused(session, batch, readers, answer, now, retry_policy)
        if in_a_row >= retry_policy.breaker_limits.most_refusals:
            why = f"{in_a_row} requests in a row were refused, none accepted: {answer.detail}"
    if why:
        pause_issue(session, edition, why, now)
    return Settlement(
        outcome=answer.outcome, count=len(readers), detail=why or answer.detail, stop=bool(why)
    )


def _exclude_refused(
    session: Session,
    batch: Any,
    readers: list[int],
    answer: Refused,
    now: datetime,
    retry_policy: RetryPolicy,
) -> None:
    """Mark the named readers as refused; without a name, split the batch to find them."""
    named = {readers[index]: reason for index, reason in answer.recipients.items()}
    if len(readers) == 1 and not named:
        times = _times_refused(session, batch)
        if not _is_reader_refused(session, batch, last_try=times >= retry_policy.most_alone):
            _send_alone_again(session, batch, times, answer, now, retry_policy)
            return
        named = {readers[0]: answer.detail}
    if named:
        mark_refused(session, named)
        left = len(readers) - len(named)
        again = (
            BatchState.PENDING if batch.attempts < retry_policy.most_rounds else BatchState.PARKED
        )
        state = again if left else BatchState.EMPTY
        move(session, batch.id, state=state, size=left, attempt=None, note=answer.detail)
    elif _splits(session, batch.root) >= retry_policy.most_splits and not answer.too_large:
        move(session, batch.id, state=BatchState.PARKED, note=answer.detail)
    else:
        _halve(session, batch, readers)


def _is_reader_refused(session: Session, batch: Any, *, last_try: bool) -> bool:
    """Return whether the refusal of a batch of one is about its reader.

    It is if the provider accepted another request since it refused a larger batch of the reader,
    or refuses even the *last_try* after accepting others. Else it may refuse every request.
    """
    refused_at = (
        select(func.max(col(Attempt.settled_at)))
        .join(Batch, col(Batch.id) == col(Attempt.batch_id))
        .where(
            col(Batch.root) == batch.root,
            col(Batch.first_delivery) <= batch.first_delivery,
            col(Batch.last_delivery) >= batch.last_delivery,
            col(Attempt.outcome) == SendOutcome.REFUSED,
            col(Attempt.key) != batch.attempt,
        )
    )
    since = session.connection().execute(refused_at).scalar_one()
    if since is not None and _accepted(session, batch.edition_id, since):
        return True
    return last_try and _accepted(session, batch.edition_id)


def _send_alone_again(
    session: Session,
    batch: Any,
    times: int,
    answer: Refused,
    now: datetime,
    retry_policy: RetryPolicy,
) -> None:
    """Put off a batch of one, so that the provider may accept others first; park it in the end."""
    if times >= retry_policy.most_alone:
        move(session, batch.id, state=BatchState.PARKED, note=answer.detail)
        return
    due = now + timedelta(seconds=retry_policy.wait(times, None))
    later = {"attempt": None, "not_before": due, "note": answer.detail}
    move(session, batch.id, state=BatchState.PENDING, **later)


def _times_refused(session: Session, batch: Any) -> int:
    count = select(func.count()).select_from(Attempt)
    refused = count.where(
        col(Attempt.batch_id) == batch.id, col(Attempt.outcome) == SendOutcome.REFUSED
    )
    return session.connection().execute(refused).scalar_one()


def _accepted(session: Session, edition_id: int, since: datetime | None = None) -> bool:
    """Return whether the provider accepted a request of this edition, after *since* if given."""
    accepted = (
        select(col(Batch.id))
        .join(Attempt, col(Attempt.key) == col(Batch.attempt))
        .where(
            col(Batch.edition_id) == edition_id,
            col(Batch.state) == BatchState.ACCEPTED,
            col(Attempt.outcome).in_([SendOutcome.ACCEPTED, SendOutcome.MIXED]),
        )
    )
    if since is not None:
        accepted = accepted.where(col(Attempt.settled_at) > since)
    return session.connection().execute(accepted.limit(1)).first() is not None


def _splits(session: Session, root: str) -> int:
    count = select(func.count()).select_from(Batch)
    splits = count.where(col(Batch.root) == root, col(Batch.state) == BatchState.SPLIT)
    return session.connection().execute(splits).scalar_one()


def _halve(session: Session, batch: Any, readers: list[int]) -> None:
    """Replace a batch by two new batches, one for each half of its readers."""
    half = len(readers) // 2
    divide(session, batch, [BatchPart(readers[:half]), BatchPart(readers[half:])])
