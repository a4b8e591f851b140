"""The job queue's tables: made and brought up as its library ships them, or refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection

from digest.db import Database
from digest.errors import DatabaseUnfit
from digest.migrations import job_queue_schema
from digest.migrations.job_queue_schema import bring_up, library, unfit
from digest.migrations.revision import require_newest
from digest.migrations.upgrade import config, upgrade

postgres = pytest.mark.postgres
LATER = "99.00.00_01_pre_later.sql"


@pytest.fixture
def later(tmp_path: Path) -> Callable[[], Path]:
    """The library's SQL as a later version may ship it, with one file more."""
    shipped = library()
    assert shipped is not None
    source = tmp_path / "sql"
    shutil.copytree(shipped, source)
    (source / "migrations" / LATER).write_text("CREATE TABLE procrastinate_later (a int); -- 100%")
    return lambda: source


def applied(connection: Connection) -> set[str]:
    return set(connection.exec_driver_sql("SELECT file FROM job_queue_migration").scalars())


def ours(connection: Connection) -> int:
    """Count the tables, types and functions of the job queue."""
    count = connection.exec_driver_sql(
        "SELECT (SELECT count(*) FROM pg_class WHERE relname LIKE 'procrastinate%%')"
        " + (SELECT count(*) FROM pg_type WHERE typname LIKE 'procrastinate%%')"
        " + (SELECT count(*) FROM pg_proc WHERE proname LIKE 'procrastinate%%')"
    )
    return int(count.scalar_one())


@postgres
def test_a_new_database_has_all_that_the_installed_library_ships(bare_postgres: Database) -> None:
    shipped = library()
    assert shipped is not None
    with bare_postgres.write() as session:
        connection = session.connection()
        upgrade(connection)
        assert applied(connection) == {path.name for path in shipped.glob("migrations/*.sql")}
        assert ours(connection) > 0
        require_newest(connection)


@postgres
def test_a_database_without_a_later_file_is_refused_and_brought_up(
    bare_postgres: Database, later: Callable[[], Path]
) -> None:
    with bare_postgres.write() as session:
        connection = session.connection()
        upgrade(connection)
        fault = unfit(connection, later)
        assert fault is not None
        assert "older than the Procrastinate" in str(fault)
        assert "digest init" in str(fault.next_step)
        assert bring_up(connection, later)
        assert unfit(connection, later) is None
        assert not bring_up(connection, later)
        assert connection.exec_driver_sql("SELECT a FROM procrastinate_later").all() == []


@postgres
def test_an_upgrade_brings_up_a_database_whose_revision_is_the_newest(
    bare_postgres: Database,
) -> None:
    with bare_postgres.write() as session:
        connection = session.connection()
        upgrade(connection)
        assert not upgrade(connection)
        connection.exec_driver_sql(
            "DELETE FROM job_queue_migration"
            " WHERE file = (SELECT max(file) FROM job_queue_migration)"
        )
        with pytest.raises(DatabaseUnfit):
            require_newest(connection)
        assert upgrade(connection)
        require_newest(connection)


@postgres
def test_an_older_library_is_refused(bare_postgres: Database, later: Callable[[], Path]) -> None:
    with bare_postgres.write() as session:
        connection = session.connection()
        upgrade(connection)
        bring_up(connection, later)
        with pytest.raises(DatabaseUnfit, match="newer than the Procrastinate"):
            require_newest(connection)


@postgres
def test_a_downgrade_leaves_nothing_of_it(bare_postgres: Database) -> None:
    with bare_postgres.write() as session:
        connection = session.connection()
        upgrade(connection)
        command.downgrade(config(connection), "0018")
        assert ours(connection) == 0


@postgres
def test_without_the_library_the_step_says_what_to_install(bare_postgres: Database) -> None:
    with bare_postgres.write() as session:
        connection = session.connection()
        with pytest.raises(DatabaseUnfit, match="isn't installed: procrastinate") as fault:
            bring_up(connection, lambda: None)
        assert str(fault.value.next_step) == 'pip install "digest-engine[postgres]"'


def test_sqlite_has_none_of_it(bare_sqlite: Database) -> None:
    with bare_sqlite.write() as session:
        connection = session.connection()
        upgrade(connection)
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars()
        assert [name for name in tables if name.startswith(job_queue_schema.NAMES)] == []
