"""The job queue's tables on PostgreSQL: which of the library's migrations a database has had.

Procrastinate ships its schema, and a file for each change of it since. A new database gets the
schema, which has all of the files in it; an older one gets the files it lacks, in their order. The
table `job_queue_migration` names those it has. SQLite has no job queue, and none of these tables.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, column, insert, select, table

from digest.errors import DatabaseUnfit, PackageMissing

#: What Alembic and the comparison with the models leave alone.
NAMES = ("procrastinate_", "idx_procrastinate_", "job_queue_migration")
_APPLIED = table("job_queue_migration", column("file"))
_MAKE = "CREATE TABLE IF NOT EXISTS job_queue_migration (file VARCHAR(200) PRIMARY KEY)"


def library() -> Path | None:
    """Return the folder of the library's SQL; ``None`` where the library isn't installed."""
    found = find_spec("procrastinate")  # importing it would take longer than most commands
    places = found.submodule_search_locations if found else None
    return Path(places[0]) / "sql" if places else None


def bring_up(connection: Connection, shipped: Callable[[], Path | None] = library) -> bool:
    """Apply what a database lacks of the library's SQL; return whether there was any.

    The caller commits. Raise `PackageMissing` where the tables are to be made and the library isn't
    installed.
    """
    if connection.dialect.name == "sqlite":
        return False
    source, applied = shipped(), _applied(connection)
    if source is None and not applied:
        raise PackageMissing("PostgreSQL needs a package that isn't installed: procrastinate")
    missing = _files(source) - applied if source else set()
    if not source or not missing:
        return False
    connection.exec_driver_sql(_MAKE)
    files = [source / "migrations" / name for name in sorted(missing)]
    for path in files if applied else [source / "schema.sql"]:
        _execute(connection, path.read_text(encoding="utf-8"))
    connection.execute(insert(_APPLIED), [{"file": name} for name in sorted(missing)])
    return True


def unfit(
    connection: Connection, shipped: Callable[[], Path | None] = library
) -> DatabaseUnfit | None:
    """Return why tables and library don't fit; ``None`` where they do, or where it isn't installed.

    A database without any of the tables fits: the revision that makes them has yet to run.
    """
    if connection.dialect.name == "sqlite":
        return None
    source, applied = shipped(), _applied(connection)
    files = _files(source) if source and applied else applied
    if files - applied:
        return DatabaseUnfit(
            "the job queue's tables are older than the Procrastinate that is installed",
            next_step="stop what else uses the database, then: digest init",
        )
    if applied - files:
        return DatabaseUnfit(
            "the job queue's tables are newer than the Procrastinate that is installed",
            next_step="install the one that another machine has: pip install -U procrastinate",
        )
    return None


def drop(connection: Connection) -> None:
    """Drop every table, type and function of the job queue; the caller commits."""
    if connection.dialect.name != "sqlite":
        _execute(connection, _DROP)


def _applied(connection: Connection) -> set[str]:
    there = connection.exec_driver_sql("SELECT to_regclass('job_queue_migration')").scalar()
    return set(connection.execute(select(_APPLIED.c.file)).scalars()) if there else set()


def _files(source: Path) -> set[str]:
    return {path.name for path in (source / "migrations").glob("*.sql")}


def _execute(connection: Connection, statements: str) -> None:
    """Execute many statements at once; none has parameters, and a percent sign means itself."""
    cursor: Any = connection.connection.cursor()
    cursor.execute(statements)
    cursor.close()


_DROP = r"""
DROP TABLE IF EXISTS procrastinate_events, procrastinate_periodic_defers, procrastinate_jobs,
  procrastinate_workers, job_queue_migration CASCADE;
DROP TYPE IF EXISTS procrastinate_job_to_defer_v1, procrastinate_job_status,
  procrastinate_job_event_type CASCADE;
DO $$
DECLARE name regprocedure;
BEGIN
  FOR name IN SELECT oid FROM pg_proc
    WHERE proname LIKE 'procrastinate\_%' AND pronamespace = current_schema()::regnamespace
  LOOP EXECUTE 'DROP FUNCTION ' || name || ' CASCADE'; END LOOP;
END $$;
"""
