"""The scheduler: when jobs wake, and how jumps of the clock are noticed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from digest.service.jobs import Job
from digest.service.scheduler import ClockJumpDetector, EveryMinute, Scheduler


def job(name: str, *then: str) -> Job:
    return Job(name=name, every=timedelta(days=1), run=lambda _: "", then=then)


def test_every_job_is_asked_at_start_and_what_follows_is_woken() -> None:
    asked: set[tuple[str, bool]] = set()
    wanted = {("issues", False), ("send", False), ("send", True)}
    all_of_them = threading.Event()

    def run(job: Job, woken: bool) -> bool:
        asked.add((job.name, woken))
        if asked >= wanted:
            all_of_them.set()
        return job.name == "issues"

    alarm = Scheduler([job("send"), job("issues", "send")], run)
    alarm.start()
    assert all_of_them.wait(10)
    alarm.stop()
    assert asked == wanted


def test_a_job_that_ends_after_the_stop_wakes_nobody() -> None:
    running = threading.Event()
    asked: list[str] = []

    def run(job: Job, _woken: bool) -> bool:
        asked.append(job.name)
        running.set()
        return alarm.stopping.wait(10)

    alarm = Scheduler([job("issues", "issues")], run)
    alarm.start()
    assert running.wait(10)
    alarm.stop()
    assert asked == ["issues"]


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Switch threads as often as on a busy machine."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_no_asking_is_lost_at_the_end_of_a_run_and_none_runs_beside_another() -> None:
    runs = threading.Semaphore(0)
    beside = threading.Lock()
    alone: list[bool] = []

    def run(_: Job, _woken: bool) -> bool:
        alone.append(beside.acquire(blocking=False))
        beside.release()
        runs.release()  # who waits for this asks again at once, while the run is ending
        return False

    alarm = Scheduler([job("issues")], run)
    alarm.start()
    assert runs.acquire(timeout=10)
    for _ in range(1000):
        alarm.wake("issues")
        assert runs.acquire(timeout=10)
    alarm.stop()
    assert all(alone)


def test_E03_the_minutes_of_a_jump_are_left_out() -> None:
    now = datetime(2026, 11, 24, 9, 0, 30, tzinfo=UTC)
    after = EveryMinute().get_next_fire_time(now - timedelta(weeks=1), now)
    assert after == datetime(2026, 11, 24, 9, 1, tzinfo=UTC)


class FakeClocks:
    def __init__(self) -> None:
        self.wall, self.steady = 1_000.0, 10.0

    def watch(self) -> ClockJumpDetector:
        return ClockJumpDetector(lambda: self.wall, lambda: self.steady)

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


def test_E03_a_jump_of_the_clock_is_reported_once_either_way() -> None:
    clocks = FakeClocks()
    watch = clocks.watch()
    clocks.pass_(3600)
    assert watch.jumped() is None
    clocks.wall += 8 * 86_400
    assert watch.jumped() == timedelta(days=8)
    clocks.wall -= 86_400
    assert watch.jumped() == timedelta(days=-1)
    assert watch.jumped() is None


def test_a_clock_that_is_slewed_is_let_be() -> None:
    clocks = FakeClocks()
    watch = clocks.watch()
    for _ in range(100):
        clocks.pass_(1)
        clocks.wall += 0.5
        assert watch.jumped() is None
