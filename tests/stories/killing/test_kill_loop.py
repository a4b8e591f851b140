"""Killed at any step of a send: nobody mailed twice, nobody lost (A03, A06, A07)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from tests.stories.killing.conftest import KILL_REPORT
from tests.stories.killing.loop import KillHarness, Report, kill_loop

Tell = Callable[[str, object], None]


def clean(report: Report, tell: Tell) -> bool:
    """Whether nothing went wrong and every doubt was settled; the report is kept for people."""
    tell(KILL_REPORT, str(report))
    found = (report.violations, report.duplicates, report.lost, report.left)
    return found == ([], 0, 0, 0) and report.explained == report.doubts


@pytest.mark.timeout(600)
def test_killed_after_each_durable_step(
    harness: KillHarness, every: int, record_property: Tell
) -> None:
    report = kill_loop(harness, Report(), count(1, every))
    assert clean(report, record_property)
    assert report.by_events > 0
    assert report.by_person > 0
    assert report.by_events + report.by_person == report.doubts


@pytest.mark.timeout(600)
def test_killed_while_three_threads_send(
    harness: KillHarness, every: int, record_property: Tell
) -> None:
    report = kill_loop(harness, Report(), count(1, 3 * every), concurrency=3)
    assert clean(report, record_property)


@pytest.mark.timeout(1800)
def test_killed_at_each_statement(
    small_harness: KillHarness, every: int, record_property: Tell
) -> None:
    report = kill_loop(small_harness, Report(), count(1, 4 * every), fine=True)
    assert clean(report, record_property)
