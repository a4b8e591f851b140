"""The upgrade of a database: which revision it is at, and how it reaches the newest."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from digest.errors import DatabaseUnfit
from digest.migrations import job_queue_schema

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
    _require_known(connection)
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


def require_newest(connection: Connection) -> None:
    """Raise `DatabaseUnfit` for tables of another version; a database without tables passes.

    A sender on the tables of another version could record less than that version needs.
    """
    revision = current(connection)
    if revision is None:
        return
    if revision == newest():
        if (fault := job_queue_schema.unfit(connection)) is not None:
            raise fault
        return
    _require_known(connection)
    raise DatabaseUnfit(
        f"the database is at revision {revision}, and this version works with {newest()}",
        next_step="stop what else uses the database, then: digest init",
    )


def _require_known(connection: Connection) -> None:
    revision = current(connection)
    known = {script.revision for script in ScriptDirectory(str(HERE)).walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseUnfit(
            f"the database is at revision {revision}, which this version doesn't know",
            next_step="run the newer version of Digest that made it",
        )


def current(connection: Connection) -> str | None:
    """Return the revision of a database; ``None`` for a database without our tables."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def newest() -> str | None:
    """Return the newest revision, which this version of the engine works with.

    It is read once: a process goes on with the code that it has, whatever is installed meanwhile.
    """
    return ScriptDirectory(str(HERE)).get_current_head()


def config(connection: Connection) -> Config:
    """Return Alembic's configuration for one connection."""
    configuration = Config()
    configuration.set_main_option("script_location", str(HERE).replace("%", "%%"))
    configuration.attributes["connection"] = connection
    return configuration
