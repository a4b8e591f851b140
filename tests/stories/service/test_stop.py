"""The service stopped in the middle of a send."""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest

from tests.stories.service.service_process import Yard, utc

TUESDAY = utc("2026-11-24 09:00")

pytestmark = pytest.mark.timeout(300)  # a shared machine may take its time


def on_its_way(place: Yard, seconds: float) -> None:
    """Have Tuesday's issue approved and its moment come, at a provider that takes its time."""
    place.advance()
    place.set_clock(TUESDAY - timedelta(days=2))
    place.advance()
    place.approve(1)
    place.settings["DIGEST_EDITORS"] = ""
    place.fake.set_faults([{"do": "delay", "seconds": seconds}])
    place.set_clock(TUESDAY)


def test_A11_what_is_under_way_ends_nothing_new_begins_and_a_restart_goes_on(place: Yard) -> None:
    on_its_way(place, 1.0)
    service = place.start()
    place.wait(lambda: place.query("SELECT 1 FROM batch WHERE state = 'started'") != [])
    assert place.stop(service) == 0
    states = {state for (state,) in place.query("SELECT state FROM batch")}
    assert states == {"accepted", "pending"}
    place.start()
    place.go(TUESDAY + timedelta(minutes=5))
    counts = place.fake.counts("weekly-1")
    assert (counts["messages"], counts["duplicates"]) == (6, 0)


def test_A11_what_outlasts_the_grace_is_left_in_doubt_and_the_exit_code_tells(place: Yard) -> None:
    on_its_way(place, 20.0)
    place.settings["DIGEST_GRACE"] = "1"
    service = place.start()
    place.wait(lambda: place.query("SELECT 1 FROM batch WHERE state = 'started'") != [])
    assert place.stop(service) == 1
    assert "1 request left in doubt" in place.log()


def test_A11_a_signal_that_is_told_twice_is_one(place: Yard) -> None:
    service = place.start()
    for _ in range(5):
        service.terminate()
    assert place.stop(service) == 0
    assert "stopped, 0 requests left in doubt" in place.log()
    assert "Traceback" not in place.log()


@pytest.mark.usefixtures("hangups")
def test_A11_a_terminal_that_goes_away_lets_what_is_under_way_end(place: Yard) -> None:
    on_its_way(place, 1.0)
    service = place.start()
    place.wait(lambda: place.query("SELECT 1 FROM batch WHERE state = 'started'") != [])
    service.send_signal(signal.SIGHUP)
    place.wait(lambda: "stopping: nothing new is begun" in place.log())
    service.send_signal(signal.SIGHUP)
    assert service.wait(60) == 0
    states = {state for (state,) in place.query("SELECT state FROM batch")}
    assert states == {"accepted", "pending"}
