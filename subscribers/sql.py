"""How SQLite and PostgreSQL differ: column types, and rows of values passed as one JSON parameter.

A statement with a JSON parameter has the same text for any number of rows, so that the toolkit
compiles it once and no database's limit on parameters is met.
"""

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
    """Return a table of *columns* whose rows are bound by `json_rows_parameter`."""
    document = bindparam(PARAMETER, type_=Text)
    if dialect == "sqlite":
        row, cell = func.json_each(document).table_valued("value"), _of_sqlite
    else:
        row = func.json_array_elements(cast(document, JSON)).table_valued("value")
        cell = _of_postgres
    cells = [
        cell(row.c.value, at, kind).label(name) for at, (name, kind) in enumerate(columns.items())
    ]
    return select(*cells).subquery(PARAMETER)


def json_rows_parameter(values: Iterable[Sequence[Any]]) -> dict[str, str]:
    """Return the parameter that binds rows of texts, numbers, booleans and ``None``."""
    return {PARAMETER: json.dumps(list(values), separators=(",", ":"))}


def _of_sqlite(row: Any, at: int, kind: type[TypeEngine[Any]]) -> ColumnElement[Any]:
    return func.json_extract(row, literal_column(f"'$[{at}]'"), type_=kind)


def _of_postgres(row: Any, at: int, kind: type[TypeEngine[Any]]) -> ColumnElement[Any]:
    return cast(row.op("->>")(literal_column(str(at))), kind)


#: 64 bits on both databases; SQLite numbers rows itself only in an INTEGER PRIMARY KEY column
#: (https://www.sqlite.org/autoinc.html).
BigId = BigInteger().with_variant(Integer, "sqlite")


def closed_set(kind: type[StrEnum]) -> Enum:
    """Return the type that stores an enum's values as text: a new member needs no migration."""
    return Enum(kind, native_enum=False, length=24, values_callable=lambda e: [m.value for m in e])
