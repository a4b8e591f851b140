"""What is turned away without a write is noted all the same."""

from __future__ import annotations

import asyncio
from datetime import datetime

from sqlalchemy import text

from digest.db import Database
from subscribers.throttle import Stop
from subscribers.web.shield import Shield
from subscribers.web.writer import Writer


def noted(database: Database) -> dict[str, int]:
    with database.read() as session:
        rows = session.execute(text("SELECT reason, count FROM stopped")).all()
        return {str(reason): int(count) for reason, count in rows}


def test_the_last_of_a_flood_is_counted_a_moment_later(
    sqlite_database: Database, now: datetime
) -> None:
    writer = Writer(sqlite_database)
    shield = Shield(writer, lambda: now, pause=0.0)

    async def flood() -> None:
        shield.count(Stop.TRAP)
        async with asyncio.timeout(10):
            while not noted(sqlite_database):
                await asyncio.sleep(0)

    asyncio.run(flood())
    writer.stop()
    assert noted(sqlite_database) == {"trap": 1}


def test_what_was_counted_is_noted_before_the_store_closes(
    sqlite_database: Database, now: datetime
) -> None:
    writer = Writer(sqlite_database)
    shield = Shield(writer, lambda: now, pause=60.0)

    async def flood() -> None:
        for _ in range(3):
            shield.count(Stop.TRAP)
        shield.count(Stop.NETWORK)
        await asyncio.sleep(0)
        await shield.finish()

    asyncio.run(flood())
    writer.stop()
    assert noted(sqlite_database) == {"trap": 3, "network": 1}


def test_what_cannot_be_noted_is_kept_for_later(sqlite_database: Database, now: datetime) -> None:
    writer = Writer(sqlite_database)
    shield = Shield(writer, lambda: now, pause=60.0)

    async def twice() -> None:
        with sqlite_database.write() as session:
            session.execute(text("ALTER TABLE stopped RENAME TO away"))
        shield.count(Stop.TRAP)
        await shield.finish()
        with sqlite_database.write() as session:
            session.execute(text("ALTER TABLE away RENAME TO stopped"))
        await shield.finish()

    asyncio.run(twice())
    writer.stop()
    assert noted(sqlite_database) == {"trap": 1}
