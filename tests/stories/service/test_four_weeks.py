"""Four weeks of a service: a restart when due, a missed approval, a kill, an empty week."""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest

from tests.stories.service.service_process import SECONDS, Yard, utc

TUESDAYS = [utc("2026-11-24 09:00") + timedelta(weeks=n) for n in range(4)]
DAY = timedelta(days=1)

pytestmark = pytest.mark.timeout(1200)  # a shared machine may take its time


def test_four_weeks_give_each_issue_once_to_each_reader_and_status_tells_it_all(
    place: Yard,
) -> None:
    _a_week_with_a_restart_at_the_moment(place)
    _a_week_nobody_approves(place)
    _a_week_with_a_death_in_the_middle_of_the_send(place)
    _a_week_with_nothing_to_say(place)
    for issue, messages in (("weekly-1", 6), ("weekly-2", 0), ("weekly-3", 6)):
        counts = place.fake.counts(issue)
        assert (counts["messages"], counts["duplicates"]) == (messages, 0)
    _status_tells_it_truly(place)


def _a_week_with_a_restart_at_the_moment(place: Yard) -> None:
    service = place.start()
    place.go(TUESDAYS[0] - 2 * DAY, until=place.told(1))
    place.approve(1)
    assert place.stop(service) == 0
    place.set_clock(TUESDAYS[0])
    place.start()
    place.go(TUESDAYS[0] + timedelta(minutes=1))
    place.events()
    place.wait(lambda: place.status("1")["delivered"] == 6)  # taken in, and then applied


def _a_week_nobody_approves(place: Yard) -> None:
    place.import_comparisons(4, 5)
    place.go(TUESDAYS[1] - 2 * DAY, until=place.told(2))
    for told, moment in enumerate((TUESDAYS[1] - DAY, TUESDAYS[1], TUESDAYS[1] + DAY), start=3):
        place.go(moment, until=place.told(told))
    assert place.subjects()[1:] == [
        "[Draft for Tue 1 Dec 09:00]: Lathe 4 or Mortar 4? A tie at 75 %",
        "[Not approved, due Tue 1 Dec 09:00]: Lathe 4 or Mortar 4? A tie at 75 %",
        "Held: the issue of 2026-W49",
        "Missed: the issue of 2026-W49",
    ]


def _a_week_with_a_death_in_the_middle_of_the_send(place: Yard) -> None:
    place.import_comparisons(6, 7)
    place.go(TUESDAYS[2] - 2 * DAY, until=lambda: place.drafted(3))
    place.approve(3)
    service = place.services[-1]
    place.fake.set_faults([{"do": "kill", "pid": service.pid, "on": 2}])
    place.set_clock(TUESDAYS[2])
    assert service.wait(SECONDS) == -signal.SIGKILL
    place.set_clock(TUESDAYS[2] + timedelta(minutes=5))
    place.start()
    place.go(TUESDAYS[2] + timedelta(minutes=6), until=lambda: place.status("3")["accepted"] == 4)
    where = place.status("3")
    assert (where["state"], where["accepted"], where["in_doubt"]) == ("prepared", 4, 2)
    assert "wait for the provider's events" in where["problems"][0]["next_step"]
    place.events()
    place.go(TUESDAYS[2] + timedelta(minutes=20), until=lambda: place.status("3")["accepted"] == 6)
    where = place.status("3")
    assert (where["state"], where["accepted"], where["problems"]) == ("sent", 6, [])


def _a_week_with_nothing_to_say(place: Yard) -> None:
    place.go(TUESDAYS[3] - 2 * DAY)
    place.go(TUESDAYS[3], until=place.told(len(place.subjects()) + 1))
    assert place.subjects()[-1] == "No issue for 2026-W51"


def _status_tells_it_truly(place: Yard) -> None:
    told = place.status()
    assert [(turn["period"], turn["state"], turn["note"]) for turn in told["turns"]] == [
        ("2026-W48", "released", "approved by Ann; 6 readers of weekly-1"),
        ("2026-W49", "missed", "24 hours late, and 12 hours are allowed: issue 2 isn't approved"),
        ("2026-W50", "released", "approved by Ann; 6 readers of weekly-3"),
        ("2026-W51", "skipped", "nothing to pick: 7 already featured"),
    ]
    assert [(issue["issue"], issue["state"]) for issue in told["issues"]] == [
        (1, "sent"),
        (2, "built"),
        (3, "sent"),
    ]
    assert {tick["name"]: tick["ok"] for tick in told["ticks"]} == dict.fromkeys(
        ("backup", "editors", "events", "issues", "letters", "prune", "purge", "recover", "send"),
        True,
    )
    assert told["hold"] is None
