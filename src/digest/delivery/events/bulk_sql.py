"""Hides how one statement is executed for many rows: by the database driver, without the ORM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlmodel import Session

Row = tuple[Any, ...]


class BulkStatement:
    """A statement that is compiled once for each database dialect.

    *build* gets the dialect's name and returns the statement. *names* are its parameters, in the
    order of the values in a row; the values must be types the driver accepts without conversion.
    """

    def __init__(self, build: Callable[[str], Any], names: Sequence[str]) -> None:
        self._build, self._names = build, list(names)
        self._compiled: dict[str, tuple[str, Callable[[Row], Row] | None]] = {}

    def run(self, session: Session, rows: list[Row]) -> int:
        """Execute the statement for every row; return how many rows of the table it changed."""
        if not rows:
            return 0
        connection = session.connection()
        sql, order = self._compiled_for(connection)
        ordered = rows if order is None else [order(row) for row in rows]
        return connection.exec_driver_sql(sql, ordered).rowcount

    def _compiled_for(self, connection: Connection) -> tuple[str, Callable[[Row], Row] | None]:
        dialect_name = connection.dialect.name
        if dialect_name not in self._compiled:
            style = "qmark" if dialect_name == "sqlite" else "format"
            dialect: Any = type(connection.dialect)
            statement = self._build(dialect_name).compile(
                dialect=dialect(paramstyle=style), column_keys=self._names
            )
            places = [self._names.index(name) for name in statement.positiontup]
            same = places == list(range(len(self._names)))
            self._compiled[dialect_name] = (str(statement), None if same else itemgetter(*places))
        return self._compiled[dialect_name]
