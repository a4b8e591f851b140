"""How SQLite and PostgreSQL differ: column types, upserts, bulk statements, and transactions.

A statement with a JSON parameter has the same text for any number of rows, so that the toolkit
compiles it once and no database's limit on parameters is met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from functools import cache
from itertools import islice
from operator import itemgetter
from typing import Any, Protocol, TypeVar

import orjson
import sqlmodel
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Enum,
    Index,
    Integer,
    Select,
    Subquery,
    Table,
    Text,
    bindparam,
    cast,
    event,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

_T = TypeVar("_T")
PARAMETER = "given"
#: Values a statement: SQLite allowed 999 parameters before 3.32 (sqlite.org/limits.html).
CHUNK_SIZE = 400


class UnitOfWork(Protocol):
    """A source of sessions, one per transaction; the interface hides which database it is."""

    def read(self) -> AbstractContextManager[sqlmodel.Session]:
        """Return a context manager that opens a session for reading only."""
        ...

    def write(self) -> AbstractContextManager[sqlmodel.Session]:
        """Return a context manager whose session commits durably at its end, or rolls back."""
        ...


class TableModel(SQLModel):
    """The base of every table's class.

    Its validator would be built on import, and no row is validated: what fills it was parsed.
    """

    model_config = {"defer_build": True}


#: 64 bits on both databases; SQLite numbers rows itself only in an INTEGER PRIMARY KEY column
#: (https://www.sqlite.org/autoinc.html).
BigId = BigInteger().with_variant(Integer, "sqlite")


def closed_set(kind: type[StrEnum]) -> Enum:
    """Return the type that stores an enum's values as text: a new member needs no migration."""
    return Enum(kind, native_enum=False, length=24, values_callable=lambda e: [m.value for m in e])


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index of the rows that *where* holds for, on both databases.

    PostgreSQL is told its condition where the table is created: to take it at once, the toolkit
    would load all that it knows of PostgreSQL, 3 MB in every process on SQLite.
    """
    index = Index(name, *columns, unique=unique, sqlite_where=text(where))

    def tell(_table: Table, connection: Connection, **_: object) -> None:
        if connection.dialect.name == "postgresql":
            index.kwargs["postgresql_where"] = text(where)

    event.listen(
        index, "after_parent_attach", lambda _, table: event.listen(table, "before_create", tell)
    )
    return index


def dialect(session: Session) -> str:
    """Return the dialect of the session's database: "sqlite" or "postgresql"."""
    return session.get_bind().dialect.name


def table(model: type[SQLModel]) -> Table:
    """Return a model's table, for statements that bypass the object mapper."""
    return model.metadata.tables[str(model.__tablename__)]


def upsert(session: Session, model: type[SQLModel]) -> Any:
    """Return an INSERT with ``on_conflict_do_…`` for the session's database."""
    return upsert_on(dialect(session), model)


def upsert_on(dialect: str, model: type[SQLModel]) -> Any:
    """Return an INSERT with ``on_conflict_do_…`` for a dialect's name; for cached statements."""
    if dialect == "sqlite":
        return sqlite.insert(table(model))
    from sqlalchemy.dialects import postgresql  # long to import

    return postgresql.insert(table(model))


def chunks(values: Iterable[_T], size: int = CHUNK_SIZE) -> Iterator[list[_T]]:
    """Yield lists of up to *size* values, in their order; *values* are read as they are needed."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


def json_rows(
    dialect: str, parameter: str = PARAMETER, /, **columns: type[TypeEngine[Any]]
) -> Subquery:
    """Return a table of *columns* whose rows are bound by `json_rows_parameter`.

    A statement with several such tables has a *parameter* for each.
    """
    document = bindparam(parameter, type_=Text)
    if dialect == "sqlite":
        row, cell = func.json_each(document).table_valued("value"), _of_sqlite
    else:
        row = func.json_array_elements(cast(document, JSON)).table_valued("value")
        cell = _of_postgres
    cells = [
        cell(row.c.value, at, kind).label(name) for at, (name, kind) in enumerate(columns.items())
    ]
    return select(*cells).subquery(parameter)


def json_rows_parameter(
    values: Iterable[Sequence[Any]], parameter: str = PARAMETER
) -> dict[str, str]:
    """Return the parameter that binds rows of texts, numbers, booleans and ``None``."""
    return {parameter: orjson.dumps(list(values), default=tuple).decode()}


def _of_sqlite(row: Any, at: int, kind: type[TypeEngine[Any]]) -> ColumnElement[Any]:
    return func.json_extract(row, literal_column(f"'$[{at}]'"), type_=kind)


def _of_postgres(row: Any, at: int, kind: type[TypeEngine[Any]]) -> ColumnElement[Any]:
    return cast(row.op("->>")(literal_column(str(at))), kind)


Row = tuple[Any, ...]


def to_driver(session: Session, column: Column[Any]) -> Callable[[Any], Any]:
    """Return the function that makes a column's value one that the session's driver takes."""
    dialect = session.get_bind().dialect
    return column.type.dialect_impl(dialect).bind_processor(dialect) or _same


def from_driver(session: Session, column: Column[Any]) -> Callable[[Any], Any]:
    """Return the function that makes a column's value of one that the driver returned."""
    dialect = session.get_bind().dialect
    process = column.type.dialect_impl(dialect).result_processor(dialect, None)
    return cache(process) if process else _same  # many rows of one statement have the same


def _same(value: Any) -> Any:
    return value


class BulkStatement:
    """A statement that the database driver executes, without the object mapper and its types.

    *build* gets the dialect's name and returns the statement, which is compiled once for each
    dialect. *names* are its parameters, in the order of the values in a row; the values must be
    types the driver accepts without conversion, and what it returns isn't converted either.
    """

    def __init__(self, build: Callable[[str], Any], names: Sequence[str]) -> None:
        self._build, self._names = build, list(names)
        self._compiled: dict[str, tuple[str, Callable[[Row], Row] | None]] = {}

    def run(self, session: Session, rows: list[Row]) -> int:
        """Execute the statement for every row; return how many rows of the table it changed."""
        if not rows:
            return 0
        connection = session.connection()
        text, order = self._compiled_for(connection)
        ordered = rows if order is None else [order(row) for row in rows]
        changed: int = _execute(connection, text, ordered).rowcount
        return changed

    def fetch(self, session: Session, row: Row) -> Sequence[Sequence[Any]]:
        """Execute the statement for one row of parameters, and return all that it selects."""
        connection = session.connection()
        text, order = self._compiled_for(connection)
        parameters = row if order is None else order(row)
        found: Sequence[Sequence[Any]] = _execute(connection, text, parameters).fetchall()
        return found

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


def _execute(connection: Connection, text: str, parameters: Row | list[Row]) -> Any:
    """Execute a statement for one row or a list of rows; return what has its rows and their count.

    SQLite's driver is called at once: the toolkit's own call takes longer than a short statement.
    """
    if connection.dialect.name != "sqlite":
        return connection.exec_driver_sql(text, parameters)
    driver: Any = connection.connection.driver_connection
    failures: Any = connection.dialect.loaded_dbapi.Error
    try:
        if isinstance(parameters, list):
            return driver.executemany(text, parameters)
        return driver.execute(text, parameters)
    except failures as fault:
        raise DBAPIError.instance(text, None, fault, failures) from None


class OneReadQuery:
    """A statement whose rows SQLite returns as one JSON text, sorted by their first column.

    Its columns are numbers, texts or NULL.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        first = next(iter(statement.selected_columns))
        self._plain = statement.order_by(first)
        # A limit of -1 is no limit, but makes SQLite plan the subquery on its own: without it the
        # order is dropped, and with the order the index range, so the whole audience is read.
        rows = self._plain.limit(-1).subquery()
        self._as_text = select(func.json_group_array(func.json_array(*rows.c)))

    def all(self, session: Session, parameters: Mapping[str, Any]) -> list[Sequence[Any]]:
        """Return the rows of the statement, run with the parameters *parameters*."""
        connection = session.connection()
        if connection.dialect.name != "sqlite":  # the driver fetches all rows at once
            return list(connection.execute(self._plain, parameters))
        text: str = connection.execute(self._as_text, parameters).scalar_one()
        rows: list[Sequence[Any]] = orjson.loads(text)
        return sorted(rows, key=itemgetter(0))  # SQL doesn't guarantee an aggregate's order
