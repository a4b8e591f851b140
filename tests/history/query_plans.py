"""See which statements a piece of work runs, and ask the database how it would run each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, event

from digest.db import Database

#: Indexes that hold few rows of their table, so that all of one may be read: the votes held back.
OF_FEW = {"ix_vote_held"}


@dataclass
class SeenStatements:
    """The statements that ran, with the parameters of the first time each did."""

    first: dict[str, Any] = field(default_factory=dict)
    ran: int = 0  #: how many statements, repeated ones included

    def note(self, statement: str, parameters: Any, *, many: bool) -> None:
        """Keep a statement, and one set of parameters."""
        if statement.lstrip("( ").split(maxsplit=1)[0].upper() in _WITH_A_PLAN:
            self.ran += 1
            self.first.setdefault(statement, parameters[0] if many else parameters)


_WITH_A_PLAN = {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}


@contextmanager
def seen_statements(database: Database) -> Iterator[SeenStatements]:
    """Yield what this database's engine is asked from now on."""
    seen = SeenStatements()

    def before(_c: Any, _cursor: Any, statement: str, given: Any, _x: Any, many: bool) -> None:
        seen.note(statement, given, many=many)

    event.listen(database.engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", before)


def scans(connection: Connection, statement: str, parameters: Any, tables: set[str]) -> set[str]:
    """Return which of these *tables* the database would read as a whole; nothing is run.

    Reading all of an index is a scan, too, unless it is read in order up to a limit. A server is
    told that a scan is dear, as it is once the table is large: it prefers one where it is small.
    Below a limit it may prefer one at any size, since it hopes to find what it looks for early; in
    what is sorted by age, the newest is last.
    """
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return _scanned_by_sqlite([str(row[-1]) for row in rows], statement, tables)
    hopes = set(_hoped_for(_plan(connection, statement, parameters), tables))
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    scanned = _scanned_by_postgresql(_plan(connection, statement, parameters), tables)
    connection.exec_driver_sql("SET LOCAL enable_seqscan = on")
    return hopes.union(scanned)


def _plan(connection: Connection, statement: str, parameters: Any) -> dict[str, Any]:
    rows = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    plan: dict[str, Any] = rows.scalar_one()[0]["Plan"]
    return plan


def _hoped_for(plan: dict[str, Any], tables: set[str], *, limited: bool = False) -> Iterator[str]:
    """Yield the tables that are read from their begin until a limit is reached."""
    table = plan.get("Relation Name")
    if limited and table in tables and plan["Node Type"] == "Seq Scan" and "Filter" in plan:
        yield table
    for below in plan.get("Plans", []):
        yield from _hoped_for(below, tables, limited=plan["Node Type"] == "Limit")


def _scanned_by_sqlite(plan: list[str], statement: str, tables: set[str]) -> set[str]:
    in_order = "LIMIT" in statement and not any("TEMP B-TREE" in line for line in plan)
    scanned = {
        line.split()[1]
        for line in plan
        if line.startswith("SCAN ") and not (in_order and " USING " in line)
    }
    return {table for table in tables if scanned & _names_of(table, statement)}


def _names_of(table: str, statement: str) -> set[str]:
    """Return what a table is called in a statement, which may give it another name."""
    aliases = re.findall(rf"\b{table} AS (\w+)", statement)
    return {table, *aliases}


def _scanned_by_postgresql(plan: dict[str, Any], tables: set[str], most: int = 0) -> Iterator[str]:
    """Yield the tables that a plan reads as a whole; below a limit, an index is read in order."""
    table = plan.get("Relation Name")
    by_index = "Index Cond" in plan or "Recheck Cond" in plan
    in_order = most == 1 and plan["Node Type"].startswith("Index")
    of_few = plan.get("Index Name") in OF_FEW
    skipped = by_index or in_order or of_few or plan["Node Type"] == "ModifyTable"
    if table in tables and not skipped:
        yield table
    inner = 1 if plan["Node Type"] == "Limit" else 0
    for below in plan.get("Plans", []):
        yield from _scanned_by_postgresql(below, tables, inner)
