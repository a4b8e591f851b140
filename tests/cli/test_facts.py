"""What commands that change something say of it as JSON."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from digest.issues.models import Newsletter
from tests.cli.conftest import Commands


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        ("unattended on", {"newsletter": "weekly", "unattended": True}),
        ("schedule pause", {"newsletter": "weekly", "scheduled": False}),
        ("schedule resume", {"newsletter": "weekly", "scheduled": True}),
        ("schedule set --on monday", {"cadence": "every Monday at 09:00, UTC"}),
        ("schedule rules --draft-before 40", {"draft_before": 40, "remind_before": 24}),
        (
            "schedule blackout 2026-12-24 2026-12-31 --why holidays",
            {"first": "2026-12-24", "last": "2026-12-31", "why": "holidays", "removed": False},
        ),
        (
            "schedule shift 2026-W49 --to 2026-12-02T10:00",
            {"period": "2026-W49", "at": "2026-12-02T10:00:00+00:00"},
        ),
        ("schedule evergreen", {"evergreen": [], "when_empty": "skip"}),
    ],
)
def test_a_change_of_the_schedule_is_told_as_facts(
    commands: Commands, line: str, facts: dict[str, Any]
) -> None:
    told = commands.facts(*line.split())
    assert {name: told[name] for name in facts} == facts


@pytest.mark.parametrize(
    "line",
    [
        "unattended on",
        "schedule pause",
        "schedule resume",
        "schedule set --on monday",
        "schedule rules --draft-before 40",
        "schedule blackout 2026-12-24",
        "schedule shift 2026-W49 --to 2026-12-02T10:00",
        "schedule evergreen",
    ],
)
def test_the_only_newsletter_is_told_by_its_own_name(commands: Commands, line: str) -> None:
    with commands.database.write() as session:
        session.exec(select(Newsletter)).one().slug = "tools-of-the-trade"
    assert commands.facts(*line.split())["newsletter"] == "tools-of-the-trade"
    assert "weekly" not in commands.done(*line.split())


def test_a_moved_issue_is_told_with_its_day_as_people_write_it(commands: Commands) -> None:
    said = commands.done("schedule", "shift", "2026-W49", "--to", "2026-12-03T10:00")
    assert said == "2026-W49 comes out on Thursday, 3 December 2026, 10:00 UTC\n"


def test_a_cancelled_issue_is_told_as_facts(commands: Commands) -> None:
    commands.done("build")
    told = commands.facts("cancel", "1", "--why", "a fault in it", "--yes")
    assert told == {"issue": 1, "state": "cancelled", "note": "a fault in it"}


def test_what_is_said_to_people_is_the_same_as_before(commands: Commands) -> None:
    assert commands.done("schedule", "pause") == (
        "weekly is paused. To continue: digest schedule resume\n"
    )


def test_one_part_of_an_issue_is_shown_at_a_time(commands: Commands) -> None:
    refused = commands.run("show", "1", "--html", "--text")
    assert (refused.exit_code, "choose one of --html, --text" in refused.stderr) == (2, True)
