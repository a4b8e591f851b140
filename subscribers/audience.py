"""Who a mail goes to, and why not to the others: the one place that decides it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    cast,
    column,
    exists,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import col

from subscribers.models import Standing, Subscriber, Subscription

NONE_OF_THEIRS = "no topic of theirs"

#: Ways a choice may be kept that leaves nothing out, besides NULL.
_EVERYTHING = ("null", "[]")


def unwanted(about: Collection[str]) -> ColumnElement[Any]:
    """Return why an issue *about* these topics isn't for a reader: a reason, NULL where it is."""
    chosen = col(Subscription.topics)
    each = _Each(chosen).table_valued(column("value", Text))
    wanted = exists().select_from(each).where(each.c.value.in_(about))
    return case(
        # First, and by itself: most readers chose nothing, and their list is never opened.
        (or_(chosen.is_(null()), cast(chosen, Text).in_(_EVERYTHING)), null()),
        (wanted, null()),
        else_=literal(NONE_OF_THEIRS),
    )


class _Each(FunctionElement[Any]):
    """The texts of a list kept as JSON, a row each."""

    inherit_cache = True


@compiles(_Each, "sqlite")
def _on_sqlite(of: _Each, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each{compiler.process(of.clause_expr, **options)}"


@compiles(_Each, "postgresql")
def _on_postgres(of: _Each, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array_elements_text{compiler.process(of.clause_expr, **options)}"


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
