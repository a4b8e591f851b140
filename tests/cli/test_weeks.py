"""Which week a command is about, and what it asks because of the day."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from digest.cli.context import Unconfirmed
from digest.settings import TransportKind
from digest.web.app import make_site
from tests.cli.conftest import Commands

THURSDAY = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def test_pick_and_build_take_the_next_issue_that_is_due(commands: Commands) -> None:
    commands.now = THURSDAY
    picked = commands.done("pick")
    assert "2026-W49, dated 1 December 2026, 5 days from now" in picked
    assert "It's dated 1 December 2026, 5 days from now." in commands.done("build")


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
    assert "issue 1 is dated 8 December 2026, 12 days from now" in str(refused.exception)
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


def test_approve_says_when_the_issue_leaves_and_what_has_to_run(commands: Commands) -> None:
    commands.now = THURSDAY
    commands.done("build")
    said = commands.done("approve", "1", "--accept-warnings", "--by", "Ann")
    assert "It's dated 1 December 2026, 5 days from now, and 1 reader would get it now." in said
    assert "It goes out by itself on Tuesday, 1 December 2026 at 09:00 (UTC)" in said
    assert "if digest run is running then (it isn't now)" in said


def test_approve_says_that_an_issue_whose_moment_is_over_does_not_leave_by_itself(
    commands: Commands,
) -> None:
    commands.now = THURSDAY
    commands.done("build", "--period", "2026-W48", "--yes")
    said = commands.done("approve", "1", "--accept-warnings")
    assert "It's dated 24 November 2026, 2 days ago" in said
    assert "It doesn't go out by itself: its due time has passed." in said
    assert "Next: digest send 1" in said


def test_approve_of_a_sent_issue_names_no_send(commands: Commands) -> None:
    commands.done("build")
    commands.done("approve", "1", "--accept-warnings")
    commands.done("send", "1")
    said = commands.done("approve", "1", "--accept-warnings")
    assert said.splitlines()[-1].endswith("digest send 1 --from-outbox")


def test_an_approval_is_on_record_before_its_warnings_are_printed(commands: Commands) -> None:
    commands.done("build")
    lines = commands.done("approve", "1", "--accept-warnings", "--by", "Ann").splitlines()
    assert any(line.startswith("Issue 1 is approved by Ann") for line in lines)
    refused = commands.run("approve", "9")
    assert refused.exit_code == 1


def test_status_says_who_approved_and_how_many_would_get_it(commands: Commands) -> None:
    commands.done("build")
    assert "built; not approved" in commands.done("status", "1")
    commands.done("approve", "1", "--accept-warnings", "--by", "Ann")
    said = commands.done("status", "1")
    assert "dated 24 November 2026: built; approved by Ann on 2026-11-24 09:00 UTC" in said
    assert "1 reader would get it now." in said
    assert "candidates" not in said
    facts = commands.facts("status", "1")
    assert (facts["approved"], facts["approved_by"], facts["would_get"]) == (True, ["Ann"], 1)
    commands.done("build", "--again", "--period", "2026-W48")
    assert commands.facts("status", "1")["approved"] is True  # the same mail, so it still holds


def test_status_and_its_json_name_the_same_problems(commands: Commands) -> None:
    commands.done("build")
    commands.done("approve", "1", "--accept-warnings")
    commands.done("send", "1")
    said, facts = commands.done("status", "1"), commands.facts("status", "1")
    assert [problem["what"] for problem in facts["problems"]] == [
        line.removeprefix("  ! ") for line in said.splitlines() if line.startswith("  ! ")
    ]
    assert "written to the outbox folder; approved" in said
    assert facts["state"] == "sent"
    assert facts["phase"] == "written to the outbox folder"


def archived(commands: Commands) -> str:
    """Return the page of issue 1 in the archive."""
    app = commands.app()
    try:
        with TestClient(make_site(app), base_url="https://news.example.com") as reader:
            return reader.get("/issues/weekly/1").text
    finally:
        app.database.close()


@pytest.mark.parametrize(
    ("moved_to", "day"), [(None, "1 December 2026"), ("2026-12-03T10:00", "3 December 2026")]
)
def test_d10_an_issue_has_one_day_in_pick_mail_status_report_and_archive(
    commands: Commands, moved_to: str | None, day: str
) -> None:
    commands.now = THURSDAY
    if moved_to:
        commands.done("schedule", "shift", "2026-W49", "--to", moved_to)
    surfaces = [commands.done("pick"), commands.done("build")]
    commands.done("approve", "1", "--accept-warnings")
    commands.done("send", "1")
    surfaces += [
        commands.done("show", "1", "--text"),
        commands.done("status", "1"),
        commands.done("report", "1"),
        archived(commands),
    ]

    assert [surface for surface in surfaces if day not in surface] == []
    assert [surface for surface in surfaces if "26 November 2026" in surface] == []


def test_d10_a_shift_says_that_a_built_mail_bears_the_earlier_day(commands: Commands) -> None:
    commands.now = THURSDAY
    commands.done("build")
    shift = ("schedule", "shift", "2026-W49", "--to")

    assert commands.facts(*shift, "2026-12-01T15:00")["next_steps"] == []
    steps = commands.facts(*shift, "2026-12-03T10:00")["next_steps"]
    assert steps == ["digest build --period 2026-W49 --again"]
    assert f"build it again: {steps[0]}" in commands.done(*shift, "2026-12-03T10:00")
    commands.done(*steps[0].split()[1:])
    assert "3 December 2026" in commands.done("show", "1", "--text")


def test_cancel_asks_and_without_a_terminal_names_the_flag(commands: Commands) -> None:
    commands.done("build")
    refused = commands.run("cancel", "1")
    assert isinstance(refused.exception, Unconfirmed)
    assert "cancelled for good; nobody has got it" in str(refused.exception)
    assert "--yes" in str(refused.exception.next_step)
    commands.answers = "n\n"
    assert commands.run("cancel", "1").exit_code == 1
    assert commands.facts("status", "1")["state"] == "built"
    commands.answers = "y\n"
    assert "digest build --period 2026-W48" in commands.done("cancel", "1")
    assert commands.facts("status", "1")["phase"] == "cancelled"


def test_a_cancelled_week_can_be_built_again_as_a_new_issue(commands: Commands) -> None:
    commands.done("build")
    facts = commands.facts("cancel", "1", "--yes", "--why", "wrong list")
    assert facts == {"issue": 1, "state": "cancelled", "note": "wrong list"}
    assert commands.facts("pick")["period"] == "2026-W49"  # not of itself
    built = commands.facts("build", "--period", "2026-W48")
    assert (built["issue"], built["period"]) == (2, "2026-W48")
    assert [each["phase"] for each in commands.facts("status")["issues"]] == ["cancelled", "built"]


def test_the_schedule_shows_a_cancelled_week(commands: Commands) -> None:
    commands.now = THURSDAY
    commands.done("build")
    commands.done("cancel", "1", "--yes", "--why", "wrong list")
    assert "no issue: issue 1 was cancelled: wrong list" in commands.done("schedule")
    moments = commands.facts("schedule")["moments"]
    assert moments[0]["what"] == "no issue: issue 1 was cancelled: wrong list"


def test_nothing_about_a_cancelled_issue_advises_to_send_it(commands: Commands) -> None:
    commands.done("build")
    commands.done("approve", "1", "--accept-warnings")
    commands.done("cancel", "1", "--yes")
    for command in ("report", "send"):
        fault = commands.run(command, "1").exception
        assert "digest build --period 2026-W48" in str(getattr(fault, "next_step", ""))
    said = commands.done("approve", "1", "--accept-warnings")
    assert "digest send" not in said + commands.done("status", "1")


def test_who_sends_with_a_first_wave_is_told_that_the_rest_waits(commands: Commands) -> None:
    commands.first_wave = 1
    commands.add_readers("ann", "ben")
    commands.done("build")
    commands.done("approve", "1", "--accept-warnings")
    said = commands.run("send", "1").stderr
    assert "The first wave goes out alone; the rest then waits 0 minutes for its results." in said
    assert commands.facts("status", "1")["state"] == "sent"
