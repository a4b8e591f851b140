"""Who a mail goes to, and why not to the others: the one place that decides it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, literal, null, or_, select
from sqlmodel import col

from subscribers.models import Standing, Subscriber, Subscription
from subscribers.topics import unwanted


def audience(
    newsletter: str, now: datetime, *, about: Collection[str] | None = None
) -> Select[Any]:
    """Everyone who ever joined *newsletter*, and whether they may be mailed *now*.

    Columns: ``subscriber_id``, ``address``, ``standing`` and ``exclusion``: the reason why not in
    a word ("suppressed: complaint", "unsubscribed", "paused", "pending"), NULL where they may.
    What goes out is *about* these topics, and not for who wants none of them; ``None`` is for all.
    """
    return (
        select(
            col(Subscription.subscriber_id).label("subscriber_id"),
            col(Subscriber.address).label("address"),
            col(Subscription.standing).label("standing"),
            _exclusion(now, about).label("exclusion"),
        )
        .join(Subscriber, col(Subscriber.id) == col(Subscription.subscriber_id))
        .where(col(Subscription.newsletter) == newsletter)
    )


def _exclusion(now: datetime, about: Collection[str] | None) -> ColumnElement[Any]:
    over = and_(
        col(Subscription.standing) == Standing.PAUSED, col(Subscription.paused_until) <= now
    )
    wanted = null() if about is None else unwanted(about)
    return case(
        (
            col(Subscriber.suppressed).is_not(None),
            literal("suppressed: ").concat(col(Subscriber.suppressed)),
        ),
        (or_(col(Subscription.standing) == Standing.CONFIRMED, over), wanted),
        (col(Subscription.standing) == Standing.PAUSED, literal("paused")),
        (col(Subscription.standing) == Standing.PENDING, literal("pending")),
        else_=literal("unsubscribed"),
    )
