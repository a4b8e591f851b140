"""Group commit: waiting sign-ups written in one transaction, failures, and the stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from digest.db import Database
from subscribers.signup.group_commit import MOST_WAITING, GroupCommit, StoreBusy


class Broken(Exception):
    """The work can't be done."""


def test_what_waits_together_is_committed_together(sqlite_database: Database) -> None:
    writer = GroupCommit(sqlite_database)
    groups: list[int] = []
    gate = threading.Event()

    def held(_session: Session) -> None:
        gate.wait(5)

    def work(session: Session, items: Sequence[int]) -> list[int]:
        groups.append(len(items))
        return [item * 2 for item in items]

    async def run() -> list[int]:
        first = asyncio.ensure_future(writer.alone(held))
        rest = [asyncio.ensure_future(writer.together(work, n)) for n in range(20)]
        await asyncio.sleep(0)
        gate.set()
        await first
        return list(await asyncio.gather(*rest))

    assert asyncio.run(run()) == [n * 2 for n in range(20)]
    assert len(groups) <= 2


def test_a_write_that_fails_fails_for_everyone_in_it_and_leaves_nothing(
    sqlite_database: Database,
) -> None:
    writer = GroupCommit(sqlite_database)

    def work(session: Session, items: Sequence[str]) -> list[str]:
        session.execute(text("INSERT INTO wording (hash, text) VALUES ('a', 'b')"))
        raise Broken

    async def run() -> None:
        with pytest.raises(Broken):
            await writer.together(work, "x")

    asyncio.run(run())
    with sqlite_database.read() as session:
        assert session.execute(text("SELECT count(*) FROM wording")).scalar_one() == 0


def test_the_writer_goes_on_after_a_failure_and_after_a_rest(sqlite_database: Database) -> None:
    writer = GroupCommit(sqlite_database, idle_seconds=0.01)

    def fail(_session: Session) -> None:
        raise Broken

    async def run() -> int:
        with pytest.raises(Broken):
            await writer.alone(fail)
        await asyncio.sleep(0.05)
        return await writer.alone(lambda _session: 7)

    assert asyncio.run(run()) == 7


def test_I12_too_much_that_waits_is_refused_at_once(sqlite_database: Database) -> None:
    writer = GroupCommit(sqlite_database)
    gate = threading.Event()

    def held(_session: Session) -> None:
        gate.wait(5)

    async def run() -> int:
        waiting: list[Any] = [asyncio.ensure_future(writer.alone(held))]
        waiting += [
            asyncio.ensure_future(writer.alone(lambda _session: None))
            for _ in range(MOST_WAITING + 10)
        ]
        await asyncio.sleep(0)
        gate.set()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        return sum(isinstance(result, StoreBusy) for result in results)

    assert asyncio.run(run()) >= 9


def test_a_writer_that_is_stopped_writes_what_waits_and_leaves_no_thread(
    sqlite_database: Database,
) -> None:
    writer, before = GroupCommit(sqlite_database), threading.active_count()

    def same(number: int, _session: Session) -> int:
        return number

    async def run() -> list[int]:
        waiting = [asyncio.ensure_future(writer.alone(partial(same, n))) for n in range(3)]
        await asyncio.sleep(0)
        writer.stop()
        return await asyncio.gather(*waiting)

    assert asyncio.run(run()) == [0, 1, 2]
    assert threading.active_count() == before


def test_I12_a_caller_waits_no_longer_than_told_for_a_store_that_hangs(
    sqlite_database: Database,
) -> None:
    writer = GroupCommit(sqlite_database, wait_seconds=0.01)
    gate = threading.Event()

    def held(_session: Session) -> None:
        gate.wait(10)

    async def run() -> list[Any]:
        first = asyncio.gather(writer.alone(held), writer.alone(held), return_exceptions=True)
        results = await first
        return [*results, *await asyncio.gather(writer.alone(held), return_exceptions=True)]

    results = asyncio.run(run())
    gate.set()
    writer.stop()

    assert [type(result) for result in results] == [TimeoutError] * 3
