"""What `digest run` says at its start: when issues leave, where mail goes, and what to mend."""

from __future__ import annotations

from typing import Any

from digest.cli.service.run import start_facts, start_lines
from digest.doctor import fine, warning
from digest.issues import store
from digest.settings import TransportKind
from tests.cli.conftest import Commands

CHECKS = [fine("schema", "is right"), warning("backups", "none for a day", "look at the disk")]


def said(commands: Commands) -> list[str]:
    return start_lines(facts_of(commands))


def facts_of(commands: Commands) -> dict[str, Any]:
    app = commands.app()
    try:
        return start_facts(app, CHECKS)
    finally:
        app.database.close()


def test_it_says_when_each_newsletter_s_next_issue_leaves(commands: Commands) -> None:
    [issue] = facts_of(commands)["next_issues"]
    assert (issue["newsletter"], issue["period"]) == ("weekly", "2026-W48")
    assert any(
        line.startswith("weekly: 2026-W48 leaves on Tuesday, 24 November 2026 at ")
        and line.endswith(", once approved")
        for line in said(commands)
    )


def test_it_says_that_a_paused_schedule_sends_nothing(commands: Commands) -> None:
    commands.done("schedule", "pause")
    assert "weekly: its schedule is paused; to continue: digest schedule resume" in said(commands)


def test_it_says_that_mail_to_a_folder_reaches_nobody(commands: Commands) -> None:
    [line] = [line for line in said(commands) if line.startswith("Mail ")]
    assert line.endswith("/outbox, and reaches nobody. To send mail: digest setup")


def test_it_says_who_takes_the_mail_that_reaches_readers(commands: Commands) -> None:
    commands.transport = TransportKind.SENDGRID
    assert "Mail goes to readers, through sendgrid." in said(commands)


def test_it_names_what_the_doctor_marks_and_no_more(commands: Commands) -> None:
    assert said(commands)[-2:] == [
        "Look: backups: none for a day",
        "To see how to fix this: digest doctor",
    ]


def test_an_issue_that_needs_no_approval_leaves_without_one(commands: Commands) -> None:
    with commands.database.write() as session:
        store.newsletter(session, "weekly").unattended = True
    assert not [line for line in said(commands) if "approved" in line]
