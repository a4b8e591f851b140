"""Rows that reach a statement as one text of JSON: it is one statement, whatever their number.

A driver that runs a statement row by row lets go of the interpreter for each of them, and beside a
busy site waits to get it back each time; that costs more than the rows do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
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


def given(dialect: str, **columns: type[TypeEngine[Any]]) -> Subquery:
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


def rows(values: Iterable[Sequence[Any]]) -> dict[str, str]:
    """Return the parameter that tells the rows: each a text, a number, a truth or ``None``."""
    return {PARAMETER: json.dumps(list(values), separators=(",", ":"))}


def _of_sqlite(row: Any, at: int, kind: type[TypeEngine[Any]]) -> ColumnElement[Any]:
    return func.json_extract(row, literal_column(f"'$[{at}]'"), type_=kind)


def _of_postgres(row: Any, at: int, kind: type[TypeEngine[Any]]) -> ColumnElement[Any]:
    return cast(row.op("->>")(literal_column(str(at))), kind)
