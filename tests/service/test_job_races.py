"""Job races: many schedulers at the same instant, each a process."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import select

from digest.db import Database
from digest.delivery.models import Delivery
from digest.issues.models import Edition, Issue
from tests.service.conftest import World

ROOT = Path(__file__).parents[2]
TUESDAY = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def race(url: str, number: int) -> list[list[int]]:
    """Run *number* schedulers at once; return what each released, week by week."""
    arguments = [url, TUESDAY.isoformat(), str(number)]
    done = subprocess.run(  # noqa: S603 - this interpreter, a module of ours
        [sys.executable, "-m", "tests.service.racer", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found: list[list[int]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("number", [2, 4, 8])
def test_E01_one_issue_a_period_with_any_number_of_schedulers(
    database: Database, number: int
) -> None:
    world = World(database)
    world.add_newsletter()
    world.add_comparisons(8)
    world.add_readers(3)
    world.tick()
    url = database.url.render_as_string(hide_password=False)
    released = race(url, number)
    assert len(released) == number
    assert [sum(week) for week in zip(*released, strict=True)] == [1, 1, 1, 1]
    assert [issue.number for issue in world.issues()] == [1, 2, 3, 4]
    with database.read() as session:
        assert len(session.exec(select(Edition)).all()) == 4
        assert len(session.exec(select(Delivery)).all()) == 12
        assert len(session.exec(select(Issue)).all()) == 4
