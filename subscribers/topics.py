"""Topics in statements: whether an issue has anything for a reader who chose some."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Text, case, cast, column, exists, literal, null, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import col

from subscribers.models import Subscription

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
