"""Fixtures for migrations: empty databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from digest.db import Database
from tests.postgres import own_database


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def bare(request: pytest.FixtureRequest) -> Database:
    """A database with nothing in it, of each kind."""
    made: Database = request.getfixturevalue(f"bare_{request.param}")
    return made


@pytest.fixture
def bare_sqlite(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'bare.db'}")
    yield database
    database.close()


@pytest.fixture
def bare_postgres(postgres: URL) -> Iterator[Database]:
    with own_database(postgres) as url:
        database = Database(url.render_as_string(hide_password=False))
        yield database
        database.close()
