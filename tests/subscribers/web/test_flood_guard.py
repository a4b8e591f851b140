"""The flood guard: requests refused without a write are still counted."""

from __future__ import annotations

import asyncio
from datetime import datetime

from sqlalchemy import text

from digest.db import Database
from subscribers.abuse_prevention.rate_limits import LimitReason
from subscribers.signup.group_commit import GroupCommit
from subscribers.web.flood_guard import MOST_HELD, FloodGuard


def noted(database: Database) -> dict[str, int]:
    with database.read() as session:
        rows = session.execute(text("SELECT reason, count FROM stopped")).all()
        return {str(reason): int(count) for reason, count in rows}


def test_the_last_of_a_flood_is_counted_a_moment_later(
    sqlite_database: Database, now: datetime
) -> None:
    writer = GroupCommit(sqlite_database)
    flood_guard = FloodGuard(writer, lambda: now, pause=0.0)

    async def flood() -> None:
        flood_guard.count(LimitReason.TRAP)
        async with asyncio.timeout(10):
            while not noted(sqlite_database):
                await asyncio.sleep(0)

    asyncio.run(flood())
    writer.stop()
    assert noted(sqlite_database) == {"trap": 1}


def test_what_was_counted_is_noted_before_the_store_closes(
    sqlite_database: Database, now: datetime
) -> None:
    writer = GroupCommit(sqlite_database)
    flood_guard = FloodGuard(writer, lambda: now, pause=60.0)

    async def flood() -> None:
        for _ in range(3):
            flood_guard.count(LimitReason.TRAP)
        flood_guard.count(LimitReason.NETWORK)
        await asyncio.sleep(0)
        await flood_guard.finish()

    asyncio.run(flood())
    writer.stop()
    assert noted(sqlite_database) == {"trap": 3, "network": 1}


def test_what_cannot_be_noted_is_kept_for_later(sqlite_database: Database, now: datetime) -> None:
    writer = GroupCommit(sqlite_database)
    flood_guard = FloodGuard(writer, lambda: now, pause=60.0)

    async def twice() -> None:
        with sqlite_database.write() as session:
            session.execute(text("ALTER TABLE stopped RENAME TO away"))
        flood_guard.count(LimitReason.TRAP)
        await flood_guard.finish()
        with sqlite_database.write() as session:
            session.execute(text("ALTER TABLE away RENAME TO stopped"))
        await flood_guard.finish()

    asyncio.run(twice())
    writer.stop()
    assert noted(sqlite_database) == {"trap": 1}


def test_who_is_turned_away_waits_but_only_so_many_at_once(
    sqlite_database: Database, now: datetime
) -> None:
    waits: list[float] = []
    free: list[asyncio.Future[None]] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        free.append(asyncio.get_running_loop().create_future())
        await free[-1]

    async def flood() -> None:
        writer = GroupCommit(sqlite_database)
        flood_guard = FloodGuard(writer, lambda: now, hold=0.5, wait=wait)
        held = [asyncio.ensure_future(flood_guard.delay()) for _ in range(MOST_HELD)]
        await asyncio.sleep(0)
        await flood_guard.delay()  # one more: answered at once
        assert waits == [0.5] * MOST_HELD
        for one in free:
            one.set_result(None)
        await asyncio.gather(*held)
        again = asyncio.ensure_future(flood_guard.delay())
        await asyncio.sleep(0)
        assert len(waits) == MOST_HELD + 1
        again.cancel()
        writer.stop()

    asyncio.run(flood())
