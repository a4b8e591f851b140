"""Killed during planning, or right after it (A01, A02)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.stories.killing import oracle
from tests.stories.killing.loop import BATCH_SIZE, READERS, Yard


def written(path: Path) -> tuple[str, int, int]:
    """State of the issue, deliveries, batches."""
    with closing(sqlite3.connect(path)) as db:
        row: tuple[str, int, int] = db.execute(
            "SELECT (SELECT state FROM issue), (SELECT count(*) FROM delivery),"
            " (SELECT count(*) FROM batch)"
        ).fetchone()
    return row


def steps(place: Yard) -> int:
    path = place.fresh(place.built)
    said: int = place.nursery.run("plan", path=str(path), batch_size=BATCH_SIZE).said
    return said


def test_A01_a_plan_that_dies_leaves_nothing_or_all(place: Yard) -> None:
    nothing, everything = ("built", 0, 0), ("prepared", READERS, READERS // BATCH_SIZE)
    last = steps(place)
    for number in range(1, last + 1):
        path = place.fresh(place.built)
        plan = {"path": str(path), "batch_size": BATCH_SIZE}
        assert place.nursery.run("plan", die_at=number, **plan).killed
        assert written(path) == (everything if number == last else nothing)


def test_A01_a_plan_is_made_anew_after_a_death(place: Yard) -> None:
    half = steps(place) // 2
    path = place.fresh(place.built)
    plan = {"path": str(path), "batch_size": BATCH_SIZE}
    assert place.nursery.run("plan", die_at=half, **plan).killed
    place.nursery.run("plan", **plan)
    place.send(path)
    assert oracle.violations(path, place.fake.ledger, readers=READERS) == []
    assert place.fake.counts()["addresses"] == READERS


def test_A02_a_prepared_issue_nobody_claimed_from_is_sent_once(place: Yard) -> None:
    last = steps(place)
    path = place.fresh(place.built)
    end = place.nursery.run("plan", path=str(path), batch_size=BATCH_SIZE, die_at=last)
    assert end.killed
    place.send(path)
    assert written(path)[0] == "sent"
    assert place.fake.counts()["messages"] == READERS
