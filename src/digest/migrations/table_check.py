"""The comparison of a database's tables with the models: which differences do harm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from digest.errors import DatabaseUnfit
from digest.migrations.all_tables import METADATA, is_in_models
from digest.migrations.upgrade import OTHER_TABLES

_SHOWN = 5
_COMPARING = {"compare_type": True, "include_name": is_in_models}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One difference between the tables and the models."""

    says: str
    harmful: bool  #: whether the engine relies on what is missing or different


def differences(connection: Connection) -> list[Difference]:
    """Return where the tables differ from the models; ignore further tables and indexes."""
    context = MigrationContext.configure(connection, opts=_COMPARING)
    return [
        difference
        for change in _flat(compare_metadata(context, METADATA))
        if (difference := _difference(change))
    ]


def require_right(connection: Connection) -> None:
    """Raise `DatabaseUnfit` where the tables lack something that the engine relies on."""
    harmful = [difference for difference in differences(connection) if difference.harmful]
    if harmful:
        raise DatabaseUnfit(unlike(harmful), next_step=OTHER_TABLES)


def unlike(differences: Sequence[Difference]) -> str:
    """Return one line that names the first five differences."""
    shown = ", ".join(difference.says for difference in differences[:_SHOWN])
    more = f" and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    return f"its tables aren't those of its revision: {shown}{more}"


def _flat(changes: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the changes one by one; Alembic gives the changes of one column as a list."""
    for change in changes:
        yield from change if isinstance(change, list) else [change]


def _difference(change: tuple[Any, ...]) -> Difference | None:
    """Return the difference behind an operation of Alembic; ``None`` where it may be ignored."""
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
    matters = verb == "add" and (
        kind != "index" or bool(what.unique)
    )  # without another index queries are only slower
    return Difference(says=f"{there} {kind} of {what.table.name}.{columns}", harmful=matters)
