"""The Alembic environment: revisions run on the connection given, in one transaction."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import BigInteger, Enum
from sqlalchemy.dialects import sqlite
from sqlmodel.sql.sqltypes import UTCDateTime

from digest.migrations.all_tables import METADATA, is_in_models

SQLITE = sqlite.dialect()


def _render(kind: str, value: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Return the source of a column type: a name of `kinds`, or text for an enum."""
    if kind != "type":
        return False
    if isinstance(value, Enum):
        return f"sa.String({value.length})"
    named = "MOMENT" if isinstance(value, UTCDateTime) else None
    if isinstance(value, BigInteger) and value.compile(SQLITE) == "INTEGER":
        named = "BIG_ID"
    if named is None:
        return False
    autogen.imports.add(f"from digest.migrations.kinds import {named}")
    return named


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite can't alter a table in place
    render_item=_render,
    compare_type=True,
    include_name=is_in_models,
)
with context.begin_transaction():
    context.run_migrations()
