"""Runs one statement for many rows by the driver itself: no objects, no conversion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlmodel import Session

Row = tuple[Any, ...]


class BulkStatement:
    """A statement that is compiled once for each kind of database.

    *build* gets the dialect's name and returns the statement; *names* are its parameters in the
    order of the rows' values, which must be what the driver takes as it is.
    """

    def __init__(self, build: Callable[[str], Any], names: Sequence[str]) -> None:
        self._build, self._names = build, list(names)
        self._compiled: dict[str, tuple[str, Callable[[Row], Row] | None]] = {}

    def run(self, session: Session, rows: list[Row]) -> int:
        """Run it for every row; returns how many rows of the table it touched."""
        if not rows:
            return 0
        connection = session.connection()
        sql, order = self._of(connection)
        ordered = rows if order is None else [order(row) for row in rows]
        return connection.exec_driver_sql(sql, ordered).rowcount

    def _of(self, connection: Connection) -> tuple[str, Callable[[Row], Row] | None]:
        name = connection.dialect.name
        if name not in self._compiled:
            style = "qmark" if name == "sqlite" else "format"
            dialect: Any = type(connection.dialect)
            made = self._build(name).compile(
                dialect=dialect(paramstyle=style), column_keys=self._names
            )
            places = [self._names.index(each) for each in made.positiontup]
            same = places == list(range(len(self._names)))
            self._compiled[name] = (str(made), None if same else itemgetter(*places))
        return self._compiled[name]
