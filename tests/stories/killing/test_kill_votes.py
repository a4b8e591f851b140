"""Killed while votes are cast: what was answered is counted, and nothing is counted twice."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from digest.db import Database
from tests.conftest import NOW
from tests.stories.killing.child_process import Nursery, nursery
from tests.votes.conftest import new_poll

READERS = 40


@pytest.fixture
def children() -> Iterator[Nursery]:
    with nursery() as started:
        yield started


@pytest.fixture
def calls(sqlite_database: Database) -> list[tuple[int, int, int, str]]:
    """What each reader votes, twice: the second time the other way round."""
    poll = new_poll(sqlite_database, NOW)
    [(number, tools)] = poll.pairs.items()
    readers = poll.readers(READERS)
    sqlite_database.close()  # so that the file has it all
    return [
        (reader, number, tools[reader % 2], ("ship", "skip")[(reader + turn) % 2])
        for turn in (0, 1)
        for reader in readers
    ]


def test_no_vote_that_was_answered_is_lost_and_none_counts_twice(
    children: Nursery,
    calls: list[tuple[int, int, int, str]],
    tmp_path: Path,
    every: int,
) -> None:
    fresh, path, answered = tmp_path / "fresh.db", tmp_path / "digest.db", tmp_path / "answered"
    shutil.copyfile(path, fresh)
    for die_at in count(3, 2 * every):
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        shutil.copyfile(fresh, path)
        answered.write_text("", "ascii")
        given = {"path": str(path), "answered": str(answered), "calls": calls}
        end = children.run("vote", **given, die_at=die_at)
        told = [calls[int(line)] for line in answered.read_text("ascii").split()]
        check(path, told)
        if not end.killed:
            assert len(told) == len(calls)
            break
        children.run("vote", **given, die_at=0)  # the readers press again
        check(path, calls)
        assert sum(cast(path).values()) == READERS


def check(path: Path, told: list[tuple[int, int, int, str]]) -> None:
    """Check that what was told stands, and that the counts are what the votes add up to."""
    votes = cast(path)
    for reader, _, tool, _ in told:
        assert any(vote[:2] == (reader, tool) for vote in votes)
    if len(told) == 2 * READERS:
        assert votes == Counter({(reader, tool, call) for reader, _, tool, call in told[READERS:]})
    by_tool = Counter((tool, call) for _, tool, call in votes.elements())
    assert counted(path) == by_tool


def cast(path: Path) -> Counter[tuple[int, int, str]]:
    with closing(sqlite3.connect(path)) as db:
        return Counter(db.execute("SELECT subscriber_id, tool_id, call FROM vote").fetchall())


def counted(path: Path) -> Counter[tuple[int, str]]:
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT tool_id, sum(ships), sum(skips) FROM vote_count GROUP BY tool_id")
        counts = [
            ((tool, call), number)
            for tool, *numbers in rows
            for call, number in zip(("ship", "skip"), numbers, strict=True)
        ]
    return +Counter(dict(counts))
