"""Recovery killed repeatedly (A08), and a process that never gets far (A16)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from digest.delivery.sending.recovery import MOST_RECOVERIES
from tests.stories.killing import oracle
from tests.stories.killing.loop import KillHarness, Report, aftermath

CLAIMED, STARTED, ANSWERED, SETTLED = 5, 6, 7, 8  # steps of the second batch


def standing(path: Path) -> list[Any]:
    """What recovery may change, without the moment it did."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(
            "SELECT b.number, b.state, b.attempt, b.recoveries, b.note, a.outcome, a.detail"
            " FROM batch b LEFT JOIN attempt a ON a.batch_id = b.id ORDER BY b.number, a.number"
        ).fetchall()


@pytest.mark.parametrize("step", [CLAIMED, STARTED, ANSWERED, SETTLED])
def test_A08_recovery_killed_twenty_times_ends_as_one_recovery(
    harness: KillHarness, step: int
) -> None:
    path = harness.fresh()
    assert harness.send(path, die_at=step).killed
    dead = standing(path)
    deaths = 0
    for number in range(1, 21):
        if not harness.nursery.run("recover", path=str(path), die_at=number).killed:
            break
        deaths += 1
    # Before its commit it left nothing; after it, there is nothing left to do.
    assert deaths >= 5
    harness.nursery.run("recover", path=str(path))
    often = standing(path)
    harness.nursery.run("recover", path=str(path))
    assert standing(path) == often != dead
    report = Report()
    aftermath(harness, path, report)
    assert (report.violations, report.duplicates, report.lost, report.left) == ([], 0, 0, 0)


def test_A16_a_sender_that_always_dies_before_sending_is_stopped(
    small_harness: KillHarness,
) -> None:
    path = small_harness.fresh()
    for _ in range(MOST_RECOVERIES + 1):
        assert small_harness.send(path, die_at=1).killed
    small_harness.nursery.run("recover", path=str(path))
    assert small_harness.fake.arrived()["sends"] == 0
    assert [batch["state"] for batch in oracle.ours(path).batches].count("parked") == 1
