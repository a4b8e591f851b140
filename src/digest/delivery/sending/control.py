"""Apply a person's decision to an issue on its way: pause, resume, cancel, or resolve a doubt.

This module decides which decision is allowed in which state of the issue.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from itertools import chain

from sqlalchemy import bindparam, exists, func, insert, update
from sqlalchemy import select as select_core
from sqlmodel import Session, col, select

from digest.delivery.counts import count_deliveries
from digest.delivery.models import Attempt, Batch, BatchState, Decision, Delivery, DeliveryOutcome
from digest.delivery.sending.candidates import IN_OUTBOX_FOLDER, require_real_copies
from digest.delivery.sending.circuit_breaker import close, try_now
from digest.delivery.sending.dispatcher import mark_sent_if_done
from digest.delivery.sending.planning import cut, last_number
from digest.delivery.sending.queue import cancel_batches
from digest.delivery.sending.rollout import release_rollout, waiting
from digest.delivery.settled_counts import reopen
from digest.errors import NotFound, WrongState
from digest.issues import store
from digest.issues.announcing import announce_paused
from digest.issues.issue_commands import build_again, named
from digest.issues.models import Edition, Issue, IssueState


class DoubtResolution(StrEnum):
    """A person's decision about a batch in doubt."""

    ACCEPTED = "accepted"  #: the provider accepted it: no reader in it is mailed again
    UNSENT = "unsent"  #: the provider never accepted it: it is sent again


def pause(session: Session, issue: Issue, why: str, now: datetime) -> None:
    """Pause an issue, so that no further batch is started; the caller commits.

    Raise `WrongState` for an issue that isn't being sent.
    """
    if issue.state is IssueState.PAUSED:
        return
    _require(issue, IssueState.PREPARED, "paused")
    issue.state, issue.note = IssueState.PAUSED, why
    session.add(issue)
    announce_paused(session, issue, why, now)


def resume(session: Session, issue: Issue, now: datetime, *, past_first_wave: bool = False) -> bool:
    """Resume a paused issue; return whether a first wave still holds the rest back.

    Parked batches are pending again, and an open circuit breaker is closed. The first wave is
    judged as before, unless *past_first_wave* releases the rest regardless of its result. Raise
    `WrongState` for an issue that isn't paused or being sent. The caller commits.
    """
    if issue.state is IssueState.BUILT:
        raise WrongState(
            f"issue {issue.number} hasn't started to go out, so there is nothing to resume",
            next_step=(
                f"digest send {named(issue)} begins; where a setting has changed since it was"
                f" built: {build_again(issue)}; then digest approve {named(issue)}"
            ),
        )
    _require(issue, IssueState.PAUSED, "resumed", also=(IssueState.PREPARED,))
    issue.state, issue.note = IssueState.PREPARED, ""
    session.add(issue)
    editions = _editions(session, issue)
    session.connection().execute(
        update(Batch)
        .where(col(Batch.edition_id).in_(editions), col(Batch.state) == BatchState.PARKED)
        .values(state=BatchState.PENDING, attempt=None, tries=0, recoveries=0, not_before=None)
    )
    if past_first_wave:
        release_rollout(session, editions, now)
    close(session, editions)
    return bool(waiting(session, editions))


def cancel(session: Session, issue: Issue, why: str) -> None:
    """Cancel every batch of an issue that isn't sent; the caller commits.

    A batch in doubt stays in doubt. Raise `WrongState` for an issue that is sent or cancelled.
    """
    allowed = (IssueState.PREPARED, IssueState.PAUSED, IssueState.BUILT)
    _require(issue, IssueState.PAUSED, "cancelled", also=allowed)
    issue.state, issue.note = IssueState.CANCELLED, why
    session.add(issue)
    cancel_batches(session, _editions(session, issue), why)


def requeue_refused(session: Session, issue: Issue, batch_size: int) -> int:
    """Put the readers whom the provider refused into new batches; return how many they are.

    No reader who may have got the issue is among them: a refusal means that no reader in the
    request was mailed, and a reader who got a copy by a decision that proved wrong is left out. The
    attempts and each delivery's reason stay on record. Raise `WrongState` when no reader was
    refused, or when the issue is neither sent nor being sent. The caller commits.
    """
    edition = store.edition_of(session, issue)
    counts = count_deliveries(session, edition.id or 0)
    is_done = counts.pending == 0 and counts.in_doubt == 0
    also = (IssueState.PREPARED, IssueState.PAUSED) if is_done else (IssueState.PREPARED,)
    _require(issue, IssueState.SENT, "offered again", also=also)
    _require_uncorrected(session, issue)
    refused = _refused(session, edition.id or 0)
    if not refused:
        raise WrongState(
            f"no reader was refused issue {issue.number}, so there is nothing to retry"
        )
    connection = session.connection()
    first = last_number(session) + 1
    # The old ids lie in the ranges of other batches, so these deliveries get new ids.
    ids = chain.from_iterable(refused.values())
    connection.execute(
        update(Delivery)
        .where(col(Delivery.id) == bindparam("old"))
        .values(id=bindparam("new"), outcome=None),
        [{"old": old, "new": new} for new, old in enumerate(ids, start=first)],
    )
    number = select_core(func.max(col(Batch.number))).where(col(Batch.edition_id) == edition.id)
    before = connection.execute(number).scalar_one() or 0
    rows: list[dict[str, object]] = []
    for seat, theirs in refused.items():
        last, after = first + len(theirs) - 1, before + len(rows)
        rows += cut(session, edition.id or 0, first, last, batch_size, seat=seat, after=after)
        first = last + 1
    connection.execute(insert(Batch), rows)
    issue.state, issue.sent_at, issue.note = IssueState.PREPARED, None, ""
    session.add(issue)
    session.flush()
    reopen(session, [edition.id or 0])
    close(session, [edition.id or 0])
    return sum(map(len, refused.values()))


def _refused(session: Session, edition_id: int) -> dict[int, list[int]]:
    """Return the ids of the refused deliveries, by the seat of their batch.

    Those that a wrong decision sent again aren't among them.
    """
    wrong = (
        exists()
        .where(col(Decision.batch_id) == col(Batch.id), col(Decision.contradicted).is_not(None))
        .where(col(Batch.edition_id) == edition_id)
        .where(col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery)))
    )
    seat = (
        select_core(func.max(col(Batch.seat)))  # a split batch and its parts have the same
        .where(col(Batch.edition_id) == edition_id)
        .where(col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery)))
        .scalar_subquery()
    )
    rows = session.connection().execute(
        select_core(col(Delivery.id), seat)
        .where(
            col(Delivery.edition_id) == edition_id,
            col(Delivery.outcome) == DeliveryOutcome.REFUSED,
            ~wrong,
        )
        .order_by(col(Delivery.id))
    )
    refused: dict[int, list[int]] = {}
    for number, of_seat in rows:
        refused.setdefault(of_seat or 0, []).append(number)
    return refused


def resolve(
    session: Session, key: str, verdict: DoubtResolution, *, by: str, why: str, now: datetime
) -> Batch:
    """Record a person's decision about a batch in doubt and act on it; the caller commits.

    *key* is the batch's key, or the beginning of it. Raise `NotFound` when no batch, or more than
    one, has such a key; raise `WrongState` when the batch isn't in doubt, or when *by* or *why* is
    empty.
    """
    if not by.strip() or not why.strip():
        raise WrongState("a decision needs a name and a reason")
    batches = session.exec(
        select(Batch).where(col(Batch.key).startswith(key, autoescape=True)).with_for_update()
    ).all()
    if not batches or not key:
        raise NotFound(f"no batch has a key that begins with {key or 'nothing'}", next_step=_LIST)
    if len(batches) > 1:
        raise NotFound(
            f"more than one batch has a key that begins with {key}",
            next_step=f"give more of its key; {_LIST}",
        )
    batch = batches[0]
    if batch.state is not BatchState.IN_DOUBT or batch.attempt is None or batch.id is None:
        raise WrongState(f"batch {batch.key[:8]} is {batch.state}, not in doubt", next_step=_LIST)
    session.add(
        Decision(
            batch_id=batch.id,
            attempt_key=batch.attempt,
            verdict=verdict,
            by=by,
            why=why,
            at=now,
        )
    )
    if verdict is DoubtResolution.ACCEPTED:
        batch.state = BatchState.ACCEPTED
    else:
        batch.state, batch.attempt, batch.not_before = BatchState.PENDING, None, None
    batch.note = f"{by} decided: {verdict}"
    session.add(batch)
    try_now(session, batch.edition_id, now)
    session.flush()
    mark_sent_if_done(session, batch.edition_id, now)
    return batch


def in_doubt(session: Session, edition: Edition, since: datetime | None = None) -> list[str]:
    """Return the keys of an edition's batches in doubt, of requests that left after *since*."""
    rows = session.exec(
        select(Batch.key, Attempt.started_at)
        .join(Attempt, col(Attempt.key) == col(Batch.attempt))
        .where(Batch.edition_id == edition.id, Batch.state == BatchState.IN_DOUBT)
        .order_by(col(Batch.number), col(Batch.first_delivery))
    ).all()
    return [key for key, left in rows if since is None or (left is not None and left >= since)]


def number_of(session: Session, batch: Batch) -> int | None:
    """Return the number of the issue that a batch belongs to."""
    return session.get_one(Issue, session.get_one(Edition, batch.edition_id).issue_id).number


_LIST = "digest status lists the batches in doubt"


def _require(
    issue: Issue, state: IssueState, what: str, *, also: tuple[IssueState, ...] = ()
) -> None:
    if issue.state is not state and issue.state not in also:
        raise WrongState(f"issue {issue.number} is {issue.state} and can't be {what}")


def _require_uncorrected(session: Session, issue: Issue) -> None:
    correction = store.correction_of(session, issue)
    if correction is not None:
        raise WrongState(
            f"issue {issue.number} is known to be wrong: issue {correction.number} corrects it,"
            " and goes to nobody who gets the wrong one only now"
        )


def _editions(session: Session, issue: Issue) -> list[int]:
    editions = session.exec(select(col(Edition.id)).where(col(Edition.issue_id) == issue.id))
    return [edition for edition in editions if edition is not None]


def count_outbox_copies(session: Session, edition_id: int) -> int:
    """Return the number of copies that went to the outbox folder, not to a provider."""
    total = select_core(func.coalesce(func.sum(col(Batch.size)), 0)).where(
        col(Batch.edition_id) == edition_id,
        col(Batch.state) == BatchState.ACCEPTED,
        IN_OUTBOX_FOLDER,
    )
    return session.connection().execute(total).scalar_one()


def discard_outbox_copies(session: Session, issue: Issue, edition_id: int) -> None:
    """Return the batches that went to the outbox folder to the queue; the caller commits.

    No reader gets two copies by it, since a copy in the folder was never sent. Raise `WrongState`
    for the correction of an issue that went to the folder, too.
    """
    wrong = store.wrong_issue(session, issue)
    if wrong is not None:
        require_real_copies(session, wrong)
    session.connection().execute(
        update(Batch)
        .where(
            col(Batch.edition_id) == edition_id,
            col(Batch.state) == BatchState.ACCEPTED,
            IN_OUTBOX_FOLDER,
        )
        .values(state=BatchState.PENDING, attempt=None, note="")
    )
    if issue.state is IssueState.SENT:
        issue.state, issue.sent_at = IssueState.PREPARED, None
        session.add(issue)
        session.flush()
        reopen(session, [edition_id])
