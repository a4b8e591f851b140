"""Which revision a database is at, and whether this version of the engine works with it.

Every command that sends asks, so that is found out without Alembic, which takes 9 MB of memory and
would import each revision: a database names its own in one row, and the files' names tell the rest.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from digest.errors import DatabaseUnfit
from digest.migrations import job_queue_schema

_AT = table("alembic_version", column("version_num"))


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
    require_known(revision)
    raise DatabaseUnfit(
        f"the database is at revision {revision}, and this version works with {newest()}",
        next_step="stop what else uses the database, then: digest init",
    )


def require_known(revision: str | None) -> None:
    """Raise `DatabaseUnfit` for a revision that this version doesn't have."""
    if revision is not None and revision not in revisions():
        raise DatabaseUnfit(
            f"the database is at revision {revision}, which this version doesn't know",
            next_step="run the newer version of Digest that made it",
        )


def current(connection: Connection) -> str | None:
    """Return the revision of a database; ``None`` for a database without our tables."""
    if not inspect(connection).has_table(_AT.name):
        return None
    return connection.execute(select(_AT.c.version_num)).scalar_one_or_none()


def newest() -> str:
    """Return the newest revision, which this version of the engine works with."""
    return revisions()[-1]


@cache
def revisions() -> list[str]:
    """Return this version's revisions, oldest first; a file is named for the one in it.

    They are read once: a process goes on with the code that it has, whatever is installed
    meanwhile.
    """
    files = (Path(__file__).parent / "versions").glob("v[0-9]*.py")
    return sorted(path.name.removeprefix("v").partition("_")[0] for path in files)
