"""Who gets a mail, and for what reason others don't: one SQL expression decides both.

Every count, plan and status reads this expression, so that they can't disagree.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Dialect,
    Select,
    Text,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import col

from subscribers.models import JOINED, Standing, Subscriber, Subscription

NO_WANTED_TOPIC = "no topic of theirs"

#: JSON texts of a choice that leaves no topic out, besides NULL.
_EVERYTHING = ("null", "[]")


def unwanted(about: Collection[str]) -> ColumnElement[Any]:
    """Return an expression: NULL where a reader wants a topic of *about*, else the reason."""
    chosen = col(Subscription.topics)
    topics = _JsonTexts(chosen).table_valued(column("value", Text))
    wanted = exists().select_from(topics).where(topics.c.value.in_(about))
    return case(
        # First, since most readers chose nothing, and their JSON is then never parsed.
        (or_(chosen.is_(null()), cast(chosen, Text).in_(_EVERYTHING)), null()),
        (wanted, null()),
        else_=literal(NO_WANTED_TOPIC),
    )


class _JsonTexts(FunctionElement[Any]):
    """A JSON array's texts as rows."""

    inherit_cache = True


@compiles(_JsonTexts, "sqlite")
def _on_sqlite(of: _JsonTexts, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each{compiler.process(of.clause_expr, **options)}"


@compiles(_JsonTexts, "postgresql")
def _on_postgres(of: _JsonTexts, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array_elements_text{compiler.process(of.clause_expr, **options)}"


def audience(
    newsletter: str, now: datetime, *, about: Collection[str] | None = None
) -> Select[Any]:
    """Return a SELECT of all who ever joined *newsletter*, and whether they may be mailed *now*.

    Columns: ``subscriber_id``, ``address``, ``standing`` and ``exclusion``, which is NULL for a
    reader who may be mailed, and else the reason: "suppressed: complaint", "unsubscribed",
    "paused", "pending" or `NO_WANTED_TOPIC`. *about* is the mail's topics, which excludes readers
    who want none of them; ``None`` excludes nobody by topic.
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


def possible_exclusions(
    newsletter: str, now: datetime, *, about: Collection[str] | None = None
) -> CompoundSelect[Any]:
    """Return a SELECT of the exclusions of those who joined *newsletter*, without reading them all.

    Each row is one reader for whom there may be a reason, and NULL where the reader may be mailed.
    Who joined and isn't among the rows may be mailed, too. An index has each group of them.
    """
    rows = audience(newsletter, now, about=about)
    exclusion = rows.selected_columns.exclusion
    readers = rows.with_only_columns(exclusion)
    standing, topics = col(Subscription.standing), col(Subscription.topics)
    confirmed, paused = standing == Standing.CONFIRMED, standing == Standing.PAUSED
    groups = [readers.where(paused)]
    if about is not None:  # apart from the others, so that nobody is in two groups
        no_choice = topics.is_(null())
        confirmed = and_(confirmed, no_choice)
        groups = [readers.where(paused, no_choice)]
        groups.append(readers.where(standing.in_(JOINED), topics.is_not(null())))
    # Looked up for each: as a join, either database may begin with the list and read all of it.
    suppressed = aliased(Subscriber)
    of_each = readers.where(confirmed, col(Subscription.subscriber_id) == suppressed.id)
    groups.append(
        select(of_each.correlate(suppressed).scalar_subquery()).where(
            col(suppressed.suppressed).is_not(None)
        )
    )
    return union_all(*groups)


def domain(of: Dialect) -> ColumnElement[str]:
    """Return an expression: the domain of a `Subscriber`'s address, in ASCII and lower case."""
    key = col(Subscriber.address_key)
    if of.name == "sqlite":
        return func.substr(key, func.instr(key, "@") + 1)
    return func.split_part(key, "@", 2)


def may_be_mailed(
    session: Session, newsletter: str, subscriber_ids: Collection[int], now: datetime
) -> set[int]:
    """Return those of some readers who get *newsletter* and may be mailed *now*."""
    rows = audience(newsletter, now).subquery()
    wanted = select(rows.c.subscriber_id).where(
        rows.c.subscriber_id.in_(subscriber_ids), rows.c.exclusion.is_(None)
    )
    return set(session.execute(wanted).scalars())


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
