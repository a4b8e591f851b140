"""Decides who counts as left out of an issue: readers whose delivery has an outcome of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlmodel import Session, col

from digest.delivery.models import Batch, BatchState, Delivery, DeliveryOutcome
from subscribers.models import Subscriber

MOST = 20  #: reasons listed; the provider's text may differ for each reader


@dataclass(frozen=True, kw_only=True)
class ExclusionCount:
    """How many readers were left out for one reason."""

    outcome: DeliveryOutcome
    reason: str
    readers: int


def exclusion_counts(
    session: Session,
    edition_id: int,
    *,
    kept: Mapping[str, int] | None = None,
    refused: int | None = None,
) -> tuple[ExclusionCount, ...]:
    """Return the `MOST` most frequent reasons, with their number of readers.

    *kept* is how many were excluded by reason, and *refused* how many were refused, where that is
    known: what is known isn't counted again.
    """
    outcome = col(Delivery.outcome)
    if kept is None:
        reasons = _counted(session, edition_id, outcome.is_not(None))
    else:
        reasons = [
            ExclusionCount(outcome=DeliveryOutcome.EXCLUDED, reason=reason, readers=readers)
            for reason, readers in kept.items()
        ]
        if refused != 0:
            reasons += _counted(session, edition_id, outcome == DeliveryOutcome.REFUSED)
    most_first = sorted(reasons, key=lambda each: (-each.readers, each.reason))
    return tuple(most_first[:MOST])


def _counted(
    session: Session, edition_id: int, of_outcome: ColumnElement[bool]
) -> list[ExclusionCount]:
    number = func.count()
    rows = session.connection().execute(
        select(col(Delivery.outcome), col(Delivery.reason), number)
        .where(col(Delivery.edition_id) == edition_id, of_outcome)
        .group_by(col(Delivery.outcome), col(Delivery.reason))
        .order_by(number.desc(), col(Delivery.reason))
        .limit(MOST)
    )
    return [
        ExclusionCount(
            outcome=outcome or DeliveryOutcome.EXCLUDED, reason=reason or "", readers=readers
        )
        for outcome, reason, readers in rows
    ]


def excluded_readers(session: Session, edition_id: int) -> list[tuple[str, str, str]]:
    """Return outcome, reason and address of each reader left out; "(erased)" for erased readers.

    Readers whose batch was still waiting when the issue was cancelled are included.
    """
    cancelled = exists().where(
        col(Batch.edition_id) == edition_id,
        col(Batch.state) == BatchState.CANCELLED,
        col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery)),
    )
    rows = session.connection().execute(
        select(col(Delivery.outcome), col(Delivery.reason), col(Subscriber.address))
        .join(Subscriber, col(Subscriber.id) == col(Delivery.subscriber_id), isouter=True)
        .where(
            col(Delivery.edition_id) == edition_id,
            or_(col(Delivery.outcome).is_not(None), cancelled),
        )
        .order_by(col(Delivery.id))
    )
    return [
        (str(outcome), reason or "", address or "(erased)")
        if outcome
        else (str(DeliveryOutcome.EXCLUDED), "the issue was cancelled", address or "(erased)")
        for outcome, reason, address in rows
    ]
