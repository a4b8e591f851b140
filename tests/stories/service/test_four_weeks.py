"""Four weeks of a service: a restart when due, a missed approval, a kill, an empty week."""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest

from tests.stories.service.service_process import SECONDS, ServiceHarness, utc

TUESDAYS = [utc("2026-11-24 09:00") + timedelta(weeks=n) for n in range(4)]
DAY = timedelta(days=1)

pytestmark = pytest.mark.timeout(1200)  # a shared machine may take its time


def test_four_weeks_give_each_issue_once_to_each_reader_and_status_tells_it_all(
    harness: ServiceHarness,
) -> None:
    _a_week_with_a_restart_at_the_moment(harness)
    _a_week_nobody_approves(harness)
    _a_week_with_a_death_in_the_middle_of_the_send(harness)
    _a_week_with_nothing_to_say(harness)
    for issue, messages in (("weekly-1", 6), ("weekly-2", 0), ("weekly-3", 6)):
        counts = harness.fake.counts(issue)
        assert (counts["messages"], counts["duplicates"]) == (messages, 0)
    _status_tells_it_truly(harness)


def _a_week_with_a_restart_at_the_moment(harness: ServiceHarness) -> None:
    service = harness.start()
    harness.go(TUESDAYS[0] - 2 * DAY, until=harness.told(1))
    harness.approve(1)
    assert harness.stop(service) == 0
    harness.set_clock(TUESDAYS[0])
    harness.start()
    harness.go(TUESDAYS[0] + timedelta(minutes=1))
    harness.events()
    harness.wait(lambda: harness.status("1")["delivered"] == 6)  # taken in, and then applied


def _a_week_nobody_approves(harness: ServiceHarness) -> None:
    harness.import_comparisons(4, 5)
    harness.go(TUESDAYS[1] - 2 * DAY, until=harness.told(2))
    for told, moment in enumerate((TUESDAYS[1] - DAY, TUESDAYS[1], TUESDAYS[1] + DAY), start=3):
        harness.go(moment, until=harness.told(told))
    assert harness.subjects()[1:] == [
        "[Draft for Tue 1 Dec 09:00]: Lathe 4 and Mortar 4 tie, three ships each",
        "[Not approved, due Tue 1 Dec 09:00]: Lathe 4 and Mortar 4 tie, three ships each",
        "Held: the issue of 2026-W49",
        "Missed: the issue of 2026-W49",
    ]


def _a_week_with_a_death_in_the_middle_of_the_send(harness: ServiceHarness) -> None:
    harness.import_comparisons(6, 7)
    harness.go(TUESDAYS[2] - 2 * DAY, until=lambda: harness.drafted(3))
    harness.approve(3)
    service = harness.services[-1]
    harness.fake.set_faults([{"do": "kill", "pid": service.pid, "on": 2}])
    harness.set_clock(TUESDAYS[2])
    assert service.wait(SECONDS) == -signal.SIGKILL
    harness.set_clock(TUESDAYS[2] + timedelta(minutes=5))
    harness.start()
    harness.go(
        TUESDAYS[2] + timedelta(minutes=6), until=lambda: harness.status("3")["accepted"] == 4
    )
    where = harness.status("3")
    assert (where["state"], where["accepted"], where["in_doubt"]) == ("prepared", 4, 2)
    assert "wait for the provider's events" in where["problems"][0]["next_step"]
    harness.events()
    harness.go(
        TUESDAYS[2] + timedelta(minutes=20), until=lambda: harness.status("3")["accepted"] == 6
    )
    where = harness.status("3")
    assert (where["state"], where["accepted"], where["problems"]) == ("sent", 6, [])


def _a_week_with_nothing_to_say(harness: ServiceHarness) -> None:
    harness.go(TUESDAYS[3] - 2 * DAY)
    harness.go(TUESDAYS[3], until=harness.told(len(harness.subjects()) + 1))
    assert harness.subjects()[-1] == "No issue for 2026-W51"


def _status_tells_it_truly(harness: ServiceHarness) -> None:
    told = harness.status()
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
        (
            "backup",
            "bounces",
            "counts",
            "editors",
            "events",
            "issues",
            "letters",
            "prune",
            "purge",
            "recover",
            "send",
            "sources",
            "verdicts",
            "votes",
            "warm-up",
            "webhooks",
        ),
        True,
    )
    assert told["hold"] is None
