"""Decides how a process waits for its turn to write to SQLite, which admits one writer.

SQLite would wait by itself, but looks again ever more rarely, down to ten times a second. A send's
processes write every few milliseconds, and would stand idle for a quarter of the time.
"""

from __future__ import annotations

import sqlite3
import time

#: Seconds between two looks: of the first, and at most. Each wait is half as long again.
_FIRST, _LONGEST = 0.000_3, 0.005


def begin_writing(connection: sqlite3.Connection) -> None:
    """Begin a transaction that writes, once no other process has one.

    Raise `sqlite3.OperationalError` after the time that the connection waits for a lock.
    """
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()  # milliseconds
    end, pause = time.monotonic() + patience / 1000, _FIRST
    connection.execute("PRAGMA busy_timeout=0")
    try:
        while not _began(connection, last=time.monotonic() >= end):
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST)
    finally:
        connection.execute(f"PRAGMA busy_timeout={patience}")


def _began(connection: sqlite3.Connection, *, last: bool) -> bool:
    """Begin the transaction if nobody else writes; return whether it has begun."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as fault:
        if last or fault.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
