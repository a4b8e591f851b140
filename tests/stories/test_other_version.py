"""A database of another version, from which nothing is sent (D10)."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.stories.conftest import Installation


@pytest.mark.parametrize(("revision", "way_out"), [("0001", "digest init"), ("9999", "newer")])
def test_D10_tables_of_another_version_are_not_sent_from(
    ready: Installation, revision: str, way_out: str
) -> None:
    with closing(sqlite3.connect(ready.folder / "digest.db", isolation_level=None)) as db:
        db.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    said = ready.run("send", "1")
    assert (said.code, said.out) == (1, "")
    assert f"the database is at revision {revision}" in said.err
    assert way_out in said.err
    assert not (ready.folder / "outbox").exists()


def test_D10_init_says_so_of_a_version_it_does_not_know(ready: Installation) -> None:
    with closing(sqlite3.connect(ready.folder / "digest.db", isolation_level=None)) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    said = ready.run("init")
    assert (said.code, "which this version doesn't know" in said.err) == (1, True)


def test_init_does_not_call_a_database_ready_whose_tables_lack_something(
    ready: Installation,
) -> None:
    with closing(sqlite3.connect(ready.folder / "digest.db", isolation_level=None)) as db:
        db.execute("ALTER TABLE suppression DROP COLUMN erased_at")
    said = ready.run("init")
    assert (said.code, said.out) == (1, "")
    assert "no column suppression.erased_at" in said.err
    assert "next: digest init" not in said.err
