"""Send a first wave of the audience alone, and hold the rest until its events have been judged.

This module decides when a first wave is judged, and what makes it fail: too many bounces, too many
complaints, or too few accepted mails.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, func, select
from sqlmodel import Session, col

from digest.delivery.models import (
    Attempt,
    Batch,
    BatchState,
    Delivery,
    DeliveryOutcome,
    DeliveryStatus,
    Rollout,
)
from digest.delivery.sending.settlement import pause_issue
from digest.issues import store
from digest.issues.models import Edition, Issue
from subscribers.audience import audience


@dataclass(frozen=True, kw_only=True)
class RolloutLimits:
    """The highest bounce and complaint rates of a first wave, as fractions of accepted mails."""

    bounced: float = 0.05
    complained: float = 0.003


def start_rollout(session: Session, edition_id: int, *, readers: int, wait_seconds: int) -> None:
    """Make a first wave of the first batches that hold *readers*; the caller commits.

    The batches hold exactly that many when the audience was cut for a first wave: see
    `digest.delivery.sending.planning`. The wave is judged *wait_seconds* after its last response.
    """
    sizes = session.connection().execute(
        select(col(Batch.number), col(Batch.size))
        .where(col(Batch.edition_id) == edition_id)
        .order_by(col(Batch.number))
    )
    total, last = 0, 0
    for number, size in sizes:
        total, last = total + size, number
        if total >= readers:
            break
    session.add(Rollout(edition_id=edition_id, last_batch=last, wait_seconds=wait_seconds))


def judge_rollout(
    session: Session, edition_id: int, now: datetime, limits: RolloutLimits | None = None
) -> datetime | None:
    """Release the rest, or pause the issue, once the first wave's waiting time is over.

    Return the time at which the first wave is to be judged, or ``None`` when nothing waits for its
    result. The caller commits.
    """
    rollout = session.get(Rollout, edition_id)
    if rollout is None or rollout.passed_at is not None or not _is_out(session, rollout):
        return None
    rollout.judge_at = judge_at = _judgement_time(session, rollout, now)
    if not _somebody_is_waiting(session, rollout, now):
        rollout.passed_at = now
    elif now >= judge_at or _is_refused_entirely(session, rollout):
        problem = _problem(session, rollout, limits or RolloutLimits())
        if problem:
            pause_issue(session, edition_id, problem, now)
            judge_at = now
        else:
            rollout.passed_at = now
    session.add(rollout)
    session.flush()  # the queue reads the table, not the session's objects
    return judge_at if now < judge_at and rollout.passed_at is None else None


def release_rollout(session: Session, edition_ids: list[int], now: datetime) -> None:
    """Release the rest of these editions by a person's decision; the caller commits."""
    for rollout in waiting(session, edition_ids):
        rollout.passed_at = now
        session.add(rollout)


def waiting(session: Session, edition_ids: list[int]) -> list[Rollout]:
    """Return the rollouts of these editions that still hold a rest back."""
    rollouts = [session.get(Rollout, edition_id) for edition_id in edition_ids]
    return [rollout for rollout in rollouts if rollout is not None and rollout.passed_at is None]


def _judgement_time(session: Session, rollout: Rollout, now: datetime) -> datetime:
    """Return the first wave's last response plus the waiting time; a retry puts it off."""
    wait = timedelta(seconds=rollout.wait_seconds)
    last = session.connection().execute(
        select(func.max(func.coalesce(col(Attempt.settled_at), col(Attempt.started_at))))
        .join(Batch, col(Batch.id) == col(Attempt.batch_id))
        .where(*_of(rollout))
    )
    settled = last.scalar_one()
    if settled is None:  # no request has left
        return rollout.judge_at or now + wait
    return max(settled + wait, rollout.judge_at or settled + wait)


def _is_refused_entirely(session: Session, rollout: Rollout) -> bool:
    """Return whether no event can arrive: nothing is accepted, nothing in doubt, readers remain."""
    may_be_sent = [BatchState.ACCEPTED, BatchState.IN_DOUBT]
    if _any(session, rollout, may_be_sent, col(Batch.number) <= rollout.last_batch):
        return False
    return _readers(session, rollout)[1] > 0


def _is_out(session: Session, rollout: Rollout) -> bool:
    return not _any(session, rollout, _MOVING, col(Batch.number) <= rollout.last_batch)


def _somebody_is_waiting(session: Session, rollout: Rollout, now: datetime) -> bool:
    """Return whether the rest has a reader who may still be mailed."""
    unsent = [*_MOVING, BatchState.PARKED]
    if not _any(session, rollout, unsent, col(Batch.number) > rollout.last_batch):
        return False
    issue = session.get_one(Issue, session.get_one(Edition, rollout.edition_id).issue_id)
    standing = audience(store.newsletter_of(session, issue).slug, now).subquery()
    # Not joined: SQLite would begin with the audience, and read all of the rest for each reader.
    may_be_mailed = exists().where(
        standing.c.subscriber_id == col(Delivery.subscriber_id), standing.c.exclusion.is_(None)
    )
    waiting = (
        select(col(Delivery.id))
        .join(Batch, col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery)))
        .where(
            col(Batch.edition_id) == rollout.edition_id,
            col(Batch.number) > rollout.last_batch,
            col(Batch.state).in_(unsent),
            col(Delivery.outcome).is_(None),
            may_be_mailed,
        )
    )
    return session.connection().execute(waiting.limit(1)).first() is not None


def _any(
    session: Session, rollout: Rollout, states: list[BatchState], condition: ColumnElement[bool]
) -> bool:
    """Return whether a batch of the edition is in one of *states* and meets *condition*."""
    batches = select(col(Batch.id)).where(
        col(Batch.edition_id) == rollout.edition_id, condition, col(Batch.state).in_(states)
    )
    return session.connection().execute(batches.limit(1)).first() is not None


def _problem(session: Session, rollout: Rollout, limits: RolloutLimits) -> str:
    """Return a message on what exceeds its limit; empty when nothing does."""
    accepted, not_accepted = _readers(session, rollout)
    if accepted < not_accepted:
        return (
            f"of the first {accepted + not_accepted} readers {accepted} are known to be accepted;"
            " the others were refused or are in doubt"
        )
    by_status = _readers_by_status(session, rollout)
    bounced = by_status.get(DeliveryStatus.BOUNCED, 0) + by_status.get(DeliveryStatus.DROPPED, 0)
    complained = by_status.get(DeliveryStatus.COMPLAINED, 0)
    for verb, number, limit in (
        ("bounced", bounced, limits.bounced),
        ("complained", complained, limits.complained),
    ):
        if accepted and number / accepted > limit:
            part = number / accepted
            return (
                f"of the first {accepted} readers {number} {verb} ({part:.1%}; limit {limit:.1%})"
            )
    return ""


def _readers(session: Session, rollout: Rollout) -> tuple[int, int]:
    """Return how many of the first wave are accepted, and how many refused, in doubt or unsent.

    Excluded readers count in neither number.
    """
    sizes = session.connection().execute(
        select(col(Batch.state), func.sum(col(Batch.size)))
        .where(*_of(rollout))
        .group_by(col(Batch.state))
    )
    by_state = {state: int(size) for state, size in sizes}
    refused = session.connection().execute(
        select(func.count())
        .select_from(Delivery)
        .join(Batch, col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery)))
        .where(
            *_of(rollout),
            col(Batch.state) != BatchState.SPLIT,
            col(Delivery.outcome) == DeliveryOutcome.REFUSED,
        )
    )
    accepted = by_state.get(BatchState.ACCEPTED, 0)
    return accepted, sum(by_state.values()) - accepted + refused.scalar_one()


def _readers_by_status(session: Session, rollout: Rollout) -> dict[DeliveryStatus | None, int]:
    rows = session.connection().execute(
        select(col(Delivery.news), func.count())
        .join(Batch, col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery)))
        .where(
            *_of(rollout),
            col(Batch.state) == BatchState.ACCEPTED,
            col(Delivery.news).is_not(None),
        )
        .group_by(col(Delivery.news))
    )
    return {row[0]: row[1] for row in rows}


def _of(rollout: Rollout) -> tuple[ColumnElement[bool], ...]:
    return (col(Batch.edition_id) == rollout.edition_id, col(Batch.number) <= rollout.last_batch)


_MOVING = [BatchState.PENDING, BatchState.CLAIMED, BatchState.STARTED]
