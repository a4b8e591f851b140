"""The service stopped in the middle of a send."""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest

from tests.stories.service.service_process import ServiceHarness, utc

TUESDAY = utc("2026-11-24 09:00")

pytestmark = pytest.mark.timeout(300)  # a shared machine may take its time


def on_its_way(harness: ServiceHarness, seconds: float) -> None:
    """Have Tuesday's issue approved and its moment come, at a provider that takes its time."""
    harness.advance()
    harness.set_clock(TUESDAY - timedelta(days=2))
    harness.advance()
    harness.approve(1)
    harness.settings["DIGEST_EDITORS"] = ""
    harness.fake.set_faults([{"do": "delay", "seconds": seconds}])
    harness.set_clock(TUESDAY)


def test_A11_what_is_under_way_ends_nothing_new_begins_and_a_restart_goes_on(
    harness: ServiceHarness,
) -> None:
    on_its_way(harness, 1.0)
    service = harness.start()
    harness.wait(lambda: harness.query("SELECT 1 FROM batch WHERE state = 'started'") != [])
    assert harness.stop(service) == 0
    states = {state for (state,) in harness.query("SELECT state FROM batch")}
    assert states == {"accepted", "pending"}
    harness.start()
    harness.go(TUESDAY + timedelta(minutes=5))
    counts = harness.fake.counts("weekly-1")
    assert (counts["messages"], counts["duplicates"]) == (6, 0)


def test_A11_what_outlasts_the_grace_is_left_in_doubt_and_the_exit_code_tells(
    harness: ServiceHarness,
) -> None:
    on_its_way(harness, 20.0)
    harness.settings["DIGEST_GRACE"] = "1"
    service = harness.start()
    harness.wait(lambda: harness.query("SELECT 1 FROM batch WHERE state = 'started'") != [])
    assert harness.stop(service) == 1
    assert "1 request left in doubt" in harness.log()


def test_A11_a_signal_that_is_told_twice_is_one(harness: ServiceHarness) -> None:
    service = harness.start()
    for _ in range(5):
        service.terminate()
    assert harness.stop(service) == 0
    assert "stopped, 0 requests left in doubt" in harness.log()
    assert "Traceback" not in harness.log()


@pytest.mark.usefixtures("hangups")
def test_A11_a_terminal_that_goes_away_lets_what_is_under_way_end(harness: ServiceHarness) -> None:
    on_its_way(harness, 1.0)
    service = harness.start()
    harness.wait(lambda: harness.query("SELECT 1 FROM batch WHERE state = 'started'") != [])
    service.send_signal(signal.SIGHUP)
    harness.wait(lambda: "stopping: nothing new starts" in harness.log())
    service.send_signal(signal.SIGHUP)
    assert service.wait(60) == 0
    states = {state for (state,) in harness.query("SELECT state FROM batch")}
    assert states == {"accepted", "pending"}
