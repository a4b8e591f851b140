"""Brings a database to the newest revision, and says where it stands."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

HERE = Path(__file__).parent


def upgrade(connection: Connection) -> bool:
    """Run the revisions that are missing; false when there are none. The caller commits."""
    if current(connection) == newest():
        return False
    command.upgrade(config(connection), "head")
    return True


def current(connection: Connection) -> str | None:
    """Return the revision a database is at; ``None`` when it has no tables of ours."""
    return MigrationContext.configure(connection).get_current_revision()


def newest() -> str | None:
    """Return the revision this version of the engine works with."""
    return ScriptDirectory(str(HERE)).get_current_head()


def config(connection: Connection) -> Config:
    """Return Alembic's configuration for one connection."""
    made = Config()
    made.set_main_option("script_location", str(HERE).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made
