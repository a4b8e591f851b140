"""The database: connection settings, transactions, and refused addresses."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
from sqlalchemy import URL, event, text
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError, SQLAlchemyError

from digest.db import BUSY_SECONDS, CACHE_KIB, SMALL_CACHE_KIB, Database, sqlite_url, unfit
from digest.errors import DatabaseUnfit
from digest.issues.models import Newsletter

ADDRESS = "reader@example.org"


def execute(database: Database, statement: str, **values: Any) -> None:
    with database.write() as session:
        session.connection().execute(text(statement), values)


def names(database: Database) -> list[str]:
    with database.read() as session:
        return [row[0] for row in session.connection().execute(text("SELECT slug FROM newsletter"))]


def weekly() -> Newsletter:
    return Newsletter(slug="weekly", name="Weekly AI Tool Verdicts")


@pytest.mark.parametrize("way", ["read", "write"])
@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL: with less, a claim isn't on disk before its request leaves
        ("foreign_keys", 1),
        ("cache_size", -CACHE_KIB),
        ("busy_timeout", BUSY_SECONDS * 1000),
    ],
)
def test_every_connection_to_sqlite_is_safe(
    sqlite_database: Database, way: str, pragma: str, value: object
) -> None:
    with getattr(sqlite_database, way)() as session:
        assert session.connection().execute(text(f"PRAGMA {pragma}")).scalar() == value


def test_what_reads_on_and_on_keeps_less_of_the_file_in_memory(sqlite_database: Database) -> None:
    sqlite_database.cache_less()
    with sqlite_database.read() as session:
        assert session.connection().execute(text("PRAGMA cache_size")).scalar() == -SMALL_CACHE_KIB


def test_a_writer_holds_the_lock_from_its_first_moment(sqlite_database: Database) -> None:
    with closing(sqlite3.connect(str(sqlite_database.url.database), timeout=0)) as other:
        with sqlite_database.write() as session:
            session.connection().execute(text("SELECT 1"))  # it has only read so far
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")


def test_a_file_that_is_spoilt_while_in_use_is_told_like_any_other_fault(
    sqlite_database: Database,
) -> None:
    path = Path(str(sqlite_database.url.database))
    names(sqlite_database)
    with closing(sqlite3.connect(path)) as other:
        other.execute("INSERT INTO wording (hash, text) VALUES ('a', 'b')")
        other.commit()
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        path.write_bytes(b"spoilt" * 10_000)

    with pytest.raises(DatabaseError, match="not a database") as fault:
        execute(sqlite_database, "DELETE FROM wording")
    assert "restore a backup" in str(unfit(fault.value).next_step)


def test_one_who_reads_keeps_nobody_from_writing(sqlite_database: Database) -> None:
    path = str(sqlite_database.url.database)
    with closing(sqlite3.connect(path, timeout=0)) as other, sqlite_database.read() as session:
        session.connection().execute(text("SELECT 1"))
        other.execute("BEGIN IMMEDIATE")


def test_a_reader_sees_one_moment_while_another_writes(sqlite_database: Database) -> None:
    with sqlite_database.read() as session:
        count = text("SELECT count(*) FROM newsletter")
        before = session.connection().execute(count).scalar()
        with sqlite_database.write() as writer:
            writer.add(weekly())
        assert session.connection().execute(count).scalar() == before == 0
    assert names(sqlite_database) == ["weekly"]


def test_the_mark_differs_after_whoever_committed(database: Database) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    marks = [database.mark()]
    for writer, slug in ((database, "one"), (other, "two")):
        with writer.write() as session:
            session.add(Newsletter(slug=slug, name=slug))
        marks.append(database.mark())
    other.close()
    assert marks[0] != marks[1] != marks[2]


def test_the_mark_of_a_file_stays_while_nothing_is_committed(sqlite_database: Database) -> None:
    mark = sqlite_database.mark()
    assert names(sqlite_database) == []
    assert sqlite_database.mark() == mark


def test_where_another_connection_may_see_another_database_no_mark_equals_another(
    tmp_path: Path,
) -> None:
    database = Database(f"sqlite:///file:{tmp_path / 'digest.db'}?uri=true")
    assert database.mark() != database.mark()


def test_what_fails_half_way_leaves_nothing(database: Database) -> None:
    with suppress(ZeroDivisionError), database.write() as session:
        session.add(weekly())
        session.flush()
        raise ZeroDivisionError
    assert names(database) == []


def test_an_inserted_row_is_counted(database: Database) -> None:
    with database.write() as session:
        done = session.connection().execute(
            text("INSERT INTO wording (hash, text) SELECT 'a', 'b' UNION SELECT 'c', 'd'")
        )
        assert done.rowcount == 2


def test_an_unknown_parent_is_refused(database: Database) -> None:
    with pytest.raises(IntegrityError):
        execute(
            database,
            "INSERT INTO placement (issue_id, position, comparison_id, revision_id)"
            " VALUES (99, 1, 99, 99)",
        )


def test_an_error_does_not_tell_the_values(database: Database) -> None:
    with pytest.raises(DatabaseError) as fault:
        execute(database, "SELECT :address FROM nowhere", address=ADDRESS)
    assert ADDRESS not in str(fault.value)
    assert "hidden" in str(fault.value)


def test_D04_a_file_that_is_overwritten_meanwhile_ends_the_next_write_with_a_clear_error(
    sqlite_database: Database,
) -> None:
    path = sqlite_database.path
    assert path is not None
    assert names(sqlite_database) == []
    with closing(sqlite3.connect(path)) as other:  # so that no page in memory counts any more
        for number in range(2):
            other.execute(f"PRAGMA user_version={number + 1}")
            other.execute("PRAGMA wal_checkpoint")
        with path.open("r+b") as file:
            file.write(b"garbage!" * 64)
    with pytest.raises(DatabaseError) as fault:
        execute(sqlite_database, "DELETE FROM newsletter")
    assert "not a database" in str(unfit(fault.value))


@pytest.mark.parametrize("url", ["digest.db", "", "what://ever", "://"])
def test_what_is_no_database_address_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUnfit, match=r"sqlite:///digest\.db"):
        Database(url)


def test_a_password_with_a_sign_of_its_own_is_not_quoted() -> None:
    with pytest.raises(DatabaseUnfit) as fault:
        Database("postgresql://ann:pa@ss@localhost/digest")
    assert "pa" not in str(fault.value).replace("password", "")
    assert "%40" in (fault.value.next_step or "")


@pytest.mark.parametrize("url", ["mysql://ann:pass-word@localhost/digest", "redis://localhost"])
def test_a_database_of_another_make_is_refused_without_advice_that_leads_nowhere(url: str) -> None:
    with pytest.raises(DatabaseUnfit, match=r"SQLite.*PostgreSQL") as fault:
        Database(url)
    assert fault.value.next_step is None
    assert "pass-word" not in str(fault.value)


@pytest.mark.parametrize(
    ("url", "driver", "instead"),
    [
        ("postgresql+asyncpg://ann@localhost/digest", "asyncpg", "postgresql://"),
        ("postgres+psycopg2://ann@localhost/digest", "psycopg2", "postgresql://"),
        ("sqlite+aiosqlite:///digest.db", "aiosqlite", "sqlite://"),
    ],
)
def test_another_driver_is_refused_with_the_address_that_works(
    url: str, driver: str, instead: str
) -> None:
    with pytest.raises(DatabaseUnfit, match=f"the driver {driver}") as fault:
        Database(url)
    assert instead in str(fault.value.next_step)


@pytest.mark.parametrize("begin", ["postgres", "postgresql", "postgres+psycopg"])
def test_every_usual_spelling_of_postgresql_opens_it(postgres: URL, begin: str) -> None:
    database = Database(postgres.set(drivername=begin).render_as_string(hide_password=False))
    with database.read() as session:
        assert session.execute(text("SELECT 1")).scalar() == 1
    database.close()


@pytest.mark.parametrize(("value", "number"), [("0", 0), ("5", 5), ("none", None)])
def test_prepare_threshold_reaches_the_driver_as_the_number_it_is(
    postgres: URL, value: str, number: int | None
) -> None:
    url = postgres.update_query_dict({"prepare_threshold": value})
    database = Database(url.render_as_string(hide_password=False))
    with database.read() as session:
        assert session.execute(text("SELECT 1")).scalar() == 1
        driver: Any = session.connection().connection.driver_connection
        assert driver.prepare_threshold == number
    database.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://localhost/digest?prepare_threshold=often",
        "postgresql://localhost/digest?autocommit=true",
        "sqlite:///digest.db?timeout=soon",
    ],
)
def test_a_parameter_that_can_not_be_used_is_refused_in_words(url: str) -> None:
    with pytest.raises(DatabaseUnfit, match="DIGEST_DATABASE_URL"):
        Database(url)


@pytest.mark.parametrize(
    ("said", "step"),
    [
        ("unable to open database file", "can write to the file"),
        ("attempt to write a readonly database", "can write to the file"),
        ("no such column: suppression.erased_at", "digest init"),
        ("database disk image is malformed", "restore a backup"),
        ("disk I/O error", "df -h"),
        ("database is locked", "try again"),
        ("failed to resolve host 'db.example.com': Name or service not known", "correct the host"),
        ("connection failed: FATAL: the database system is starting up", "wait until PostgreSQL"),
        ("connection failed: Connection refused\n\tIs the server running on it?", "start Post"),
        ('connection failed: FATAL:  role "ann" does not exist', "createuser"),
        ('connection failed: FATAL:  database "ann" does not exist', "createdb"),
        ('FATAL:  password authentication failed for user "ann"', "the password"),
        ("something else", "check DIGEST_DATABASE_URL"),
    ],
)
def test_what_a_database_answers_is_reported_with_the_step_that_fits(said: str, step: str) -> None:
    told = unfit(OperationalError("SELECT 1", None, Exception(said)))
    assert " ".join(said.split()) in str(told)
    assert step in str(told.next_step)


@pytest.mark.parametrize("statement", ["SELECT absent FROM newsletter", "SELECT 1 FROM absent"])
def test_tables_of_another_version_are_upgraded_next(database: Database, statement: str) -> None:
    with pytest.raises(SQLAlchemyError) as fault:
        execute(database, statement)
    refused = unfit(fault.value)
    assert str(refused).startswith(
        ("the database's tables belong to another", "the database can't")
    )
    assert refused.next_step == "digest init"


def test_an_answer_that_may_quote_a_reader_is_not_told() -> None:
    told = unfit(IntegrityError("INSERT", None, Exception(f"Key (email)=({ADDRESS}) exists")))
    assert ADDRESS not in str(told)


def test_what_is_in_use_while_a_database_closes_is_closed_when_given_back(
    database: Database,
) -> None:
    begun, closed = Event(), Event()

    def use() -> Any:
        with database.read() as session:
            used = session.connection().connection.driver_connection
            begun.set()
            assert closed.wait(20)
        return used

    with ThreadPoolExecutor(1) as pool:
        using = pool.submit(use)
        assert begun.wait(20)
        database.close()
        closed.set()
        with pytest.raises((sqlite3.ProgrammingError, psycopg.OperationalError)):
            using.result().execute("SELECT 1")


def test_a_mark_asked_for_by_many_threads_opens_one_connection(sqlite_database: Database) -> None:
    opened: list[object] = []
    event.listen(sqlite_database.engine, "connect", lambda driver, _: opened.append(driver))
    with ThreadPoolExecutor(8) as pool:
        marks = list(pool.map(lambda _: sqlite_database.mark(), range(8)))
    assert len(set(marks)) == 1
    assert len(opened) <= 1
    sqlite_database.close()
    assert sqlite_database.mark() != sqlite_database.mark()


def test_nothing_is_opened_before_it_is_used(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path / 'digest.db'}").close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["plain.db", "with blank.db", "50%20off?.db", "a#b.db", "ü.db"])
def test_the_address_of_a_file_leads_to_that_file(tmp_path: Path, name: str) -> None:
    database = Database(sqlite_url(tmp_path / name))
    with database.write() as session:
        session.execute(text("CREATE TABLE t (id INTEGER)"))
    database.close()
    assert database.path == tmp_path / name
    assert (tmp_path / name).exists()


def test_a_sqlite_without_full_text_search_is_said_to_be_one() -> None:
    fault = unfit(OperationalError("CREATE", {}, sqlite3.OperationalError("no such module: fts5")))

    assert "no such module: fts5" in str(fault)
    assert "without full-text search" in str(fault.next_step)
