"""The service and its clock: down at the due time, clock jumps, and two services at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.stories.service.service_process import ServiceHarness, utc

TUESDAY = utc("2026-11-24 09:00")

pytestmark = pytest.mark.timeout(300)  # a shared machine may take its time


def approve_ahead(harness: ServiceHarness) -> None:
    """Have the issue of Tuesday drafted and approved on Sunday, with nothing running since."""
    harness.advance()
    harness.set_clock(TUESDAY - timedelta(days=2))
    harness.advance()
    harness.approve(1)


def test_E05_ten_minutes_late_the_issue_goes_once(harness: ServiceHarness) -> None:
    approve_ahead(harness)
    harness.set_clock(TUESDAY + timedelta(minutes=10))
    harness.start()
    harness.go(TUESDAY + timedelta(minutes=11))
    assert harness.turns() == {"2026-W48": "released"}
    assert harness.fake.counts("weekly-1")["messages"] == 6


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (timedelta(days=3), "3 days late, and 12 hours are allowed"),
        (timedelta(weeks=3, hours=20), "21 days late, and 12 hours are allowed"),
    ],
)
def test_E05_days_or_weeks_late_it_is_missed_and_waits_for_a_person(
    harness: ServiceHarness, late: timedelta, said: str
) -> None:
    approve_ahead(harness)
    harness.set_clock(TUESDAY + late)
    harness.start()
    harness.go(TUESDAY + late + timedelta(minutes=1))
    assert set(harness.turns().values()) == {"missed"}
    missed = harness.status()["turns"][0]
    assert (missed["state"], missed["note"]) == ("missed", said)
    assert "digest send" in missed["next_step"]
    assert harness.fake.counts("weekly-1")["messages"] == 0
    harness.digest("send", "1")
    assert harness.fake.counts("weekly-1")["messages"] == 6


def test_E03_a_clock_that_jumps_in_a_send_gives_no_second_copy_and_no_endless_wait(
    harness: ServiceHarness,
) -> None:
    approve_ahead(harness)
    harness.settings["DIGEST_BATCH_SIZE"] = "1"
    harness.fake.set_faults([{"do": "delay", "seconds": 0.5}])
    harness.set_clock(TUESDAY)
    harness.start()
    for jump in (timedelta(hours=1), timedelta(days=8), timedelta(days=-1), timedelta(minutes=5)):
        before = taken(harness)
        # The loop's value is bound here.
        harness.wait(lambda n=before: taken(harness) > n or sent(harness))  # type: ignore[misc]
        harness.set_clock(TUESDAY + jump)
    harness.wait(lambda: sent(harness))
    harness.go(TUESDAY + timedelta(minutes=30))
    counts = harness.fake.counts("weekly-1")
    assert (counts["messages"], counts["duplicates"]) == (6, 0)
    assert [
        state for _, state in harness.query("SELECT id, state FROM issue WHERE number = 1")
    ] == ["sent"]
    assert len(harness.query("SELECT id FROM edition WHERE issue_id = 1")) == 1


def taken(harness: ServiceHarness) -> int:
    number: int = harness.fake.counts("weekly-1")["messages"]
    return number


def sent(harness: ServiceHarness) -> bool:
    return harness.query("SELECT state FROM issue WHERE number = 1") == [("sent",)]


def test_E01_two_services_at_one_instant_send_one_issue(harness: ServiceHarness) -> None:
    services = [harness.start(), harness.start()]
    harness.go(TUESDAY - timedelta(days=2), until=lambda: harness.drafted(1))
    harness.approve(1)
    harness.go(TUESDAY)
    harness.wait(lambda: sent(harness))
    assert harness.turns() == {"2026-W48": "released"}
    counts = harness.fake.counts("weekly-1")
    assert (counts["messages"], counts["duplicates"]) == (6, 0)
    assert len(harness.subjects()) == 1
    assert [harness.stop(service) for service in services] == [0, 0]
