"""How values of ours are stored in columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Enum,
    Integer,
    Subquery,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.types import TypeEngine

PARAMETER = "given"


def json_rows(dialect: str, **columns: type[TypeEngine[Any]]) -> Subquery:
    """Return a table of *columns*, whose rows a statement is told by `rows`."""
    told = bindparam(PARAMETER, type_=Text)
    if dialect == "sqlite":
        each, cell = func.json_each(told).table_valued("value"), _of_sqlite
    else:
        each = func.json_array_elements(cast(told, JSON)).table_valued("value")
        cell = _of_postgres
    cells = [
        cell(each.c.value, at, kind).label(name) for at, (name, kind) in enumerate(columns.items())
    ]
    return select(*cells).subquery(PARAMETER)


def json_rows_parameter(values: Iterable[Sequence[Any]]) -> dict[str, str]:
    """Return the parameter that tells the rows: each a text, a number, a truth or ``None``."""
    return {PARAMETER: json.dumps(list(values), separators=(",", ":"))}


def _of_sqlite(row: Any, at: int, kind: type[TypeEngine[Any]]) -> ColumnElement[Any]:
    return func.json_extract(row, literal_column(f"'$[{at}]'"), type_=kind)


def _of_postgres(row: Any, at: int, kind: type[TypeEngine[Any]]) -> ColumnElement[Any]:
    return cast(row.op("->>")(literal_column(str(at))), kind)


#: 64 bits everywhere; SQLite only counts up by itself in a column called INTEGER.
BigId = BigInteger().with_variant(Integer, "sqlite")


def closed_set(kind: type[StrEnum]) -> Enum:
    """Store a closed set by value, as text, so that adding a member needs no migration."""
    return Enum(kind, native_enum=False, length=24, values_callable=lambda e: [m.value for m in e])
