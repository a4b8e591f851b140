"""Record the steps of an attempt before each is taken: claim, then start.

This module decides which batch is next, who in it may still be mailed, and what a sender holds.
Each step is one transaction of the caller's, on disk before the next step begins. Recovery relies
only on the last recorded step: "claimed" means that no connection was made, "started" means that
the request may have left.

The statements of the sending loop are built once, at import: building them anew for each batch
costs more than running them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    any_,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlmodel import Session, col
from sqlmodel.sql.sqltypes import UTCDateTime

from digest.delivery.models import (
    Attempt,
    Batch,
    BatchState,
    CircuitBreaker,
    Delivery,
    DeliveryOutcome,
    Rollout,
)
from digest.delivery.pace import (
    UNLIMITED,
    Pace,
    day_left,
    free_at,
    is_paced,
    paced_until,
    put_off,
    take,
)
from digest.delivery.sending import circuit_breaker
from digest.delivery.sending.planning import random_key
from digest.delivery.sending.settlement import BatchPart, divide
from digest.issues.models import Edition, Issue, IssueState
from subscribers.audience import audience
from subscribers.models import Subscription
from subscribers.sql import OneReadQuery

#: Holds the place of what the answer will write, so that it fits even on a disk that is full then.
_ROOM = " " * 100
#: No batch is put off for longer; a later time was set before the clock was turned back.
TOO_LATE = timedelta(hours=1)
#: A wait that isn't over in a moment: the machines needn't ask whether it is.
_LONG = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A batch that this process holds, with the readers in it who may still be mailed."""

    batch_id: int
    batch_key: str
    root: str  #: key of the batch it was split from, or its own
    attempt: str
    readers: Sequence[Sequence[Any]]  #: delivery id, subscriber id, address
    seat: int = 0  #: whose variant of the edition they get; 0 for the edition as it is


def claim(
    session: Session,
    *,
    edition_id: int,
    newsletter: str,
    owner: str,
    now: datetime,
    lease: float,
    batch_id: int | None = None,
    pace: Pace = UNLIMITED,
) -> Claim | None:
    """Claim the next batch that is due, and exclude readers who have left since it was cut.

    With *batch_id*, claim that one if it's due, or the first part of it if it has more readers than
    may go at once by *pace*. Return ``None`` when no batch can be claimed; `due` says when to ask
    again. *lease* is in seconds; once it is over, other processes may take *owner* for dead. The
    caller commits.
    """
    if _waits_for_pace(session, pace, now):
        return None
    due: dict[str, Any] = {"edition": edition_id, "now": now, "never": now + TOO_LATE}
    wanted = _NEXT if batch_id is None else _THIS_ONE
    due["batch"] = batch_id
    while (batch := session.connection().execute(wanted, due).first()) is not None:
        readers = _readers(session, batch, newsletter, now)
        if not readers:
            session.connection().execute(_EMPTY, {"batch": batch.id})
            continue
        if _cut_to_pace(session, batch, readers, pace, now):
            due["batch"] = _first_part(session, batch)
            continue
        key, until = random_key(), now + timedelta(seconds=lease)
        if batch.probe_at is not None and not circuit_breaker.take_probe(
            session, edition_id, attempt=key, now=now, until=until
        ):
            return None
        later = _take(session, batch, readers, key, pace, now)
        if later is None:
            return _claimed(session, batch, readers, key, owner=owner, now=now, until=until)
        if later > now and not _waits_for_pace(session, pace, now):
            # All of its kind, which have such readers, too: each would be read in vain.
            kind = {"edition": edition_id, "provider": batch.mailbox_provider}
            times = {"now": now, "never": due["never"], "later": later}
            session.connection().execute(_PUT_KIND_OFF, {**kind, **times})
        # Others may still go, in a transaction of its own: this one holds rows of the pace, and
        # two that lock further rows would wait for each other.
        return None
    return None


def due(
    session: Session, edition_id: int, now: datetime, pace: Pace = UNLIMITED
) -> datetime | None:
    """Return when the next batch of an edition may go; ``None`` when none waits to go."""
    of = {"edition": edition_id, "now": now, "never": now + TOO_LATE}
    first = session.connection().execute(_FIRST_FREE, of).first()
    if first is None:
        return None
    held_until = circuit_breaker.probe_at(session, edition_id, now)
    paced_until = free_at(session, pace, now)
    return max(at for at in (now, first[0], held_until, paced_until) if at is not None)


def is_moving(session: Session, edition_id: int) -> bool:
    """Return whether a sender holds a batch of an edition, or one waits to go."""
    of_edition = {"edition": edition_id}
    connection = session.connection()
    return any(connection.execute(query, of_edition).first() for query in (_WAITS_ANY, _HELD_ANY))


def start(
    session: Session,
    claimed: Claim,
    *,
    request_hash: str,
    now: datetime,
    one_by_one: bool = False,
) -> bool:
    """Record that the request is about to leave; return ``False`` when it must not.

    *one_by_one* says that each mail of the request is handed over by itself. The request must not
    leave when the lease ran out and recovery took the batch back, or when the issue was
    paused or cancelled since the claim: then no connection may be made. The caller commits.
    """
    connection = session.connection()
    held = {"batch": claimed.batch_id, "by": claimed.attempt}
    if connection.execute(_START, held).rowcount != 1:
        return False
    started = {"now": now, "request": request_hash, "single": one_by_one}
    connection.execute(_STARTED, {"by": claimed.attempt, **started})
    return True


def is_still_held(session: Session, claimed: Claim) -> bool:
    """Return whether this process still holds a started batch; call it right before connecting.

    A process that slept past its lease since the start doesn't.
    """
    held = {"batch": claimed.batch_id, "by": claimed.attempt}
    return session.connection().execute(_STILL_HELD, held).first() is not None


def release(session: Session, claimed: Claim) -> None:
    """Return a claimed batch that wasn't started to the queue; the caller commits."""
    session.connection().execute(_RELEASE, {"batch": claimed.batch_id, "by": claimed.attempt})


def cancel_batches(session: Session, edition_ids: Sequence[int], why: str) -> None:
    """Cancel every batch of these editions that no request has left for; the caller commits."""
    waiting = [BatchState.PENDING, BatchState.PARKED, BatchState.CLAIMED]
    session.connection().execute(
        update(Batch)
        .where(col(Batch.edition_id).in_(edition_ids), col(Batch.state).in_(waiting))
        .values(state=BatchState.CANCELLED, attempt=None, note=why)
    )


def exclude(session: Session, reasons: dict[int, str]) -> None:
    """Exclude deliveries, given with the reason for each by id; the caller commits."""
    rows = [{"delivery": delivery, "why": why} for delivery, why in reasons.items()]
    session.connection().execute(_EXCLUDE, rows)


def exclude_from_claim(session: Session, claimed: Claim, reasons: dict[int, str]) -> Claim | None:
    """Exclude readers from a claimed batch, each with the reason; the caller commits.

    Return ``None`` when this process doesn't hold the batch any more, or when no reader is left.
    """
    readers = [row for row in claimed.readers if row[0] not in reasons]
    held = {"batch": claimed.batch_id, "by": claimed.attempt, "left": len(readers)}
    if session.connection().execute(_SHRINK, held).rowcount != 1:
        return None
    exclude(session, reasons)
    if not readers:
        session.connection().execute(_EMPTY, {"batch": claimed.batch_id})
        return None
    return replace(claimed, readers=readers)


def _waits_for_pace(session: Session, pace: Pace, now: datetime) -> bool:
    """Return whether no mail may go now, whose ever it is; for a long wait, nobody asks again."""
    later = free_at(session, pace, now) if pace.counts_all else None
    if later is not None and later > now + _LONG:
        put_off(session, later, now)
    return later is not None


def _cut_to_pace(
    session: Session, batch: Any, readers: Sequence[Sequence[Any]], pace: Pace, now: datetime
) -> bool:
    """Cut a batch that has more readers than may go at once; return whether it had."""
    if not pace.is_limited:
        return False
    left = day_left(session, now) if pace.warm_up else None
    sizes = pace.parts([row[2] for row in readers], left or None)  # `take` says no to none left
    ends = list(accumulate(sizes))
    parts = [
        BatchPart([row[0] for row in readers[end - size : end]])
        for size, end in zip(sizes, ends, strict=True)
    ]
    if len(parts) > 1:
        divide(session, batch, parts)
    return len(parts) > 1


def _first_part(session: Session, batch: Any) -> int | None:
    """Return the id of the part that begins where a batch did that was just cut."""
    parts = select(col(Batch.id)).where(
        col(Batch.edition_id) == batch.edition_id,
        col(Batch.state) == BatchState.PENDING,
        col(Batch.first_delivery) == batch.first_delivery,
    )
    return session.connection().execute(parts).scalar()


def _take(
    session: Session,
    batch: Any,
    readers: Sequence[Sequence[Any]],
    key: str,
    pace: Pace,
    now: datetime,
) -> datetime | None:
    """Count a batch against the limits; return when to ask again where it may not go now."""
    if not pace.is_limited:
        return None
    counts = pace.count(row[2] for row in readers)
    later = take(session, pace, counts, now, readers=len(readers))
    if later is not None:
        circuit_breaker.return_probe(session, batch.edition_id, attempt=key, now=now)
    return later


def _claimed(
    session: Session,
    batch: Any,
    readers: Sequence[Sequence[Any]],
    key: str,
    *,
    owner: str,
    now: datetime,
    until: datetime,
) -> Claim:
    attempt = {
        "key": key,
        "batch_id": batch.id,
        "number": batch.attempts + 1,
        "owner": owner,
        "claimed_at": now,
        "lease_until": until,
        "detail": "",
    }
    connection = session.connection()
    connection.execute(_CLAIM, {"batch": batch.id, "readers": len(readers), "by": key})
    connection.execute(_ATTEMPT, attempt)
    return Claim(
        batch_id=batch.id,
        batch_key=batch.key,
        root=batch.root,
        attempt=key,
        readers=readers,
        seat=batch.seat,
    )


def _readers(
    session: Session, batch: Any, newsletter: str, now: datetime
) -> Sequence[Sequence[Any]]:
    """Return the readers in a batch who may be mailed; exclude the others, with the reason."""
    connection = session.connection()
    first, last = batch.first_delivery, batch.last_delivery
    bounds = {"edition": batch.edition_id, "first": first, "last": last}
    query = _READERS[connection.dialect.name]
    rows = query.all(session, {**bounds, "newsletter": newsletter, "now": now})
    reasons = {row[0]: row[3] for row in rows if row[3] is not None}
    if len(rows) < batch.size:
        known = {row[0] for row in rows}
        deliveries = connection.execute(_DELIVERIES, bounds).scalars()
        reasons.update({delivery: "erased" for delivery in deliveries if delivery not in known})
    if not reasons:
        return rows
    exclude(session, reasons)
    left = [row for row in rows if row[0] not in reasons]
    connection.execute(_COUNTED, {"batch": batch.id, "readers": len(left)})
    return left


def _readers_statement(*implied: ColumnElement[bool]) -> OneReadQuery:
    standing = audience(
        cast(str, bindparam("newsletter")),
        cast(datetime, bindparam("now")),
    ).join(Delivery, col(Delivery.subscriber_id) == col(Subscription.subscriber_id))
    columns = standing.selected_columns
    return OneReadQuery(
        standing.with_only_columns(
            col(Delivery.id), col(Delivery.subscriber_id), columns.address, columns.exclusion
        ).where(*implied, _IN_BATCH, col(Delivery.outcome).is_(None))
    )


def pending_batches(*columns: Any) -> Select[Any]:
    """Return the columns of each pending batch that at most a time holds back.

    Its issue is on its way; it has no first wave, or that has passed, or the batch is part of it.
    """
    return (
        select(*columns)
        .select_from(Batch)
        .join(Edition, col(Edition.id) == col(Batch.edition_id))
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .join(Rollout, col(Rollout.edition_id) == col(Batch.edition_id), isouter=True)
        .join(CircuitBreaker, col(CircuitBreaker.edition_id) == col(Batch.edition_id), isouter=True)
        .where(
            col(Batch.state) == BatchState.PENDING,
            col(Issue.state) == IssueState.PREPARED,
            or_(
                col(Rollout.edition_id).is_(None),
                col(Rollout.passed_at).is_not(None),
                col(Batch.number) <= col(Rollout.last_batch),
            ),
        )
    )


_MOMENT, _NEVER = bindparam("now", type_=UTCDateTime()), bindparam("never", type_=UTCDateTime())
_PUT_OFF = and_(col(Batch.not_before) > _MOMENT, col(Batch.not_before) <= _NEVER)
_BREAKER_OPEN = ~circuit_breaker.may_try(_MOMENT, _NEVER)
#: That no time holds a batch of `pending_batches` back, and the time that does; *never* is the
#: first that no batch waits for.
MAY_GO_NOW = and_(
    or_(col(Batch.not_before).is_(None), ~_PUT_OFF),
    circuit_breaker.may_try(_MOMENT, _NEVER),
    ~is_paced(col(Batch.mailbox_provider), _MOMENT, _NEVER),
)
_PACED_UNTIL = paced_until(col(Batch.mailbox_provider), _MOMENT, _NEVER)
FREE_AT = func.greatest(
    case((_PUT_OFF, col(Batch.not_before))),
    case((_BREAKER_OPEN, col(CircuitBreaker.probe_at))),
    _PACED_UNTIL,
    type_=UTCDateTime(),
)
_FREE_BUT_FOR_BREAKER = case(
    (_PACED_UNTIL.is_(None), col(Batch.not_before)),
    (col(Batch.not_before) > _PACED_UNTIL, col(Batch.not_before)),
    else_=_PACED_UNTIL,
)
#: Implied by the ids. Until its statistics are up to date after a plan, PostgreSQL looks readers up
#: in the index that begins with the edition, and would read all of it for each reader.
_OF_EDITION = col(Delivery.edition_id) == bindparam("edition")
_IN_BATCH = col(Delivery.id).between(bindparam("first"), bindparam("last"))
#: PostgreSQL then finds each reader by index, however scattered a first wave's are: it would scan
#: the whole list for each batch, since it takes a thousand lookups to be dearer.
_AMONG_READERS = col(Subscription.subscriber_id) == any_(
    func.array(select(col(Delivery.subscriber_id)).where(_IN_BATCH).scalar_subquery())
)
_READERS = {
    "sqlite": _readers_statement(),
    "postgresql": _readers_statement(_OF_EDITION, _AMONG_READERS),
}
_DELIVERIES = select(col(Delivery.id)).where(_IN_BATCH, col(Delivery.outcome).is_(None))
_NEXT = (
    pending_batches(
        col(Batch.id),
        col(Batch.key),
        col(Batch.edition_id),
        col(Batch.root),
        col(Batch.edition_id),
        col(Batch.number),
        col(Batch.first_delivery),
        col(Batch.last_delivery),
        col(Batch.size),
        col(Batch.attempts),
        col(Batch.seat),
        col(Batch.mailbox_provider),
        col(CircuitBreaker.probe_at),
    )
    .where(col(Batch.edition_id) == bindparam("edition"), MAY_GO_NOW)
    .order_by(col(Batch.number), col(Batch.first_delivery))
    .limit(1)
    .with_for_update(skip_locked=True, of=Batch)
)
_THIS = col(Batch.id) == bindparam("batch")
_THIS_ONE = _NEXT.where(_THIS)
_WAITS_ANY = (
    pending_batches(col(Batch.id)).where(col(Batch.edition_id) == bindparam("edition")).limit(1)
)
_FIRST_FREE = (
    pending_batches(_FREE_BUT_FOR_BREAKER)
    .where(col(Batch.edition_id) == bindparam("edition"))
    .order_by(_FREE_BUT_FOR_BREAKER.asc().nulls_first())
    .limit(1)
)
_HELD_ANY = (
    select(col(Batch.id))
    .where(
        col(Batch.edition_id) == bindparam("edition"),
        col(Batch.state).in_([BatchState.CLAIMED, BatchState.STARTED]),
    )
    .limit(1)
)
_HELD = (_THIS, col(Batch.attempt) == bindparam("by"), col(Batch.state) == BatchState.CLAIMED)
_STILL_HELD = select(col(Batch.id)).where(
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
#: At once, since the claim may still fail: another process may have the only probe.
_COUNTED = update(Batch).where(_THIS).values(size=bindparam("readers"))
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
    .values(
        started_at=bindparam("now"),
        request_hash=bindparam("request"),
        one_by_one=bindparam("single"),
        detail=_ROOM,
    )
)
#: Those that no machine holds, since one that does may wait for this one, and that wait for no
#: later time.
_PUT_KIND_OFF = (
    update(Batch)
    .where(
        col(Batch.id).in_(
            select(col(Batch.id))
            .where(
                col(Batch.edition_id) == bindparam("edition"),
                col(Batch.state) == BatchState.PENDING,
                col(Batch.mailbox_provider) == bindparam("provider"),
                or_(
                    ~_PUT_OFF,
                    col(Batch.not_before).is_(None),
                    col(Batch.not_before) < bindparam("later"),
                ),
            )
            .with_for_update(skip_locked=True)
        )
    )
    .values(not_before=bindparam("later"))
)
_SHRINK = update(Batch).where(*_HELD).values(size=bindparam("left"))
_RELEASE = update(Batch).where(*_HELD).values(state=BatchState.PENDING, attempt=None)
_EXCLUDE = (
    update(Delivery)
    .where(col(Delivery.id) == bindparam("delivery"))
    .values(outcome=DeliveryOutcome.EXCLUDED, reason=bindparam("why"))
)
