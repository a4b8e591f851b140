"""The steps of an attempt that are recorded before they are taken: claim, then start.

Each is one transaction of the caller's, on disk before the next step begins. Recovery trusts only
the last of them: claimed means that nothing was connected, started means that it may have been.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, Row, bindparam, func, or_, select, update
from sqlmodel import Session, col

from digest.delivery.models import Attempt, Batch, BatchState, Delivery, Outcome
from digest.delivery.plan import new_key
from digest.issues.models import Edition, Issue, IssueState
from subscribers.models import Subscription
from subscribers.store import audience


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A batch that is ours to send, and the readers in it who may still be mailed."""

    batch_id: int
    batch_key: str
    attempt: str
    readers: Sequence[Row[int, int, str]]  #: delivery id, subscriber id, address


def claim(
    session: Session, *, edition_id: int, newsletter: str, owner: str, now: datetime, lease: float
) -> Claim | None:
    """Take the next batch that is due, and leave out whoever has left since it was cut.

    Returns ``None`` when nothing can be claimed. *lease* is in seconds; when it is over, others
    may conclude that *owner* died.
    """
    while (batch := _next(session, edition_id, now)) is not None:
        readers = _readers(session, batch, newsletter, now)
        if not readers:
            _take(session, batch.id, state=BatchState.EMPTY, attempt=None, size=0)
            continue
        attempt = Attempt(
            key=new_key(),
            batch_id=batch.id,
            number=_attempts(session, batch.id) + 1,
            owner=owner,
            claimed_at=now,
            lease_until=now + timedelta(seconds=lease),
        )
        session.add(attempt)
        _take(session, batch.id, state=BatchState.CLAIMED, attempt=attempt.key, size=len(readers))
        return Claim(batch_id=batch.id, batch_key=batch.key, attempt=attempt.key, readers=readers)
    return None


def start(session: Session, taken: Claim, *, request_hash: str, now: datetime) -> bool:
    """Record that the request is about to leave; false when the batch isn't ours any more.

    It isn't when the lease ran out and somebody took the batch back, or when the issue was
    paused or cancelled in between: then nothing may be connected.
    """
    sendable = (
        select(col(Edition.id))
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(col(Issue.state) == IssueState.PREPARED)
    )
    moved: CursorResult[Any] = session.connection().execute(
        update(Batch)
        .where(
            col(Batch.id) == taken.batch_id,
            col(Batch.attempt) == taken.attempt,
            col(Batch.state) == BatchState.CLAIMED,
            col(Batch.edition_id).in_(sendable),
        )
        .values(state=BatchState.STARTED)
    )
    if moved.rowcount != 1:
        return False
    session.connection().execute(
        update(Attempt)
        .where(col(Attempt.key) == taken.attempt)
        .values(started_at=now, request_hash=request_hash)
    )
    return True


def release(session: Session, taken: Claim) -> None:
    """Give back a batch that was claimed and not started."""
    session.connection().execute(
        update(Batch)
        .where(
            col(Batch.id) == taken.batch_id,
            col(Batch.attempt) == taken.attempt,
            col(Batch.state) == BatchState.CLAIMED,
        )
        .values(state=BatchState.PENDING, attempt=None)
    )


def _take(session: Session, batch_id: int, **values: Any) -> None:
    change = update(Batch).where(col(Batch.id) == batch_id).values(not_before=None, **values)
    session.connection().execute(change)


def _next(session: Session, edition_id: int, now: datetime) -> Any:
    """Lock the next due batch of an issue that may be sent."""
    return (
        session.connection()
        .execute(
            select(
                col(Batch.id),
                col(Batch.key),
                col(Batch.first_delivery),
                col(Batch.last_delivery),
                col(Batch.size),
            )
            .join(Edition, col(Edition.id) == col(Batch.edition_id))
            .join(Issue, col(Issue.id) == col(Edition.issue_id))
            .where(
                col(Batch.edition_id) == edition_id,
                col(Batch.state) == BatchState.PENDING,
                or_(col(Batch.not_before).is_(None), col(Batch.not_before) <= now),
                col(Issue.state) == IssueState.PREPARED,
            )
            .order_by(col(Batch.number), col(Batch.first_delivery))
            .limit(1)
            .with_for_update(skip_locked=True, of=Batch)
        )
        .first()
    )


def _attempts(session: Session, batch_id: int) -> int:
    count = select(func.count()).select_from(Attempt).where(col(Attempt.batch_id) == batch_id)
    return session.connection().execute(count).scalar_one()


def _readers(session: Session, batch: Any, newsletter: str, now: datetime) -> list[Any]:
    """Read who is in a batch; set aside, with the reason, who must not be mailed any more."""
    connection = session.connection()
    mine = col(Delivery.id).between(batch.first_delivery, batch.last_delivery)
    standing = audience(newsletter, now).join(
        Delivery, col(Delivery.subscriber_id) == col(Subscription.subscriber_id)
    )
    exclusion = standing.selected_columns.exclusion
    rows = connection.execute(
        standing.with_only_columns(
            col(Delivery.id),
            col(Delivery.subscriber_id),
            standing.selected_columns.address,
            exclusion,
        )
        .where(mine, col(Delivery.outcome).is_(None))
        .order_by(col(Delivery.id))
    ).all()
    gone = {row[0]: row[3] for row in rows if row[3] is not None}
    if len(rows) < batch.size:
        here = {row[0] for row in rows}
        theirs = connection.execute(
            select(col(Delivery.id)).where(mine, col(Delivery.outcome).is_(None))
        ).scalars()
        gone.update({delivery: "erased" for delivery in theirs if delivery not in here})
    if gone:
        exclude(session, gone)
    return [row for row in rows if row[0] not in gone] if gone else list(rows)


def exclude(session: Session, gone: dict[int, str]) -> None:
    """Record why each of these deliveries isn't in the request."""
    session.connection().execute(
        update(Delivery)
        .where(col(Delivery.id) == bindparam("delivery"))
        .values(outcome=Outcome.EXCLUDED, reason=bindparam("why")),
        [{"delivery": delivery, "why": why} for delivery, why in gone.items()],
    )
