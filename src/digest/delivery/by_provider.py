"""How an edition fared with each mailbox provider."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session, col

from digest.delivery.mailboxes import provider_of
from digest.delivery.models import Batch, BatchState, Delivery, News
from subscribers.models import Subscriber


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Readers with one mailbox provider."""

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
        """Complaints by delivered mails; ``None`` where none was delivered."""
        return self.complained / self.delivered if self.delivered else None


def by_provider(session: Session, edition_id: int) -> tuple[Provider, ...]:
    """Count standings of what was accepted by mailbox provider, the largest first."""
    tally: dict[str, Counter[str]] = defaultdict(Counter)
    domain = _domain(session)
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
    for of, news, number in rows:
        mine = tally[provider_of(of)]
        mine["accepted"] += number
        if news is not None and news is not News.PROCESSED:
            mine[str(news)] += number
        if news is News.COMPLAINED:
            mine["delivered"] += number
    found = [Provider(name=name, **numbers) for name, numbers in tally.items()]
    return tuple(sorted(found, key=lambda each: (-each.accepted, each.name)))


def _domain(session: Session) -> ColumnElement[Any]:
    key = col(Subscriber.address_key)
    if session.get_bind().dialect.name == "sqlite":
        return func.substr(key, func.instr(key, "@") + 1)
    return func.split_part(key, "@", 2)
