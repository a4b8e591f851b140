"""The service and its clock: down at the due time, clock jumps, and two services at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.stories.service.service_process import Yard, utc

TUESDAY = utc("2026-11-24 09:00")

pytestmark = pytest.mark.timeout(300)  # a shared machine may take its time


def approve_ahead(place: Yard) -> None:
    """Have the issue of Tuesday drafted and approved on Sunday, with nothing running since."""
    place.advance()
    place.set_clock(TUESDAY - timedelta(days=2))
    place.advance()
    place.approve(1)


def test_E05_ten_minutes_late_the_issue_goes_once(place: Yard) -> None:
    approve_ahead(place)
    place.set_clock(TUESDAY + timedelta(minutes=10))
    place.start()
    place.go(TUESDAY + timedelta(minutes=11))
    assert place.turns() == {"2026-W48": "released"}
    assert place.fake.counts("weekly-1")["messages"] == 6


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (timedelta(days=3), "3 days late, and 12 hours are allowed"),
        (timedelta(weeks=3, hours=20), "21 days late, and 12 hours are allowed"),
    ],
)
def test_E05_days_or_weeks_late_it_is_missed_and_waits_for_a_person(
    place: Yard, late: timedelta, said: str
) -> None:
    approve_ahead(place)
    place.set_clock(TUESDAY + late)
    place.start()
    place.go(TUESDAY + late + timedelta(minutes=1))
    assert set(place.turns().values()) == {"missed"}
    missed = place.status()["turns"][0]
    assert (missed["state"], missed["note"]) == ("missed", said)
    assert "digest send" in missed["next_step"]
    assert place.fake.counts("weekly-1")["messages"] == 0
    place.digest("send", "1")
    assert place.fake.counts("weekly-1")["messages"] == 6


def test_E03_a_clock_that_jumps_in_a_send_gives_no_second_copy_and_no_endless_wait(
    place: Yard,
) -> None:
    approve_ahead(place)
    place.settings["DIGEST_BATCH_SIZE"] = "1"
    place.fake.set_faults([{"do": "delay", "seconds": 0.5}])
    place.set_clock(TUESDAY)
    place.start()
    for jump in (timedelta(hours=1), timedelta(days=8), timedelta(days=-1), timedelta(minutes=5)):
        before = taken(place)
        place.wait(lambda n=before: taken(place) > n or sent(place))  # type: ignore[misc]
        place.set_clock(TUESDAY + jump)
    place.wait(lambda: sent(place))
    place.go(TUESDAY + timedelta(minutes=30))
    counts = place.fake.counts("weekly-1")
    assert (counts["messages"], counts["duplicates"]) == (6, 0)
    assert [state for _, state in place.query("SELECT id, state FROM issue WHERE number = 1")] == [
        "sent"
    ]
    assert len(place.query("SELECT id FROM edition WHERE issue_id = 1")) == 1


def taken(place: Yard) -> int:
    number: int = place.fake.counts("weekly-1")["messages"]
    return number


def sent(place: Yard) -> bool:
    return place.query("SELECT state FROM issue WHERE number = 1") == [("sent",)]


def test_E01_two_services_at_one_instant_send_one_issue(place: Yard) -> None:
    services = [place.start(), place.start()]
    place.go(TUESDAY - timedelta(days=2), until=lambda: place.drafted(1))
    place.approve(1)
    place.go(TUESDAY)
    place.wait(lambda: sent(place))
    assert place.turns() == {"2026-W48": "released"}
    counts = place.fake.counts("weekly-1")
    assert (counts["messages"], counts["duplicates"]) == (6, 0)
    assert len(place.subjects()) == 1
    assert [place.stop(service) for service in services] == [0, 0]
