"""Whether the tables of a database are those of its revision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from digest.errors import DatabaseUnfit
from digest.migrations.schema import METADATA
from digest.migrations.upgrade import OTHER_TABLES

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One place where the tables aren't what the models say."""

    says: str
    harmful: bool  #: the engine relies on what isn't there; otherwise there is merely more


def differences(connection: Connection) -> list[Difference]:
    """Compare the tables with the models; others' tables and further indexes don't count."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return [told for each in _flat(compare_metadata(context, METADATA)) if (told := _told(each))]


def require_right(connection: Connection) -> None:
    """Raise `DatabaseUnfit` when the engine relies on something the tables haven't got."""
    lacking = [each for each in differences(connection) if each.harmful]
    if lacking:
        raise DatabaseUnfit(unlike(lacking), next_step=OTHER_TABLES)


def unlike(found: Sequence[Difference]) -> str:
    """Name what differs, in one line."""
    shown = ", ".join(each.says for each in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"its tables aren't those of its revision: {shown}{more}"


def _flat(found: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield one change after the other: those of one column come as a list."""
    for each in found:
        yield from each if isinstance(each, list) else [each]


def _told(change: tuple[Any, ...]) -> Difference | None:
    """Say what there is, where Alembic says what would have to be done to it."""
    act, *rest = change
    verb, _, kind = act.partition("_")
    if act in {"remove_table", "remove_index"} or act.endswith("comment"):
        return None
    if verb == "modify":
        return Difference(says=f"another {kind} of {rest[1]}.{rest[2]}", harmful=True)
    what, there = rest[-1], "one more" if verb == "remove" else "no"
    if kind == "table":
        return Difference(says=f"no table {what.name}", harmful=True)
    if kind == "column":
        return Difference(says=f"{there} column {rest[1]}.{what.name}", harmful=verb == "add")
    columns = ", ".join(column.name for column in what.columns)
    matters = verb == "add" and (kind != "index" or bool(what.unique))  # others are only slower
    return Difference(says=f"{there} {kind} of {what.table.name}.{columns}", harmful=matters)
