"""What `digest status` prints of an issue."""

from __future__ import annotations

from datetime import date
from io import StringIO

from rich.console import Console

from digest.cli.context import CommandContext
from digest.cli.issue.status_output import print_status
from digest.delivery.counts import DeliveryCounts
from digest.delivery.reporting import IssueStatus, Problem
from digest.issues.approval import EditorialStanding
from digest.issues.models import IssueState
from digest.service import IssueOutlook

MAIL_SERVER = "look for its mails in the mail server's log, and decide:"


def doubt(key: str) -> Problem:
    return Problem(
        what="may have been sent: no answer",
        next_step=f"{MAIL_SERVER} digest resolve {key} accepted|unsent --by NAME --why TEXT",
        batch=key,
        readers=2,
        evidence="silence proves nothing",
    )


def test_doubts_of_one_kind_end_in_the_ways_that_each_of_them_has() -> None:
    printed = StringIO()
    report = IssueStatus(
        issue=1,
        named="1",
        period="2026-W49",
        state=IssueState.PREPARED,
        counts=DeliveryCounts(candidates=4, in_doubt=4),
        problems=(doubt("aaaaaaaa"), doubt("bbbbbbbb")),
    )
    outlook = IssueOutlook(dated=date(2026, 12, 3), editorial=EditorialStanding())
    call = CommandContext()
    call.out = Console(file=printed, width=500)
    print_status(call, report, outlook)
    assert "2 batches, 4 readers: may have been sent" in printed.getvalue()
    assert f"next: {MAIL_SERVER} digest resolve accepted|unsent --all 1" in printed.getvalue()
