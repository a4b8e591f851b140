"""The upgrade of a database: how it reaches the newest revision, and what may keep it from that."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from digest.errors import DatabaseUnfit
from digest.migrations import job_queue_schema
from digest.migrations.revision import current, newest, require_known

HERE = Path(__file__).parent
#: The next step for tables that no revision makes.
OTHER_TABLES = (
    "no upgrade mends that: restore a backup whose tables are right. A database made by a version"
    " between two releases has none: keep its file, and set up a new one elsewhere"
)
#: Advisory lock on PostgreSQL, held from reading the revision until the commit.
_UPGRADING = func.hashtext("digest upgrade")
_ABOUT_TABLES = ("already exists", "no such table", "no such column", "does not exist")


def upgrade(connection: Connection) -> bool:
    """Run the missing revisions, and those of the job queue; return false where there are none.

    The caller commits; until then, another machine's upgrade waits. Raise `DatabaseUnfit` for an
    unknown revision, or for tables that no revision has made.
    """
    if connection.dialect.name != "sqlite":  # SQLite admits one writer at a time
        connection.execute(select(func.pg_advisory_xact_lock(_UPGRADING)))
    before = current(connection)
    if before == newest():
        return job_queue_schema.bring_up(connection)
    require_known(before)
    try:
        command.upgrade(config(connection), "head")
    except (OperationalError, ProgrammingError) as fault:
        words = str(fault.orig).partition("\n")[0]
        if not any(known in words for known in _ABOUT_TABLES):
            raise
        at = f"those of revision {before}" if before else "ours"
        raise DatabaseUnfit(f"its tables aren't {at}: {words}", next_step=OTHER_TABLES) from fault
    job_queue_schema.bring_up(connection)  # the revision that makes its tables may have run before
    return True


def config(connection: Connection) -> Config:
    """Return Alembic's configuration for one connection."""
    configuration = Config()
    configuration.set_main_option("script_location", str(HERE).replace("%", "%%"))
    configuration.attributes["connection"] = connection
    return configuration
