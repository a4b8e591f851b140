"""Decides when an edition's counts are final, so that what is over is never counted again.

They are once its issue is over, no batch of it can still move, and it has been quiet for a week. A
status that an event changes later makes them open again, until the next time that they are settled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, delete, exists, func, select, type_coerce
from sqlmodel import Session, col

from digest.delivery.counts import DeliveryCounts, count_deliveries
from digest.delivery.models import (
    Attempt,
    Batch,
    BatchState,
    Delivery,
    DeliveryOutcome,
    SettledCounts,
)
from digest.issues.models import Edition, Issue, IssueState
from subscribers.sql import UnitOfWork, chunks, upsert

QUIET = timedelta(days=7)  #: since it was sent; nearly all of its statuses have come by then
_OVER = (IssueState.SENT, IssueState.CANCELLED)
_FINAL = (BatchState.ACCEPTED, BatchState.EMPTY, BatchState.SPLIT, BatchState.CANCELLED)
UNDER_WAY = "under-way"  #: stands for the outcome of an attempt without one


@dataclass(frozen=True, kw_only=True)
class SendingTotals:
    """How many batches, readers and attempts there are, over all editions."""

    batches: Mapping[str, int] = field(default_factory=dict)  #: by the batch's state
    readers: Mapping[str, int] = field(default_factory=dict)  #: by their batch's state
    attempts: Mapping[str, int] = field(default_factory=dict)  #: by outcome, or `UNDER_WAY`


def settle_counts(store: UnitOfWork, now: datetime) -> int:
    """Keep the counts of every edition that is over, each in a transaction; return how many."""
    with store.read() as session:
        editions = session.connection().execute(_settleable(now - QUIET)).scalars().all()
    for edition in editions:
        with store.write() as session:
            _settle(session, edition, now)
    return len(editions)


def delivery_counts(session: Session, edition_id: int) -> DeliveryCounts:
    """Return one edition's counts for a report: as they were settled, or as they stand."""
    return counts_and_exclusions(session, edition_id)[0]


def counts_and_exclusions(
    session: Session, edition_id: int
) -> tuple[DeliveryCounts, Mapping[str, int] | None]:
    """Return `delivery_counts`, and with settled ones how many were excluded by reason.

    ``None`` stands for reasons that aren't kept: they are to be counted.
    """
    of_edition = select(col(SettledCounts.counts)).where(
        col(SettledCounts.edition_id) == edition_id
    )
    settled = session.connection().execute(of_edition).scalar()
    if settled is None:
        return count_deliveries(session, edition_id), None
    return DeliveryCounts(**settled["deliveries"]), settled.get("excluded")


def keep_open(session: Session, editions: Collection[int]) -> None:
    """Let nobody settle the counts of these editions before this transaction has ended.

    To be called before statuses are raised, which `reopen` then follows.
    """
    of_these = select(col(Edition.id)).where(col(Edition.id).in_(sorted(editions)))
    locked = of_these.order_by(col(Edition.id)).with_for_update(read=True, key_share=True)
    session.connection().execute(locked)


def reopen(session: Session, editions: Collection[int]) -> None:
    """Let the counts of these editions be made anew, since something of them has changed.

    Where an issue isn't over any more, to be called once its row says so.
    """
    of_these = col(SettledCounts.edition_id).in_(sorted(editions))
    session.connection().execute(delete(SettledCounts).where(of_these))


def sending_totals(session: Session) -> SendingTotals:
    """Return the totals: of what is settled as it was kept, of the rest as it stands."""
    run = session.connection().execute
    kept = run(select(col(SettledCounts.counts))).scalars().all()
    totals = {part: Counter[str]() for part in ("batches", "readers", "attempts")}
    for counts in kept:
        for part, total in totals.items():
            total.update(counts[part])
    unsettled: Any = run(_UNSETTLED).scalars().all()
    for some in chunks(unsettled):
        for part, numbers in _parts(session, some).items():
            totals[part].update(numbers)
    return SendingTotals(**totals)


def _settle(session: Session, edition: int, now: datetime) -> None:
    """Keep an edition's counts, if its issue is still over and no event of it is being applied."""
    still = _settleable(now - QUIET).where(col(Edition.id) == edition)
    if session.connection().execute(still.with_for_update(of=[Edition, Issue])).first() is None:
        return
    deliveries = asdict(count_deliveries(session, edition))
    excluded = _excluded(session, edition)
    counts = {"deliveries": deliveries, "excluded": excluded, **_parts(session, [edition])}
    row = upsert(session, SettledCounts).values(edition_id=edition, counts=counts, settled_at=now)
    session.connection().execute(row.on_conflict_do_nothing())


def _excluded(session: Session, edition: int) -> dict[str, int]:
    """Return how many readers were excluded by reason.

    What a provider said of those it refused isn't kept: it may name a reader, who may be erased.
    """
    rows = session.connection().execute(
        select(func.coalesce(col(Delivery.reason), ""), func.count())
        .where(
            col(Delivery.edition_id) == edition,
            col(Delivery.outcome) == DeliveryOutcome.EXCLUDED,
        )
        .group_by(col(Delivery.reason))
    )
    return {str(reason): int(number) for reason, number in rows}


def _parts(session: Session, editions: Collection[int]) -> dict[str, dict[str, int]]:
    """Return the batches, their readers, and the attempts of some editions."""
    run = session.connection().execute
    of_these = col(Batch.edition_id).in_(editions)
    batches: Any = run(
        select(col(Batch.state), func.count(), func.sum(col(Batch.size)))
        .where(of_these)
        .group_by(col(Batch.state))
    ).all()
    outcome = func.coalesce(type_coerce(Attempt.outcome, String), UNDER_WAY)
    attempts: Any = run(
        select(outcome, func.count())
        .where(col(Attempt.batch_id).in_(select(col(Batch.id)).where(of_these)))
        .group_by(outcome)
    ).all()
    return {
        "batches": {str(state): int(number) for state, number, _ in batches},
        "readers": {str(state): int(size) for state, _, size in batches},
        "attempts": {str(word): int(number) for word, number in attempts},
    }


_IS_SETTLED = exists().where(col(SettledCounts.edition_id) == col(Edition.id))
_UNSETTLED = (
    select(col(Edition.id))
    .join(Issue, col(Issue.id) == col(Edition.issue_id))
    .where(col(Issue.prepared_at).is_not(None), ~_IS_SETTLED)
)


def _settleable(before: datetime) -> Any:
    moves = exists().where(
        col(Batch.edition_id) == col(Edition.id), col(Batch.state).not_in(_FINAL)
    )
    last = func.coalesce(col(Issue.sent_at), col(Issue.prepared_at))
    return _UNSETTLED.where(col(Issue.state).in_(_OVER), last < before, ~moves)
