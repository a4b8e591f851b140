"""Which week a command is about, and what it asks because of the day."""

from __future__ import annotations

from datetime import UTC, datetime

from digest.cli.context import Unconfirmed
from digest.settings import TransportKind
from tests.cli.conftest import Commands

THURSDAY = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def test_pick_and_build_take_the_next_issue_that_is_due(commands: Commands) -> None:
    commands.now = THURSDAY
    picked = commands.done("pick")
    assert "2026-W49, dated 1 December 2026, 5 days from now" in picked
    assert "It is dated 1 December 2026, 5 days from now." in commands.done("build")


def test_once_an_issue_is_sent_pick_and_build_are_about_the_next(commands: Commands) -> None:
    commands.done("build")
    commands.done("approve", "1", "--accept-warnings")
    commands.done("send", "1")
    assert commands.facts("pick")["period"] == "2026-W49"
    assert commands.facts("build")["period"] == "2026-W49"


def test_a_past_week_is_built_only_by_a_yes(commands: Commands) -> None:
    commands.now = THURSDAY
    refused = commands.run("build", "--period", "2026-W48")
    assert isinstance(refused.exception, Unconfirmed)
    assert "is dated 24 November 2026, 2 days ago" in str(refused.exception)
    assert "--yes" in str(refused.exception.next_step)
    commands.answers = "n\n"
    assert commands.run("build", "--period", "2026-W48").exit_code == 1
    commands.answers = "y\n"
    assert "is built" in commands.done("build", "--period", "2026-W48")


def test_an_issue_of_a_week_to_come_is_sent_early_only_by_a_yes(commands: Commands) -> None:
    commands.now, commands.transport = THURSDAY, TransportKind.SENDGRID
    commands.done("build", "--period", "2026-W50")
    commands.done("approve", "1", "--accept-warnings")
    refused = commands.run("send", "1")
    assert isinstance(refused.exception, Unconfirmed)
    assert "issue 1 is for 8 December 2026, 12 days from now" in str(refused.exception)
    assert "--early" in str(refused.exception.next_step)
    assert commands.facts("status", "1")["state"] == "built"


def test_into_the_outbox_folder_an_early_issue_goes_without_a_question(
    commands: Commands,
) -> None:
    commands.now = THURSDAY
    commands.done("build")
    commands.done("approve", "1", "--accept-warnings")
    said = commands.run("send", "1")
    assert said.exit_code == 0
    assert "so nobody is mailed" in said.stderr
    commands.transport = TransportKind.SENDGRID
    assert isinstance(commands.run("send", "1", "--from-outbox").exception, Unconfirmed)
