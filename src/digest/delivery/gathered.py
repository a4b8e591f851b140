"""Reads the rows of a statement in one go: beside a busy site, each row asked for is a wait.

SQLite's driver lets go of the interpreter for each row, and another thread that has much to do
gives it back late: a batch of a thousand readers took seconds while the site was flooded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import Select, func, select
from sqlmodel import Session


class Gathered:
    """A statement whose rows are numbers, texts and NULL, sorted by the number they begin with."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        first = next(iter(statement.selected_columns))
        self._plain = statement.order_by(first)
        # The limit is none, and yet has SQLite plan this as if it stood alone: without one it
        # forgets the order, and with it where to begin, and reads the whole audience.
        rows = self._plain.limit(-1).subquery()
        self._as_text = select(func.json_group_array(func.json_array(*rows.c)))

    def all(self, session: Session, given: Mapping[str, Any]) -> list[Sequence[Any]]:
        """Run it; returns its rows."""
        connection = session.connection()
        if connection.dialect.name != "sqlite":  # this driver reads them all in any case
            return list(connection.execute(self._plain, given))
        text: str = connection.execute(self._as_text, given).scalar_one()
        rows: list[Sequence[Any]] = orjson.loads(text)
        return sorted(rows, key=itemgetter(0))  # a group's order isn't promised
