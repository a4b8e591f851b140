"""Killed during planning, or right after it (A01, A02)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.stories.killing import oracle
from tests.stories.killing.loop import BATCH_SIZE, READERS, KillHarness


def written(path: Path) -> tuple[str, int, int]:
    """State of the issue, deliveries, batches."""
    with closing(sqlite3.connect(path)) as db:
        row: tuple[str, int, int] = db.execute(
            "SELECT (SELECT state FROM issue), (SELECT count(*) FROM delivery),"
            " (SELECT count(*) FROM batch)"
        ).fetchone()
    return row


def steps(harness: KillHarness) -> int:
    path = harness.fresh(harness.built)
    said: int = harness.nursery.run("plan", path=str(path), batch_size=BATCH_SIZE).said
    return said


def test_A01_a_plan_that_dies_leaves_nothing_or_all(harness: KillHarness) -> None:
    nothing, everything = ("built", 0, 0), ("prepared", READERS, READERS // BATCH_SIZE)
    last = steps(harness)
    for number in range(1, last + 1):
        path = harness.fresh(harness.built)
        plan = {"path": str(path), "batch_size": BATCH_SIZE}
        assert harness.nursery.run("plan", die_at=number, **plan).killed
        assert written(path) == (everything if number == last else nothing)


def test_A01_a_plan_is_made_anew_after_a_death(harness: KillHarness) -> None:
    half = steps(harness) // 2
    path = harness.fresh(harness.built)
    plan = {"path": str(path), "batch_size": BATCH_SIZE}
    assert harness.nursery.run("plan", die_at=half, **plan).killed
    harness.nursery.run("plan", **plan)
    harness.send(path)
    assert oracle.violations(path, harness.fake.ledger, readers=READERS) == []
    assert harness.fake.counts()["addresses"] == READERS


def test_A02_a_prepared_issue_nobody_claimed_from_is_sent_once(harness: KillHarness) -> None:
    last = steps(harness)
    path = harness.fresh(harness.built)
    end = harness.nursery.run("plan", path=str(path), batch_size=BATCH_SIZE, die_at=last)
    assert end.killed
    harness.send(path)
    assert written(path)[0] == "sent"
    assert harness.fake.counts()["messages"] == READERS
