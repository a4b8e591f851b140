"""Back up a SQLite database while it is in use.

Hides how a copy is made consistent (SQLite's online backup API, one step), checked, marked as a
copy for the restore guard, and rotated.
"""

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
#: Added to every table's next id: more rows than are inserted between a backup and its restore.
NUMBERS_APART = 1_000_000


def back_up(database: Path, folder: Path, *, keep: int, now: datetime) -> Path:
    """Write a checked copy into *folder*, delete all but the *keep* newest, and return its path.

    Connections that read or write the database aren't blocked. The copy is marked as a copy, so
    that a database restored from it holds its sending until a person accepts the restore. Raise
    `DatabaseUnfit` when SQLite can't copy or the copy is damaged, `OSError` when *folder* can't be
    written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / f"digest-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.db"
    part = target.with_name(target.name + PART)
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)  # the copy holds every subscriber's address
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
    """Return the paths of the copies in *folder*, newest first; empty when there is no folder."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)


def _copy(database: Path, part: Path, now: datetime) -> None:
    # In one step: a copy in several steps starts over when another connection writes in between.
    # https://www.sqlite.org/backup.html
    with _opened(database, "ro") as source, _opened(part, "rw") as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
        (result,) = target.execute("PRAGMA quick_check(1)").fetchone()
        if result != "ok":
            raise DatabaseUnfit(f"the copy is damaged, and the database may be too: {result}")
        stamp = f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
        # The first send inserts this row: a copy from before that send must be marked too.
        target.execute(
            "INSERT INTO installation (id, key, accepted_by, accepted_why) VALUES (1, '', '', '')"
            " ON CONFLICT DO NOTHING"
        )
        target.execute("UPDATE installation SET copied_at = ?", (stamp,))
        # Links mailed after the copy carry ids the copy lacks: no other row may get those ids.
        target.execute("UPDATE sqlite_sequence SET seq = seq + ?", (NUMBERS_APART,))
        target.commit()


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=30)) as connection:
        yield connection


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
