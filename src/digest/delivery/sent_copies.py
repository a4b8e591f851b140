"""Find the deliveries of one reader, and whose copies of some editions the provider accepted."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, and_, or_
from sqlmodel import Session, col, select

from digest.delivery.models import Batch, BatchState, Delivery, DeliveryStatus
from digest.issues.models import Edition

#: What the provider reports of a copy that never arrived.
NEVER_ARRIVED = (DeliveryStatus.DROPPED, DeliveryStatus.BLOCKED, DeliveryStatus.BOUNCED)


def of_reader(subscriber_id: Any) -> ColumnElement[bool]:
    """Return the SQL condition that a delivery is one reader's, of any edition.

    Deliveries are indexed by edition and reader. SQLite, which has no statistics, would read every
    delivery there is rather than ask the index for each of the few editions, unless told to.
    """
    of_any_edition = col(Delivery.edition_id).in_(select(Edition.id))
    return and_(col(Delivery.subscriber_id) == subscriber_id, of_any_edition)


def accepted_copies(
    session: Session, edition_ids: Collection[int], subscriber_ids: Collection[int]
) -> dict[int, set[int]]:
    """Return the editions of which each of some readers got a copy, by subscriber id.

    A copy in doubt doesn't count, nor does one that bounced.
    """
    batches = session.exec(
        select(Batch.first_delivery, Batch.last_delivery)
        .where(col(Batch.edition_id).in_(edition_ids), Batch.state == BatchState.ACCEPTED)
        .order_by(col(Batch.first_delivery))
    ).all()
    begins = [first for first, _ in batches]
    deliveries = session.exec(
        select(Delivery.id, Delivery.edition_id, Delivery.subscriber_id).where(
            col(Delivery.edition_id).in_(edition_ids),
            col(Delivery.subscriber_id).in_(subscriber_ids),
            col(Delivery.outcome).is_(None),
            or_(col(Delivery.news).is_(None), col(Delivery.news).not_in(NEVER_ARRIVED)),
        )
    )
    copies: dict[int, set[int]] = defaultdict(set)
    for number, edition_id, subscriber_id in deliveries:
        place = bisect_right(begins, number or 0) - 1
        if place >= 0 and (number or 0) <= batches[place][1]:
            copies[subscriber_id].add(edition_id)
    return copies
