"""A database behind pgbouncer: it works in the modes that keep a transaction together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from digest.db import Database, unfit
from tests.pgbouncer import pooled

pytestmark = pytest.mark.postgres

RUNS = 12  # a driver prepares what it has run five times


@contextmanager
def opened(url: URL, **query: str) -> Iterator[Database]:
    database = Database(url.update_query_dict(query).render_as_string(hide_password=False))
    with closing(database):
        yield database


def driver(session: Session) -> Any:
    """Return psycopg's own connection."""
    return session.connection().connection.driver_connection


def backend(database: Database) -> int:
    """Run one statement in a transaction of its own; return which server process answered."""
    with database.read() as session:
        pid: int = session.execute(text("SELECT pg_backend_pid() + 0")).scalar_one()
        return pid


def test_a_server_without_a_pool_is_none(postgres: URL) -> None:
    with opened(postgres) as database:
        assert not database.is_pooled
        with database.read() as session:
            assert driver(session).prepare_threshold == 5


def test_a_file_has_no_pool(sqlite_database: Database) -> None:
    assert not sqlite_database.is_pooled


@pytest.mark.parametrize("prepared", ["max_prepared_statements=0", "max_prepared_statements=50"])
@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_statements_run_often_though_each_may_be_answered_by_another_process(
    postgres: URL, mode: str, prepared: str
) -> None:
    with (
        pooled(postgres, mode, prepared) as url,
        opened(url) as first,
        opened(url) as second,
    ):
        assert first.is_pooled
        answered = {backend(first)}
        for _ in range(RUNS):
            with second.read() as session:  # takes the process that answered last
                session.execute(text("SELECT 1"))
                answered.add(backend(first))
    assert (len(answered) > 1) == (mode == "transaction")


def test_who_asks_for_prepared_statements_gets_them(postgres: URL) -> None:
    with pooled(postgres, "transaction") as url, opened(url, prepare_threshold="2") as database:
        assert len({backend(database) for _ in range(RUNS)}) == 1
        with database.read() as session:
            assert driver(session).prepare_threshold == 2


@pytest.mark.parametrize(
    ("settings", "query", "step"),
    [
        (("statement",), {}, "pool_mode = transaction"),
        (("transaction",), {"options": "-csynchronous_commit=on"}, "ALTER DATABASE ... SET"),
        (("transaction", "max_client_conn=0"), {}, "max_client_conn"),
    ],
)
def test_a_pool_that_does_not_do_is_refused_with_what_to_change(
    postgres: URL, settings: tuple[str, ...], query: dict[str, str], step: str
) -> None:
    with (
        pooled(postgres, *settings, answers=False) as url,
        opened(url, **query) as database,
        pytest.raises(DBAPIError) as fault,
    ):
        backend(database)
    assert step in str(unfit(fault.value).next_step)
