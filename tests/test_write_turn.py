"""Waiting for the turn to write: until nobody else does, or as long as the connection waits."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from digest.write_turn import begin_writing


class Busy(sqlite3.Connection):
    """A connection that finds another writer at work so many times."""

    times = 3
    looks = 0

    def execute(self, text: str, *_: object) -> sqlite3.Cursor:
        self.looks += text == "BEGIN IMMEDIATE"
        if text == "BEGIN IMMEDIATE" and self.looks <= self.times:
            fault = sqlite3.OperationalError("database is locked")
            fault.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise fault
        return super().execute(text)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "one.db", isolation_level=None)) as opened:
        yield opened


def waits(connection: sqlite3.Connection) -> int:
    [milliseconds] = connection.execute("PRAGMA busy_timeout").fetchone()
    return int(milliseconds)


def test_it_looks_again_until_nobody_else_writes(tmp_path: Path) -> None:
    with closing(Busy(tmp_path / "one.db", isolation_level=None)) as mine:
        begin_writing(mine)
        assert (mine.in_transaction, mine.looks, waits(mine)) == (True, Busy.times + 1, 5000)


def test_it_gives_up_when_the_connection_would(tmp_path: Path, other: sqlite3.Connection) -> None:
    other.execute("BEGIN IMMEDIATE")
    with closing(sqlite3.connect(tmp_path / "one.db", timeout=0.01, isolation_level=None)) as mine:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            begin_writing(mine)
        assert (mine.in_transaction, waits(mine)) == (False, 10)


def test_it_waits_for_nothing_but_a_writer(other: sqlite3.Connection) -> None:
    other.execute("BEGIN")
    with pytest.raises(sqlite3.OperationalError, match="within a transaction"):
        begin_writing(other)
    assert waits(other) == 5000
