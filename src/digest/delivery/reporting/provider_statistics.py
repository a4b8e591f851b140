"""Counts an edition's statuses by mailbox provider, and decides which providers are named."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import Session, col

from digest.delivery.models import Batch, BatchState, Delivery, DeliveryStatus
from subscribers import audience
from subscribers.address import providers
from subscribers.models import Subscriber

OTHERS = "Other domains"
ERASED = "Erased readers"


def mailbox_provider(domain: str | None) -> str:
    """Return the provider of a lower-case domain; ``None`` stands for an erased reader."""
    if domain is None:
        return ERASED
    provider = providers().get(domain)
    return provider.name if provider and provider.large else OTHERS


@dataclass(frozen=True, kw_only=True)
class ProviderStatistics:
    """How an edition fared with one mailbox provider; all numbers are deliveries."""

    name: str
    accepted: int = 0
    delivered: int = 0
    deferred: int = 0
    bounced: int = 0
    blocked: int = 0
    dropped: int = 0
    complained: int = 0

    @property
    def complaint_rate(self) -> float | None:
        """Return complaints divided by delivered mails, ``None`` where none was delivered."""
        return self.complained / self.delivered if self.delivered else None


def count_by_mailbox_provider(session: Session, edition_id: int) -> tuple[ProviderStatistics, ...]:
    """Return the statuses of accepted deliveries by mailbox provider, the largest first."""
    tally: dict[str, Counter[str]] = defaultdict(Counter)
    domain = audience.domain(session.connection().dialect)
    rows = session.connection().execute(
        select(domain, col(Delivery.news), func.count())
        .select_from(Batch)
        .join(
            Delivery, col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery))
        )
        .join(Subscriber, col(Subscriber.id) == col(Delivery.subscriber_id), isouter=True)
        .where(
            col(Batch.edition_id) == edition_id,
            col(Batch.state) == BatchState.ACCEPTED,
            col(Delivery.edition_id) == edition_id,
            col(Delivery.outcome).is_(None),
        )
        .group_by(domain, col(Delivery.news))
    )
    for address_domain, status, number in rows:
        counts = tally[mailbox_provider(address_domain)]
        counts["accepted"] += number
        if status is not None and status is not DeliveryStatus.PROCESSED:
            counts[str(status)] += number
        if status is DeliveryStatus.COMPLAINED:
            counts["delivered"] += number
    statistics = [ProviderStatistics(name=name, **numbers) for name, numbers in tally.items()]
    return tuple(sorted(statistics, key=lambda row: (-row.accepted, row.name)))
