"""The commands that warm a sender up: what they do, and what they print."""

from __future__ import annotations

from sqlmodel import select

from digest.delivery.models import WarmUp
from tests.cli.conftest import Commands


def test_a_plan_is_started_for_all_readers_shown_and_ended(commands: Commands) -> None:
    commands.add_readers(*(f"reader{number}" for number in range(299)))
    assert "Day 1 of 30: up to 200 readers today; 0 sent, 200 left." in commands.done(
        "warmup", "start"
    )
    assert "The next days: 200, 210, 210," in commands.done("warmup", "status")
    facts = commands.facts("warmup", "status")
    assert (facts["state"], facts["day"], facts["limit"], facts["left_today"]) == (
        "on",
        1,
        200,
        200,
    )
    assert [each["number"] for each in facts["ahead"]] == [2, 3, 4, 5, 6, 7, 8]
    with commands.database.read() as session:
        assert session.exec(select(WarmUp.last_limit)).one() == 300
    commands.done("warmup", "stop", "--by", "Ada", "--why", "our domain is known")
    assert commands.facts("warmup", "status")["state"] == "none"


def test_a_plan_in_one_s_own_numbers_is_checked(commands: Commands) -> None:
    result = commands.run("warmup", "start", "--days", "3", "--from", "10", "--to", "1000")
    assert result.exit_code == 1
    assert "10.0 times" in str(result.exception)
    assert (
        commands.facts("warmup", "start", "--days", "10", "--from", "10", "--to", "1000")["limit"]
        == 10
    )


def test_without_a_plan_its_status_says_how_to_start_one(commands: Commands) -> None:
    assert "digest warmup start" in commands.done("warmup", "status")
    result = commands.run("warmup", "stop", "--by", "Ada", "--why", "enough")
    assert "no warm-up is on" in str(result.exception)
