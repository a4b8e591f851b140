"""What an answer does to a batch: the last durable step of an attempt."""

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
from digest.delivery.sending.circuit_breaker import Limits
from digest.delivery.sending.confirmation import (
    confirm_acceptance,
    confirmed_attempt,
    known_attempts,
)
from digest.delivery.sending.planning import random_key
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.transport import Accepted, Answer, Halted, InDoubt, NotSent, Refused


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long an engine keeps trying; times in seconds."""

    first_wait: float = 2.0
    longest_wait: float = 600.0
    most_tries: int = 100  #: of one batch; with the longest wait between them, over half a day
    most_rounds: int = 25  #: requests a batch may cost while the provider names one reader a time
    most_splits: int = 24  #: requests a batch may cost in the search for what the provider dislikes
    most_alone: int = 5  #: requests one reader may cost whom the provider refuses and doesn't name
    limits: Limits = field(default_factory=Limits)  #: of what the issue as a whole may meet
    jitter: Callable[[], float] = random.random

    def wait(self, tries: int, asked: float | None) -> float:
        """Return how long to wait before the next try, longer each time, never in step."""
        seconds = self.first_wait * 2 ** min(tries, 30) if asked is None else asked
        return min(seconds, self.longest_wait) * (1 + 0.1 * self.jitter())


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """What settling did, for the sender and its progress line."""

    outcome: str
    count: int
    detail: str = ""
    wait: float | None = None  #: seconds the provider wants to be left alone
    stop: bool = False


def settle(
    session: Session,
    *,
    batch_id: int,
    attempt: str,
    readers: list[int],
    answer: Answer,
    now: datetime,
    patience: RetryPolicy,
) -> Settlement:
    """Record an attempt's answer and move its batch on; the caller commits.

    *readers* are the delivery ids in the order they were in the request. A batch that has been
    taken for doubtful meanwhile (this process slept) is moved on by its own attempt's late answer;
    one that a person has decided on stays as decided, and only the attempt records what came.
    """
    kind = type(answer).__name__.lower()
    connection = session.connection()
    connection.execute(
        _SETTLE,
        {
            "by": attempt,
            "now": now,
            "kind": kind,
            "code": answer.status,
            "words": answer.detail,
            "provider": answer.provider_id if isinstance(answer, Accepted) else None,
        },
    )
    mine = {"batch": batch_id, "by": attempt}
    if isinstance(answer, Accepted):
        won = connection.execute(_ACCEPT, mine).rowcount == 1
        circuit_breaker.accepted(session, batch_id)
        if not won:  # a person may have decided otherwise meanwhile: this proves them wrong
            confirm_acceptance(
                session, known_attempts(session, [attempt]), {attempt: int(now.timestamp())}
            )
        return Settlement(outcome=kind if won else "superseded", count=len(readers))
    batch = connection.execute(_HELD, mine).first()
    if batch is None:
        return Settlement(outcome="superseded", count=len(readers))
    proved = confirmed_attempt(session, batch_id)
    if proved is not None:
        # A person took an earlier attempt for unsent, and it wasn't: one more would be too many.
        _move(session, batch_id, state=BatchState.ACCEPTED, attempt=proved, note="")
        stop = isinstance(answer, Halted)
        if stop:
            pause_issue(session, batch.edition_id, answer.detail)
        return Settlement(outcome="superseded", count=len(readers), detail=answer.detail, stop=stop)
    return _heed(session, batch, readers, answer, now, patience)


def _heed(
    session: Session,
    batch: Any,
    readers: list[int],
    answer: Answer,
    now: datetime,
    patience: RetryPolicy,
) -> Settlement:
    """Do what an answer other than "accepted" asks for."""
    kind = type(answer).__name__.lower()
    match answer:
        case InDoubt():
            _move(session, batch.id, state=BatchState.IN_DOUBT, note=answer.detail)
            doubt = Settlement(outcome=kind, count=len(readers), detail=answer.detail)
            return _slowed(session, batch, answer, doubt, now, patience)
        case Halted():
            _move(session, batch.id, state=BatchState.PENDING, attempt=None)
            pause_issue(session, batch.edition_id, answer.detail)
            return Settlement(outcome=kind, count=len(readers), detail=answer.detail, stop=True)
        case NotSent():
            return _again(session, batch, answer, now, patience)
        case Refused():
            return _refusal(session, batch, readers, answer, now, patience)
    return Settlement(outcome=kind, count=len(readers), detail=answer.detail)


def _slowed(
    session: Session,
    batch: Any,
    answer: InDoubt | NotSent,
    settled: Settlement,
    now: datetime,
    patience: RetryPolicy,
    *,
    asked: float | None = None,
) -> Settlement:
    """Let the issue slow down, or stop, when its requests fail in a row."""
    tripped = circuit_breaker.failed(
        session,
        edition_id=batch.edition_id,
        attempt=batch.attempt,
        answer=answer,
        now=now,
        limits=patience.limits,
        asked=asked,
    )
    if tripped.give_up:
        pause_issue(session, batch.edition_id, tripped.give_up)
        return replace(settled, detail=tripped.give_up, stop=True)
    if tripped.until is not None:
        words = f"{settled.detail}; one batch is tried at {tripped.until:%H:%M:%S} UTC"
        return replace(settled, detail=words)
    return settled


def pause_issue(session: Session, edition_id: int, why: str) -> None:
    """Stop an issue until somebody resumes it."""
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


def _again(
    session: Session, batch: Any, answer: NotSent, now: datetime, patience: RetryPolicy
) -> Settlement:
    """Put a batch back that was certainly not sent, or park it when that happened too often."""
    tries, before = batch.tries, circuit_breaker.failures(session, batch.edition_id)
    if answer.counts:
        tries = before = batch.tries + 1
    wait = patience.wait(before, answer.wait)
    slow_down = None if answer.counts else wait
    if tries >= patience.most_tries:
        _move(session, batch.id, state=BatchState.PARKED, tries=tries, note=answer.detail)
        settled = Settlement(outcome="parked", count=batch.size, detail=answer.detail)
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
        settled = Settlement(
            outcome="notsent", count=batch.size, detail=answer.detail, wait=slow_down
        )
    return _slowed(session, batch, answer, settled, now, patience, asked=slow_down)


def _refusal(
    session: Session,
    batch: Any,
    readers: list[int],
    answer: Refused,
    now: datetime,
    patience: RetryPolicy,
) -> Settlement:
    """Act on a refusal; stop the issue where it seems to be about the mail, not about readers."""
    edition = batch.edition_id
    in_a_row = circuit_breaker.refused(session, edition_id=edition, attempt=batch.attempt, now=now)
    why = ""
    if answer.too_large and len(readers) == 1 and not _accepted(session, edition):
        why = f"the mail is too large even for one reader: {answer.detail}"
        _move(session, batch.id, state=BatchState.PENDING, attempt=None, note=answer.detail)
    else:
        _refused(session, batch, readers, answer, now, patience)
        if in_a_row >= patience.limits.most_refusals:
            why = f"{in_a_row} requests in a row were refused, none accepted: {answer.detail}"
    if why:
        pause_issue(session, edition, why)
    return Settlement(
        outcome="refused", count=len(readers), detail=why or answer.detail, stop=bool(why)
    )


def _refused(
    session: Session,
    batch: Any,
    readers: list[int],
    answer: Refused,
    now: datetime,
    patience: RetryPolicy,
) -> None:
    """Set aside who was named; search for who wasn't, within a bound."""
    named = {readers[index]: words for index, words in answer.recipients.items()}
    if len(readers) == 1 and not named:
        times = _times_refused(session, batch)
        if not _is_theirs(session, batch, last_try=times >= patience.most_alone):
            _alone_again(session, batch, times, answer, now, patience)
            return
        named = {readers[0]: answer.detail}
    if named:
        _set_aside(session, named)
        left = len(readers) - len(named)
        again = BatchState.PENDING if batch.attempts < patience.most_rounds else BatchState.PARKED
        state = again if left else BatchState.EMPTY
        _move(session, batch.id, state=state, size=left, attempt=None, note=answer.detail)
    elif _splits(session, batch.root) >= patience.most_splits and not answer.too_large:
        _move(session, batch.id, state=BatchState.PARKED, note=answer.detail)
    else:
        _split(session, batch, readers)


def _is_theirs(session: Session, batch: Any, *, last_try: bool) -> bool:
    """Tell whether the refusal of one reader alone is about that reader.

    It is when the provider has accepted another request since it first refused one with them in
    it, or goes on refusing this one long after it accepted others. Else it may refuse everybody.
    """
    before = (
        select(func.max(col(Attempt.settled_at)))
        .join(Batch, col(Batch.id) == col(Attempt.batch_id))
        .where(
            col(Batch.root) == batch.root,
            col(Batch.first_delivery) <= batch.first_delivery,
            col(Batch.last_delivery) >= batch.last_delivery,
            col(Attempt.outcome) == "refused",
            col(Attempt.key) != batch.attempt,
        )
    )
    since = session.connection().execute(before).scalar_one()
    if since is not None and _accepted(session, batch.edition_id, since):
        return True
    return last_try and _accepted(session, batch.edition_id)


def _alone_again(
    session: Session, batch: Any, times: int, answer: Refused, now: datetime, patience: RetryPolicy
) -> None:
    """Try one reader again a little later, when the provider may have accepted others."""
    if times >= patience.most_alone:
        _move(session, batch.id, state=BatchState.PARKED, note=answer.detail)
        return
    due = now + timedelta(seconds=patience.wait(times, None))
    later = {"not_before": due, "note": answer.detail}
    _move(session, batch.id, state=BatchState.PENDING, attempt=None, **later)


def _times_refused(session: Session, batch: Any) -> int:
    count = select(func.count()).select_from(Attempt)
    mine = count.where(col(Attempt.batch_id) == batch.id, col(Attempt.outcome) == "refused")
    return session.connection().execute(mine).scalar_one()


def _accepted(session: Session, edition_id: int, since: datetime | None = None) -> bool:
    """Tell whether the provider has accepted a request of this edition, since then or ever."""
    found = (
        select(col(Batch.id))
        .join(Attempt, col(Attempt.key) == col(Batch.attempt))
        .where(
            col(Batch.edition_id) == edition_id,
            col(Batch.state) == BatchState.ACCEPTED,
            col(Attempt.outcome) == "accepted",
        )
    )
    if since is not None:
        found = found.where(col(Attempt.settled_at) > since)
    return session.connection().execute(found.limit(1)).first() is not None


def _set_aside(session: Session, named: Mapping[int, str]) -> None:
    session.connection().execute(
        update(Delivery)
        .where(col(Delivery.id) == bindparam("delivery"))
        .values(outcome=DeliveryOutcome.REFUSED, reason=bindparam("why")),
        [{"delivery": delivery, "why": why} for delivery, why in named.items()],
    )


def _splits(session: Session, root: str) -> int:
    count = select(func.count()).select_from(Batch)
    found = count.where(col(Batch.root) == root, col(Batch.state) == BatchState.SPLIT)
    return session.connection().execute(found).scalar_one()


def _split(session: Session, batch: Any, readers: list[int]) -> None:
    """Put each half of a batch into a batch of its own."""
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
        }
        for first, last, size in ranges
    ]
    session.connection().execute(insert(Batch), rows)


#: Claimed still when its start was lost with the database's answer to it.
_MINE = (
    col(Batch.id) == bindparam("batch"),
    col(Batch.attempt) == bindparam("by"),
    col(Batch.state).in_([BatchState.CLAIMED, BatchState.STARTED, BatchState.IN_DOUBT]),
)
_HELD = select(
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
).where(*_MINE)
#: An event may have proved it before the answer was read: accepted twice is accepted.
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
