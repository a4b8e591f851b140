"""The first-wave brake: a part of the audience goes out alone, and the rest waits for its news."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session, col

from digest.delivery.models import Batch, BatchState, Delivery, News, Wave
from digest.delivery.settle import pause


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much of the first wave may go wrong, in parts of those accepted."""

    bounced: float = 0.05
    complained: float = 0.003


def begin(session: Session, edition_id: int, *, readers: int, wait_seconds: int) -> None:
    """Let the first batches, up to about *readers*, go out alone; the caller commits."""
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
    session.add(Wave(edition_id=edition_id, last_batch=last, wait_seconds=wait_seconds))


def judge(
    session: Session, edition_id: int, now: datetime, bounds: Bounds | None = None
) -> datetime | None:
    """Let the rest go, or pause the issue, once the first wave has been out long enough.

    Returns when to judge, or ``None`` when there is nothing (more) to wait for. Caller commits.
    """
    wave = session.get(Wave, edition_id)
    if wave is None or wave.passed_at is not None or not _is_out(session, wave):
        return None
    if wave.judge_at is None:
        wave.judge_at = now + timedelta(seconds=wave.wait_seconds)
        session.add(wave)
    if now < wave.judge_at:
        return wave.judge_at
    trouble = _trouble(session, wave, bounds or Bounds())
    if trouble:
        pause(session, edition_id, trouble)
    else:
        wave.passed_at = now
        session.add(wave)
    return None


def let_pass(session: Session, edition_ids: list[int], now: datetime) -> None:
    """Let the rest go by a person's decision; the caller commits."""
    for edition_id in edition_ids:
        wave = session.get(Wave, edition_id)
        if wave is not None and wave.passed_at is None and wave.judge_at is not None:
            wave.passed_at = now
            session.add(wave)


def _is_out(session: Session, wave: Wave) -> bool:
    moving = [BatchState.PENDING, BatchState.CLAIMED, BatchState.STARTED]
    left = session.connection().execute(
        select(func.count())
        .select_from(Batch)
        .where(
            col(Batch.edition_id) == wave.edition_id,
            col(Batch.number) <= wave.last_batch,
            col(Batch.state).in_(moving),
        )
    )
    return left.scalar_one() == 0


def _trouble(session: Session, wave: Wave, bounds: Bounds) -> str:
    """Say what is over its bound; empty when nothing is."""
    of_wave = (col(Batch.edition_id) == wave.edition_id, col(Batch.number) <= wave.last_batch)
    connection = session.connection()
    accepted = connection.execute(
        select(func.coalesce(func.sum(col(Batch.size)), 0)).where(
            *of_wave, col(Batch.state) == BatchState.ACCEPTED
        )
    ).scalar_one()
    news = connection.execute(
        select(col(Delivery.news), func.count())
        .join(Batch, col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery)))
        .where(*of_wave, col(Batch.state) == BatchState.ACCEPTED, col(Delivery.news).is_not(None))
        .group_by(col(Delivery.news))
    )
    found = {kind: number for kind, number in news}  # noqa: C416 - rows are not pairs to a type checker
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
