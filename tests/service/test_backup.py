"""Backups of a database in use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest.db import Database
from digest.delivery.models import Installation
from digest.errors import DatabaseUnfit
from digest.service.backup import back_up, copies
from subscribers import store
from subscribers.address.syntax import parse

NIGHT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


@pytest.fixture
def path(sqlite_database: Database) -> Path:
    with sqlite_database.write() as session:
        session.add(Installation(id=1, key="k"))
    return Path(str(sqlite_database.url.database))


def test_a_copy_holds_what_was_committed_and_says_that_it_is_a_copy(
    path: Path, tmp_path: Path
) -> None:
    copy = back_up(path, tmp_path / "backups", keep=3, now=NIGHT)
    assert copy.name == "digest-20261124T030000Z.db"
    database = Database(f"sqlite:///{copy}")
    with database.read() as session:
        assert session.get_one(Installation, 1).copied_at == NIGHT
    database.close()


def test_A14_a_copy_from_before_the_first_send_says_so_too(
    sqlite_database: Database, tmp_path: Path
) -> None:
    path = Path(str(sqlite_database.url.database))
    database = Database(f"sqlite:///{back_up(path, tmp_path / 'backups', keep=3, now=NIGHT)}")
    with database.read() as session:
        assert session.get_one(Installation, 1).copied_at == NIGHT
    database.close()


def test_A14_a_number_that_was_mailed_since_the_copy_is_given_to_nobody_else(
    sqlite_database: Database, path: Path, tmp_path: Path
) -> None:
    def join(database: Database, address: str) -> int:
        with database.write() as session:
            return store.add(session, parse(address), NIGHT)

    join(sqlite_database, "before@example.org")
    copy = back_up(path, tmp_path / "backups", keep=3, now=NIGHT)
    since = [join(sqlite_database, f"since{number}@example.org") for number in range(3)]
    restored = Database(f"sqlite:///{copy}")
    assert join(restored, "later@example.org") not in since
    restored.close()


def test_a_copy_is_made_while_somebody_writes(
    path: Path, sqlite_database: Database, tmp_path: Path
) -> None:
    with sqlite_database.write() as session:
        session.get_one(Installation, 1).key = "changed"
        session.flush()
        copy = back_up(path, tmp_path / "backups", keep=3, now=NIGHT)
    with closing(sqlite3.connect(copy)) as db:
        found = db.execute("SELECT key FROM installation").fetchone()
    assert found == ("k",)


def test_only_the_newest_are_kept_and_nothing_else_is_touched(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "mine.db").touch()
    for day in range(4):
        back_up(path, folder, keep=2, now=NIGHT + timedelta(days=day))
    assert [each.name for each in copies(folder)] == [
        "digest-20261127T030000Z.db",
        "digest-20261126T030000Z.db",
    ]
    assert sorted(each.name for each in folder.iterdir())[-1] == "mine.db"


def test_a_copy_can_be_read_by_its_owner_alone(path: Path, tmp_path: Path) -> None:
    copy = back_up(path, tmp_path / "backups", keep=2, now=NIGHT)
    assert copy.stat().st_mode & 0o077 == 0


def test_what_is_no_database_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "digest.db"
    broken.write_bytes(b"no database" * 1000)
    with pytest.raises(DatabaseUnfit):
        back_up(broken, tmp_path / "backups", keep=2, now=NIGHT)
    assert list((tmp_path / "backups").iterdir()) == []
