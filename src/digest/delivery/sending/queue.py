"""The steps of an attempt that are recorded before they are taken: claim, then start.

Each is one transaction of the caller's, on disk before the next step begins. Recovery trusts only
the last of them: claimed means that nothing was connected, started means that it may have been.

The statements of the sending loop are built once: building them a thousand times costs more than
running them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, cast

import orjson
from sqlalchemy import Select, bindparam, func, insert, or_, select, update
from sqlmodel import Session, col

from digest.delivery.models import (
    Attempt,
    Batch,
    BatchState,
    CircuitBreaker,
    Delivery,
    DeliveryOutcome,
    Rollout,
)
from digest.delivery.sending import circuit_breaker
from digest.delivery.sending.planning import random_key
from digest.issues.models import Edition, Issue, IssueState
from subscribers.audience import audience
from subscribers.models import Subscription


class OneReadQuery:
    """A statement whose rows are numbers, texts and NULL, sorted by the number they begin with."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        first = next(iter(statement.selected_columns))
        self._plain = statement.order_by(first)
        # The limit is none, and yet has SQLite plan this as if it stood alone: without one it
        # forgets the order, and with it where to begin, and reads the whole audience.
        rows = self._plain.limit(-1).subquery()
        self._as_text = select(func.json_group_array(func.json_array(*rows.c)))

    def all(self, session: Session, given: Mapping[str, Any]) -> list[Sequence[Any]]:
        """Run it; returns its rows."""
        connection = session.connection()
        if connection.dialect.name != "sqlite":  # this driver reads them all in any case
            return list(connection.execute(self._plain, given))
        text: str = connection.execute(self._as_text, given).scalar_one()
        rows: list[Sequence[Any]] = orjson.loads(text)
        return sorted(rows, key=itemgetter(0))  # a group's order isn't promised


#: No batch is put off for longer: one that seems to be was put off before the clock jumped back.
TOO_LATE = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A batch that is ours to send, and the readers in it who may still be mailed."""

    batch_id: int
    batch_key: str
    attempt: str
    readers: Sequence[Sequence[Any]]  #: delivery id, subscriber id, address


def claim(
    session: Session, *, edition_id: int, newsletter: str, owner: str, now: datetime, lease: float
) -> Claim | None:
    """Take the next batch that is due, and leave out whoever has left since it was cut.

    Returns ``None`` when nothing can be claimed. *lease* is in seconds; when it is over, others
    may conclude that *owner* died.
    """
    due = {"edition": edition_id, "now": now, "never": now + TOO_LATE}
    while (batch := session.connection().execute(_NEXT, due).first()) is not None:
        readers = _readers(session, batch, newsletter, now)
        taken = {"batch": batch.id, "readers": len(readers)}
        if not readers:
            session.connection().execute(_EMPTY, {"batch": batch.id})
            continue
        key, until = random_key(), now + timedelta(seconds=lease)
        if batch.probe_at is not None and not circuit_breaker.take_probe(
            session, edition_id, attempt=key, now=now, until=until
        ):
            return None
        attempt = {
            "key": key,
            "batch_id": batch.id,
            "number": batch.attempts + 1,
            "owner": owner,
            "claimed_at": now,
            "lease_until": until,
            "detail": "",
        }
        session.connection().execute(_CLAIM, {**taken, "by": key})
        session.connection().execute(_ATTEMPT, attempt)
        return Claim(batch_id=batch.id, batch_key=batch.key, attempt=key, readers=readers)
    return None


def start(session: Session, taken: Claim, *, request_hash: str, now: datetime) -> bool:
    """Record that the request is about to leave; false when the batch isn't ours any more.

    It isn't when the lease ran out and somebody took the batch back, or when the issue was
    paused or cancelled in between: then nothing may be connected.
    """
    connection = session.connection()
    mine = {"batch": taken.batch_id, "by": taken.attempt}
    if connection.execute(_START, mine).rowcount != 1:
        return False
    connection.execute(_STARTED, {"by": taken.attempt, "now": now, "request": request_hash})
    return True


def is_still_ours(session: Session, taken: Claim) -> bool:
    """Tell whether a started batch is still ours; asked once more right before connecting.

    It isn't when this process slept past its lease between the start and now.
    """
    mine = {"batch": taken.batch_id, "by": taken.attempt}
    return session.connection().execute(_MINE_STILL, mine).first() is not None


def release(session: Session, taken: Claim) -> None:
    """Give back a batch that was claimed and not started."""
    session.connection().execute(_RELEASE, {"batch": taken.batch_id, "by": taken.attempt})


def call_off(session: Session, edition_ids: Sequence[int], why: str) -> None:
    """Leave unsent for good what waits of these editions; the caller commits."""
    waiting = [BatchState.PENDING, BatchState.PARKED, BatchState.CLAIMED]
    session.connection().execute(
        update(Batch)
        .where(col(Batch.edition_id).in_(edition_ids), col(Batch.state).in_(waiting))
        .values(state=BatchState.CANCELLED, attempt=None, note=why)
    )


def exclude(session: Session, gone: dict[int, str]) -> None:
    """Record why each of these deliveries isn't in the request."""
    rows = [{"delivery": delivery, "why": why} for delivery, why in gone.items()]
    session.connection().execute(_EXCLUDE, rows)


def leave_out(session: Session, taken: Claim, gone: dict[int, str]) -> Claim | None:
    """Take readers out of a claimed batch, each with the reason; the caller commits.

    Returns ``None`` when the batch isn't ours any more, or when nobody is left in it.
    """
    rest = [row for row in taken.readers if row[0] not in gone]
    mine = {"batch": taken.batch_id, "by": taken.attempt, "left": len(rest)}
    if session.connection().execute(_SHRINK, mine).rowcount != 1:
        return None
    exclude(session, gone)
    if not rest:
        session.connection().execute(_EMPTY, {"batch": taken.batch_id})
        return None
    return replace(taken, readers=rest)


def _readers(
    session: Session, batch: Any, newsletter: str, now: datetime
) -> Sequence[Sequence[Any]]:
    """Read who is in a batch; set aside, with the reason, who must not be mailed any more."""
    connection = session.connection()
    mine = {"first": batch.first_delivery, "last": batch.last_delivery}
    lowest, highest = connection.execute(_SPAN, mine).one()
    whose = {"lowest": lowest, "highest": highest, "newsletter": newsletter, "now": now}
    rows = _READERS.all(session, {**mine, **whose})
    gone = {row[0]: row[3] for row in rows if row[3] is not None}
    if len(rows) < batch.size:
        here = {row[0] for row in rows}
        theirs = connection.execute(_DELIVERIES, mine).scalars()
        gone.update({delivery: "erased" for delivery in theirs if delivery not in here})
    if not gone:
        return rows
    exclude(session, gone)
    return [row for row in rows if row[0] not in gone]


def _readers_statement() -> OneReadQuery:
    standing = audience(
        cast(str, bindparam("newsletter")),
        cast(datetime, bindparam("now")),
    ).join(Delivery, col(Delivery.subscriber_id) == col(Subscription.subscriber_id))
    columns = standing.selected_columns
    return OneReadQuery(
        standing.with_only_columns(
            col(Delivery.id), col(Delivery.subscriber_id), columns.address, columns.exclusion
        ).where(_MINE, _THEIRS, col(Delivery.outcome).is_(None))
    )


#: No first wave, or it has passed, or the batch is part of it; for a join with `Wave`.
MAY_GO = or_(
    col(Rollout.edition_id).is_(None),
    col(Rollout.passed_at).is_not(None),
    col(Batch.number) <= col(Rollout.last_batch),
)
_MINE = col(Delivery.id).between(bindparam("first"), bindparam("last"))
#: Deliveries are numbered in the order of their readers. Told so, PostgreSQL finds a batch of a
#: middling list by its keys, where it would else rather read all of the list each time.
_THEIRS = col(Subscription.subscriber_id).between(bindparam("lowest"), bindparam("highest"))
_SPAN = select(func.min(col(Delivery.subscriber_id)), func.max(col(Delivery.subscriber_id))).where(
    _MINE
)
_READERS = _readers_statement()
_DELIVERIES = select(col(Delivery.id)).where(_MINE, col(Delivery.outcome).is_(None))
_NEXT = (
    select(
        col(Batch.id),
        col(Batch.key),
        col(Batch.first_delivery),
        col(Batch.last_delivery),
        col(Batch.size),
        col(Batch.attempts),
        col(CircuitBreaker.probe_at),
    )
    .join(Edition, col(Edition.id) == col(Batch.edition_id))
    .join(Issue, col(Issue.id) == col(Edition.issue_id))
    .join(Rollout, col(Rollout.edition_id) == col(Batch.edition_id), isouter=True)
    .join(CircuitBreaker, col(CircuitBreaker.edition_id) == col(Batch.edition_id), isouter=True)
    .where(
        col(Batch.edition_id) == bindparam("edition"),
        col(Batch.state) == BatchState.PENDING,
        or_(
            col(Batch.not_before).is_(None),
            col(Batch.not_before) <= bindparam("now"),
            col(Batch.not_before) > bindparam("never"),
        ),
        col(Issue.state) == IssueState.PREPARED,
        MAY_GO,
        circuit_breaker.may_try(bindparam("now"), bindparam("never")),
    )
    .order_by(col(Batch.number), col(Batch.first_delivery))
    .limit(1)
    .with_for_update(skip_locked=True, of=Batch)
)
_THIS = col(Batch.id) == bindparam("batch")
_HELD = (_THIS, col(Batch.attempt) == bindparam("by"), col(Batch.state) == BatchState.CLAIMED)
_MINE_STILL = select(col(Batch.id)).where(
    _THIS, col(Batch.attempt) == bindparam("by"), col(Batch.state) == BatchState.STARTED
)
_SENDABLE = (
    select(col(Edition.id))
    .join(Issue, col(Issue.id) == col(Edition.issue_id))
    .where(col(Issue.state) == IssueState.PREPARED)
)
_EMPTY = (
    update(Batch).where(_THIS).values(state=BatchState.EMPTY, size=0, attempt=None, not_before=None)
)
_CLAIM = (
    update(Batch)
    .where(_THIS)
    .values(
        state=BatchState.CLAIMED,
        attempt=bindparam("by"),
        attempts=col(Batch.attempts) + 1,
        size=bindparam("readers"),
        not_before=None,
    )
)
_ATTEMPT = insert(Attempt)
_START = (
    update(Batch)
    .where(*_HELD, col(Batch.edition_id).in_(_SENDABLE))
    .values(state=BatchState.STARTED)
)
_STARTED = (
    update(Attempt)
    .where(col(Attempt.key) == bindparam("by"))
    .values(started_at=bindparam("now"), request_hash=bindparam("request"))
)
_SHRINK = update(Batch).where(*_HELD).values(size=bindparam("left"))
_RELEASE = update(Batch).where(*_HELD).values(state=BatchState.PENDING, attempt=None)
_EXCLUDE = (
    update(Delivery)
    .where(col(Delivery.id) == bindparam("delivery"))
    .values(outcome=DeliveryOutcome.EXCLUDED, reason=bindparam("why"))
)
