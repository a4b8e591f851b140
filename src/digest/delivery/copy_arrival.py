"""What the provider's events say of single copies: delivered, and when; awaited; or failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Integer, and_, case, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from digest.delivery.models import Delivery, DeliveryStatus, MailEvent
from digest.mail.provider_events import EventKind
from digest.votes import Copy, DeliveredState
from subscribers import sql

_AWAITED = (None, DeliveryStatus.PROCESSED, DeliveryStatus.DEFERRED)
_FAILED = (DeliveryStatus.DROPPED, DeliveryStatus.BLOCKED, DeliveryStatus.BOUNCED)


def copy_arrivals(session: Session, copies: Sequence[Copy]) -> Mapping[Copy, DeliveredState]:
    """Return what is known of copies' delivery; copies that were never planned are left out."""
    rows = session.connection().execute(
        _arrivals(sql.dialect(session)), sql.json_rows_parameter(copies)
    )
    return {Copy(row[0], row[1]): _state(row[2], row[3]) for row in rows}


def _state(news: DeliveryStatus | None, moment: int | None) -> DeliveredState:
    if moment is not None:  # also of one that bounced afterwards
        return DeliveredState(moment=moment)
    return DeliveredState(awaited=news in _AWAITED, failed=news in _FAILED)


@cache
def _arrivals(dialect: str) -> Any:
    given = sql.json_rows(dialect, edition=Integer, subscriber=BigInteger)
    same = and_(
        col(Delivery.edition_id) == given.c.edition,
        col(Delivery.subscriber_id) == given.c.subscriber,
    )
    by_event = (
        select(func.min(col(MailEvent.moment)))
        .where(
            col(MailEvent.delivery_id) == col(Delivery.id),
            col(MailEvent.kind) == EventKind.DELIVERED,
        )
        .scalar_subquery()
    )
    delivered = col(Delivery.news) == DeliveryStatus.DELIVERED
    return select(
        col(Delivery.edition_id),
        col(Delivery.subscriber_id),
        col(Delivery.news),
        case((delivered, col(Delivery.news_at)), else_=by_event),
    ).join_from(sql.table(Delivery), given, same)
