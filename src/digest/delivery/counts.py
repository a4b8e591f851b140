"""Count an edition's deliveries, so that every candidate is in exactly one place.

This module decides which batch states and delivery outcomes make up each count.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col

from digest.delivery.models import Batch, BatchState, Delivery, DeliveryOutcome, DeliveryStatus

_PENDING = {BatchState.PENDING, BatchState.CLAIMED, BatchState.PARKED}
_IN_DOUBT = {BatchState.STARTED, BatchState.IN_DOUBT}


@dataclass(frozen=True, kw_only=True)
class DeliveryCounts:
    """Readers of one edition; candidates = accepted + refused + excluded + pending + in_doubt.

    accepted = delivered + deferred + blocked + bounced + dropped + unheard, once no event is on
    record for a mail that isn't known to be accepted (an event may arrive before its batch is
    settled).
    """

    candidates: int = 0
    accepted: int = 0
    refused: int = 0
    excluded: int = 0
    pending: int = 0
    in_doubt: int = 0
    under_way: int = 0  #: the part of in_doubt whose request is in flight
    called_off: int = 0  #: the part of excluded that was pending when the issue was cancelled
    parked: int = 0  #: the part of pending that needs a person to resume it
    delivered: int = 0
    deferred: int = 0
    bounced: int = 0  #: the mailbox provider refused the address for good
    blocked: int = 0  #: the mailbox provider refused this mail, not the address
    dropped: int = 0
    complained: int = 0  #: a part of delivered

    @property
    def balances(self) -> bool:
        """Return whether every candidate is in exactly one place."""
        parts = self.accepted + self.refused + self.excluded + self.pending + self.in_doubt
        return self.candidates == parts

    @property
    def unheard(self) -> int:
        """Return the number of accepted mails that no event has reported on since."""
        known = self.delivered + self.deferred + self.blocked + self.bounced + self.dropped
        return max(0, self.accepted - known)

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name, `unheard` included."""
        return {**asdict(self), "unheard": self.unheard}


def count_deliveries(session: Session, edition_id: int) -> DeliveryCounts:
    """Return one edition's counts as they stand: what sending decides by.

    Two kinds of rows are read: one row per batch, and the few deliveries whose outcome differs from
    their batch's.
    """
    batches = _readers_by_state(session, edition_id)
    outcomes = _deliveries_by(session, col(Delivery.outcome), edition_id)
    statuses = _deliveries_by(session, col(Delivery.news), edition_id)
    cancelled = batches.get(BatchState.CANCELLED, 0)
    return DeliveryCounts(
        candidates=sum(batches.values()) + sum(outcomes.values()),
        accepted=batches.get(BatchState.ACCEPTED, 0),
        refused=batches.get(BatchState.REFUSED, 0) + outcomes.get(DeliveryOutcome.REFUSED, 0),
        excluded=outcomes.get(DeliveryOutcome.EXCLUDED, 0) + cancelled,
        called_off=cancelled,
        pending=sum(batches.get(state, 0) for state in _PENDING),
        in_doubt=sum(batches.get(state, 0) for state in _IN_DOUBT),
        under_way=batches.get(BatchState.STARTED, 0),
        parked=batches.get(BatchState.PARKED, 0),
        delivered=statuses.get(DeliveryStatus.DELIVERED, 0)
        + statuses.get(DeliveryStatus.COMPLAINED, 0),
        deferred=statuses.get(DeliveryStatus.DEFERRED, 0),
        bounced=statuses.get(DeliveryStatus.BOUNCED, 0),
        blocked=statuses.get(DeliveryStatus.BLOCKED, 0),
        dropped=statuses.get(DeliveryStatus.DROPPED, 0),
        complained=statuses.get(DeliveryStatus.COMPLAINED, 0),
    )


def _readers_by_state(session: Session, edition_id: int) -> dict[BatchState, int]:
    rows = session.connection().execute(
        select(col(Batch.state), func.sum(col(Batch.size)))
        .where(col(Batch.edition_id) == edition_id)
        .group_by(col(Batch.state))
    )
    return {state: int(size) for state, size in rows}


def _deliveries_by(session: Session, column: Mapped[Any], edition_id: int) -> dict[Any, int]:
    rows = session.connection().execute(
        select(column, func.count())
        .where(col(Delivery.edition_id) == edition_id, column.is_not(None))
        .group_by(column)
    )
    return {row[0]: row[1] for row in rows}
