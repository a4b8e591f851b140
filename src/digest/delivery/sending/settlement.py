"""Record a response, and decide if its batch is accepted, sent again, split, parked or in doubt.

Whoever moves a batch locks its row first, and then that of its attempt: so an event, a decision, a
recovery and a late response of several machines come one after the other, without a deadlock.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, bindparam, func, insert, select, update
from sqlmodel import Session, col

from digest.delivery.models import Attempt, Batch, BatchState, Delivery, DeliveryOutcome
from digest.delivery.sending import circuit_breaker
from digest.delivery.sending.circuit_breaker import BreakerLimits
from digest.delivery.sending.confirmation import (
    confirm_acceptance,
    confirmed_attempt,
    known_attempts,
)
from digest.delivery.sending.planning import random_key
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.transport import Accepted, Answer, Halted, InDoubt, NotSent, Refused
from subscribers.models import SendOutcome


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often, and after which waits in seconds, a batch is sent again."""

    first_wait: float = 2.0
    longest_wait: float = 600.0
    most_tries: int = 100  #: of one batch: over half a day with the longest wait
    most_rounds: int = 25  #: requests per batch while the provider names one reader a time
    most_splits: int = 24  #: splits per original batch, to find the readers it is refused for
    most_alone: int = 5  #: requests for one reader who is refused without being named
    #: Failures of the issue as a whole.
    breaker_limits: BreakerLimits = field(default_factory=BreakerLimits)
    jitter: Callable[[], float] = random.random

    def wait(self, tries: int, retry_after: float | None) -> float:
        """Return the seconds before the next attempt, with up to 10 % jitter added.

        They are *retry_after* where the provider names it, and double with each try elsewhere.
        """
        seconds = self.first_wait * 2 ** min(tries, 30) if retry_after is None else retry_after
        return min(seconds, self.longest_wait) * (1 + 0.1 * self.jitter())


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """The result of settling one attempt, for the sender and its progress line."""

    outcome: str  #: a `SendOutcome`, or what stands in its place: "parked" or "superseded"
    count: int  #: readers in the request
    detail: str = ""
    wait: float | None = None  #: seconds without requests that the provider asks for
    stop: bool = False  #: whether the issue was paused
    resumes: bool = False  #: whether it closed the circuit breaker, so that the rest may go


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
        return Settlement(outcome="superseded", count=len(readers))
    proved = confirmed_attempt(session, batch_id)
    if proved is not None:
        # A person decided that an earlier attempt was unsent, but an event proved it accepted.
        _move(session, batch_id, state=BatchState.ACCEPTED, attempt=proved, note="")
        stop = isinstance(answer, Halted)
        if stop:
            pause_issue(session, batch.edition_id, answer.detail)
        return Settlement(outcome="superseded", count=len(readers), detail=answer.detail, stop=stop)
    return _act_on(session, batch, readers, answer, now, retry_policy)


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
            _move(session, batch.id, state=BatchState.IN_DOUBT, note=answer.detail)
            settled = Settlement(outcome=answer.outcome, count=len(readers), detail=answer.detail)
            return _count_failure(session, batch, answer, settled, now, retry_policy)
        case Halted():
            _move(session, batch.id, state=BatchState.PENDING, attempt=None)
            pause_issue(session, batch.edition_id, answer.detail)
            return Settlement(
                outcome=answer.outcome, count=len(readers), detail=answer.detail, stop=True
            )
        case NotSent():
            return _send_again(session, batch, answer, now, retry_policy)
        case Refused():
            return _act_on_refusal(session, batch, readers, answer, now, retry_policy)
    return Settlement(outcome=answer.outcome, count=len(readers), detail=answer.detail)


def _count_failure(
    session: Session,
    batch: Any,
    answer: InDoubt | NotSent,
    settlement: Settlement,
    now: datetime,
    retry_policy: RetryPolicy,
    *,
    retry_after: float | None = None,
) -> Settlement:
    """Count a failed request; slow the issue down, or pause it, when too many fail in a row."""
    tripped = circuit_breaker.failed(
        session,
        edition_id=batch.edition_id,
        attempt=batch.attempt,
        answer=answer,
        now=now,
        limits=retry_policy.breaker_limits,
        retry_after=retry_after,
    )
    if tripped.give_up:
        pause_issue(session, batch.edition_id, tripped.give_up)
        return replace(settlement, detail=tripped.give_up, stop=True)
    if tripped.until is not None:
        detail = f"{settlement.detail}; one batch is tried at {tripped.until:%H:%M:%S} UTC"
        return replace(settlement, detail=detail)
    return settlement


def pause_issue(session: Session, edition_id: int, why: str) -> None:
    """Pause the issue of an edition, with the reason, until a person resumes it."""
    of_edition = (
        select(col(Edition.issue_id)).where(col(Edition.id) == edition_id).scalar_subquery()
    )
    session.connection().execute(
        update(Issue)
        .where(col(Issue.id) == of_edition, col(Issue.state) == IssueState.PREPARED)
        .values(state=IssueState.PAUSED, note=why)
    )


def _move(session: Session, batch_id: int, **values: Any) -> CursorResult[Any]:
    change = update(Batch).where(col(Batch.id) == batch_id).values(**values)
    return session.connection().execute(change)


def _send_again(
    session: Session, batch: Any, answer: NotSent, now: datetime, retry_policy: RetryPolicy
) -> Settlement:
    """Return an unsent batch to the queue, or park it after too many attempts."""
    tries, before = batch.tries, circuit_breaker.failures(session, batch.edition_id)
    if answer.counts:
        tries = before = batch.tries + 1
    wait = retry_policy.wait(before, answer.wait)
    slow_down = None if answer.counts else wait
    if tries >= retry_policy.most_tries:
        _move(session, batch.id, state=BatchState.PARKED, tries=tries, note=answer.detail)
        settlement = Settlement(outcome="parked", count=batch.size, detail=answer.detail)
    else:
        _move(
            session,
            batch.id,
            state=BatchState.PENDING,
            attempt=None,
            tries=tries,
            not_before=now + timedelta(seconds=wait),
            note=answer.detail,
        )
        settlement = Settlement(
            outcome=answer.outcome, count=batch.size, detail=answer.detail, wait=slow_down
        )
    return _count_failure(
        session, batch, answer, settlement, now, retry_policy, retry_after=slow_down
    )


def _act_on_refusal(
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
        _move(session, batch.id, state=BatchState.PENDING, attempt=None, note=answer.detail)
    else:
        _exclude_refused(session, batch, readers, answer, now, retry_policy)
        if in_a_row >= retry_policy.breaker_limits.most_refusals:
            why = f"{in_a_row} requests in a row were refused, none accepted: {answer.detail}"
    if why:
        pause_issue(session, edition, why)
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
        _mark_refused(session, named)
        left = len(readers) - len(named)
        again = (
            BatchState.PENDING if batch.attempts < retry_policy.most_rounds else BatchState.PARKED
        )
        state = again if left else BatchState.EMPTY
        _move(session, batch.id, state=state, size=left, attempt=None, note=answer.detail)
    elif _splits(session, batch.root) >= retry_policy.most_splits and not answer.too_large:
        _move(session, batch.id, state=BatchState.PARKED, note=answer.detail)
    else:
        _split(session, batch, readers)


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
        _move(session, batch.id, state=BatchState.PARKED, note=answer.detail)
        return
    due = now + timedelta(seconds=retry_policy.wait(times, None))
    later = {"attempt": None, "not_before": due, "note": answer.detail}
    _move(session, batch.id, state=BatchState.PENDING, **later)


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
            col(Attempt.outcome) == SendOutcome.ACCEPTED,
        )
    )
    if since is not None:
        accepted = accepted.where(col(Attempt.settled_at) > since)
    return session.connection().execute(accepted.limit(1)).first() is not None


def _mark_refused(session: Session, named: Mapping[int, str]) -> None:
    session.connection().execute(
        update(Delivery)
        .where(col(Delivery.id) == bindparam("delivery"))
        .values(outcome=DeliveryOutcome.REFUSED, reason=bindparam("why")),
        [{"delivery": delivery, "why": why} for delivery, why in named.items()],
    )


def _splits(session: Session, root: str) -> int:
    count = select(func.count()).select_from(Batch)
    splits = count.where(col(Batch.root) == root, col(Batch.state) == BatchState.SPLIT)
    return session.connection().execute(splits).scalar_one()


def _split(session: Session, batch: Any, readers: list[int]) -> None:
    """Replace a batch by two new batches, one for each half of its readers."""
    half = len(readers) // 2
    middle = readers[half]
    ranges = [(batch.first_delivery, middle - 1, half)]
    ranges.append((middle, batch.last_delivery, len(readers) - half))
    _move(session, batch.id, state=BatchState.SPLIT, attempt=None, size=0)
    rows = [
        {
            "key": random_key(),
            "root": batch.root,
            "edition_id": batch.edition_id,
            "number": batch.number,
            "first_delivery": first,
            "last_delivery": last,
            "size": size,
            "state": BatchState.PENDING,
            "attempts": 0,
            "tries": 0,
            "recoveries": 0,
            "note": "",
            "seat": batch.seat,
        }
        for first, last, size in ranges
    ]
    session.connection().execute(insert(Batch), rows)


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
