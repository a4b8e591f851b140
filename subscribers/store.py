"""The list as statements: who may be mailed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, literal, null, or_, select
from sqlmodel import col

from subscribers.models import Standing, Subscriber, Subscription


def audience(newsletter: str, now: datetime) -> Select[Any]:
    """Everyone who ever joined *newsletter*, and whether they may be mailed *now*.

    Columns: ``subscriber_id``, ``address``, ``standing`` and ``exclusion``: the reason why not in
    a word ("suppressed: complaint", "unsubscribed", "paused", "pending"), NULL where they may.
    """
    return (
        select(
            col(Subscription.subscriber_id).label("subscriber_id"),
            col(Subscriber.address).label("address"),
            col(Subscription.standing).label("standing"),
            _exclusion(now).label("exclusion"),
        )
        .join(Subscriber, col(Subscriber.id) == col(Subscription.subscriber_id))
        .where(col(Subscription.newsletter) == newsletter)
    )


def _exclusion(now: datetime) -> ColumnElement[Any]:
    over = and_(
        col(Subscription.standing) == Standing.PAUSED, col(Subscription.paused_until) <= now
    )
    return case(
        (
            col(Subscriber.suppressed).is_not(None),
            literal("suppressed: ").concat(col(Subscriber.suppressed)),
        ),
        (or_(col(Subscription.standing) == Standing.CONFIRMED, over), null()),
        (col(Subscription.standing) == Standing.PAUSED, literal("paused")),
        (col(Subscription.standing) == Standing.PENDING, literal("pending")),
        else_=literal("unsubscribed"),
    )
