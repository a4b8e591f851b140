"""The first-wave brake: a part of the audience goes out alone, and the rest waits for its news."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session, col

from digest.delivery.models import (
    Attempt,
    Batch,
    BatchState,
    Delivery,
    DeliveryOutcome,
    News,
    Rollout,
)
from digest.delivery.sending.settlement import pause_issue


@dataclass(frozen=True, kw_only=True)
class RolloutLimits:
    """How much of the first wave may go wrong, in parts of those accepted."""

    bounced: float = 0.05
    complained: float = 0.003


def start_rollout(session: Session, edition_id: int, *, readers: int, wait_seconds: int) -> None:
    """Let the first batches go out alone, as many as hold *readers*; the caller commits.

    They hold exactly so many when the audience was cut for it: see
    `digest.delivery.sending.planning`.
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
    session: Session, edition_id: int, now: datetime, bounds: RolloutLimits | None = None
) -> datetime | None:
    """Let the rest go, or pause the issue, once the first wave has been out long enough.

    Returns when to judge, or ``None`` when there is nothing (more) to wait for. Caller commits.
    """
    wave = session.get(Rollout, edition_id)
    if wave is None or wave.passed_at is not None or not _is_out(session, wave):
        return None
    wave.judge_at = judge_at = _due(session, wave, now)
    if not _somebody_waits(session, wave):
        wave.passed_at = now
    elif now >= judge_at or _no_news_can_come(session, wave):
        trouble = _trouble(session, wave, bounds or RolloutLimits())
        if trouble:
            pause_issue(session, edition_id, trouble)
            judge_at = now
        else:
            wave.passed_at = now
    session.add(wave)
    session.flush()  # the statements that ask whether the rest may go see no object
    return judge_at if now < judge_at and wave.passed_at is None else None


def release_rollout(session: Session, edition_ids: list[int], now: datetime) -> None:
    """Let the rest go by a person's decision; the caller commits."""
    for wave in waiting(session, edition_ids):
        wave.passed_at = now
        session.add(wave)


def waiting(session: Session, edition_ids: list[int]) -> list[Rollout]:
    """Return the first waves of these editions that hold a rest back."""
    found = [session.get(Rollout, edition_id) for edition_id in edition_ids]
    return [wave for wave in found if wave is not None and wave.passed_at is None]


def _due(session: Session, wave: Rollout, now: datetime) -> datetime:
    """Return when to judge: so long after the last answer; later if part of it was sent again."""
    wait = timedelta(seconds=wave.wait_seconds)
    last = session.connection().execute(
        select(func.max(func.coalesce(col(Attempt.settled_at), col(Attempt.started_at))))
        .join(Batch, col(Batch.id) == col(Attempt.batch_id))
        .where(*_of(wave))
    )
    settled = last.scalar_one()
    if settled is None:  # none of it has left
        return wave.judge_at or now + wait
    return max(settled + wait, wave.judge_at or settled + wait)


def _no_news_can_come(session: Session, wave: Rollout) -> bool:
    """Tell whether nobody got it and nothing is in doubt, which an event might yet settle."""
    heard_of = [BatchState.ACCEPTED, BatchState.IN_DOUBT]
    if _any(session, wave, heard_of, col(Batch.number) <= wave.last_batch):
        return False
    return _readers(session, wave)[1] > 0


def _is_out(session: Session, wave: Rollout) -> bool:
    return not _any(session, wave, _MOVING, col(Batch.number) <= wave.last_batch)


def _somebody_waits(session: Session, wave: Rollout) -> bool:
    waiting = [*_MOVING, BatchState.PARKED]
    return _any(session, wave, waiting, col(Batch.number) > wave.last_batch)


def _any(
    session: Session, wave: Rollout, states: list[BatchState], which: ColumnElement[bool]
) -> bool:
    found = select(col(Batch.id)).where(
        col(Batch.edition_id) == wave.edition_id, which, col(Batch.state).in_(states)
    )
    return session.connection().execute(found.limit(1)).first() is not None


def _trouble(session: Session, wave: Rollout, bounds: RolloutLimits) -> str:
    """Say what is over its bound; empty when nothing is."""
    accepted, others = _readers(session, wave)
    if accepted < others:
        return (
            f"of the first {accepted + others} readers {accepted} are known to be accepted;"
            " the others were refused or are in doubt"
        )
    found = _news(session, wave)
    bounced = found.get(News.BOUNCED, 0) + found.get(News.DROPPED, 0)
    complained = found.get(News.COMPLAINED, 0)
    for what, number, bound in (
        ("bounced", bounced, bounds.bounced),
        ("complained", complained, bounds.complained),
    ):
        if accepted and number / accepted > bound:
            part = number / accepted
            return (
                f"of the first {accepted} readers {number} {what} ({part:.1%}; bound {bound:.1%})"
            )
    return ""


def _readers(session: Session, wave: Rollout) -> tuple[int, int]:
    """How many of the first wave were accepted; how many were refused, or are in doubt or unsent.

    Who had left by then counts for nothing.
    """
    sizes = session.connection().execute(
        select(col(Batch.state), func.sum(col(Batch.size)))
        .where(*_of(wave))
        .group_by(col(Batch.state))
    )
    by_state = {state: int(size) for state, size in sizes}
    refused = session.connection().execute(
        select(func.count())
        .select_from(Delivery)
        .join(Batch, col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery)))
        .where(
            *_of(wave),
            col(Batch.state) != BatchState.SPLIT,
            col(Delivery.outcome) == DeliveryOutcome.REFUSED,
        )
    )
    accepted = by_state.get(BatchState.ACCEPTED, 0)
    return accepted, sum(by_state.values()) - accepted + refused.scalar_one()


def _news(session: Session, wave: Rollout) -> dict[News | None, int]:
    rows = session.connection().execute(
        select(col(Delivery.news), func.count())
        .join(Batch, col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery)))
        .where(
            *_of(wave),
            col(Batch.state) == BatchState.ACCEPTED,
            col(Delivery.news).is_not(None),
        )
        .group_by(col(Delivery.news))
    )
    return {row[0]: row[1] for row in rows}


def _of(wave: Rollout) -> tuple[ColumnElement[bool], ...]:
    return (col(Batch.edition_id) == wave.edition_id, col(Batch.number) <= wave.last_batch)


_MOVING = [BatchState.PENDING, BatchState.CLAIMED, BatchState.STARTED]
