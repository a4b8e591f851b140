"""Two transactions at one moment on PostgreSQL: the second begins before the first commits."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from sqlalchemy import text
from sqlmodel import Session

from digest.db import Database


def waits_for_us(database: Database) -> bool:
    """Return whether a transaction waits for a lock of another one."""
    asked = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with database.read() as session:
        waiting: int = session.connection().execute(asked).scalar_one()
    return waiting > 0


def meanwhile(
    database: Database,
    ours: Callable[[Session], object],
    theirs: Callable[[], object],
    then: Callable[[Session], object] = lambda _: None,
) -> Future[object]:
    """Start *theirs* before *ours* is committed, and wait for both to end.

    *then* is the rest of our transaction: it begins once theirs has ended or waits for a lock.
    """
    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            ours(session)
            other = pool.submit(theirs)
            end = time.monotonic() + 30
            while not (other.done() or waits_for_us(database)) and time.monotonic() < end:
                pass
            then(session)
        other.exception(60)
    return other
