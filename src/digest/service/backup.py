"""Copies a SQLite database while it is in use, checks the copy, and keeps the newest few."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from digest.errors import DatabaseUnfit

_NAME = re.compile(r"digest-\d{8}T\d{6}Z\.db")
PART = ".part"
#: So many readers may join between a copy and its being put back.
NUMBERS_APART = 1_000_000


def back_up(database: Path, folder: Path, *, keep: int, now: datetime) -> Path:
    """Write a checked copy into *folder*, and delete all but the *keep* newest; returns its path.

    Readers and the writer go on meanwhile. The copy is marked as one, so that a database that is
    put back from it holds its sending until a person says otherwise. Raises `DatabaseUnfit`, and
    `OSError` when the folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / f"digest-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.db"
    part = target.with_name(target.name + PART)
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)  # it holds every address there is
    try:
        _copy(database, part, now)
        _sync(part)
        part.replace(target)
        _sync(folder)
    except sqlite3.Error as fault:
        raise DatabaseUnfit(f"the database can't be copied: {fault}") from None
    finally:
        part.unlink(missing_ok=True)
    for old in copies(folder)[keep:]:
        old.unlink(missing_ok=True)
    return target


def copies(folder: Path) -> list[Path]:
    """Return the copies there are, the newest first."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)


def _copy(database: Path, part: Path, now: datetime) -> None:
    # In one step: a copy in several begins anew whenever another connection writes in between.
    with _opened(database, "ro") as source, _opened(part, "rw") as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
        (found,) = target.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise DatabaseUnfit(f"the copy is damaged, and so may be the database: {found}")
        stamp = f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
        # The row is made by the first send: a copy from before it must be known as one too.
        target.execute(
            "INSERT INTO installation (id, key, accepted_by, accepted_why) VALUES (1, '', '', '')"
            " ON CONFLICT DO NOTHING"
        )
        target.execute("UPDATE installation SET copied_at = ?", (stamp,))
        # Links mailed since carry numbers the copy doesn't know: nobody else may get those.
        target.execute("UPDATE sqlite_sequence SET seq = seq + ?", (NUMBERS_APART,))
        target.commit()


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=30)) as connection:
        yield connection


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
