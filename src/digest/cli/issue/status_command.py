"""The command that reports on sends: status.

Hides which facts it shows of one issue, and which of each newsletter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from digest.cli.context import (
    MAX_NUMBER,
    CommandContext,
    JsonFlag,
    OptionalIssue,
    call_of,
    counted,
    printable,
)
from digest.cli.issue.service_status import (
    print_hold,
    print_jobs,
    print_proposals,
    print_slots,
    print_webhooks,
)
from digest.cli.issue.status_output import print_status
from digest.delivery.reporting import NEWEST, IssueStatus, excluded_readers
from digest.issues import store
from digest.issues.issue_commands import option_of
from digest.process_id import alive
from digest.service import (
    IssueOutlook,
    hold_facts,
    issue_status_of,
    newest_statuses,
    running_newsletters,
    service_facts,
    status_facts,
)

app = typer.Typer()


@app.command("status")
def status_(
    context: typer.Context,
    issue: OptionalIssue = None,
    newsletter: Annotated[
        str | None,
        typer.Option(
            "--newsletter",
            help="The newsletter's slug; by default, every newsletter.",
        ),
    ] = None,
    who: Annotated[bool, typer.Option("--who", help="List the readers who were left out.")] = False,
    last: Annotated[
        int,
        typer.Option(
            "--last",
            metavar="N",
            min=1,
            max=MAX_NUMBER,
            help="How many issues to show, the newest; one that isn't over is always shown.",
        ),
    ] = NEWEST,
    as_json: JsonFlag = False,
) -> None:
    """Show where each issue stands, what is stuck, and what to do next."""
    call = call_of(context)
    if issue is None:
        _list_issues(call, newsletter, last, as_json=as_json)
        return
    slug = newsletter or store.USUAL
    if who:
        _list_left_out(call, slug, issue, as_json=as_json)
        return
    (report, outlook), on_hold = found_status(call, slug, issue), hold_facts(call.app)
    if as_json:
        call.json({**status_facts(report, outlook), **on_hold})
        return
    print_hold(call, on_hold)
    print_status(call, report, outlook)


def found_status(
    call: CommandContext,
    newsletter: str,
    number: int,
    *,
    is_alive: Callable[[str], bool | None] = alive,
) -> tuple[IssueStatus, IssueOutlook]:
    """Return where an issue stands, and what is ahead of it; raise `NotFound`."""
    with call.app.database.read() as session:
        issue, edition = store.issue_and_edition(session, newsletter, number)
        return issue_status_of(call.app, session, issue, edition, is_alive)


def _list_left_out(call: CommandContext, newsletter: str, number: int, *, as_json: bool) -> None:
    with call.app.database.read() as session:
        _, edition = store.issue_and_edition(session, newsletter, number)
        rows = excluded_readers(session, edition.id or 0)
    if as_json:
        call.json([{"outcome": o, "reason": r, "address": a} for o, r, a in rows])
        return
    for outcome, reason, address in rows:
        call.out.print(printable(f"{address}  {outcome}: {reason}"), markup=False)
    if not rows:
        call.out.print("Nobody was left out.")


def _list_issues(call: CommandContext, slug: str | None, newest: int, *, as_json: bool) -> None:
    """Print the issues and the schedule of one newsletter, or of each that isn't archived."""
    with call.app.database.read() as session:
        rows = [store.newsletter(session, slug)] if slug else running_newsletters(session)
        listed = [
            (row, option_of(row), *newest_statuses(call.app, session, row, newest)) for row in rows
        ]
    service = service_facts(call.app, [row.slug for row in rows])
    if as_json:
        issues = [
            {**status_facts(*each), "newsletter": row.slug}
            for row, _, reports, _ in listed
            for each in reports
        ]
        call.json({"issues": issues, "earlier": sum(each[-1] for each in listed), **service})
        return
    print_hold(call, service)
    for row, option, reports, earlier in listed:
        if len(listed) > 1:
            space = "" if row is rows[0] else "\n"
            title = f"{space}{row.name} ({row.slug})"
            call.out.print(title, style="bold underline", markup=False)
        if earlier:
            every = f"digest status{option} --last {earlier + len(reports)}"
            call.out.print(f"{counted(earlier, 'earlier issue')}: {every}\n", markup=False)
        if not reports:
            call.out.print(f"No issue has been built yet. Next: digest build{option}")
        for each in reports:
            print_status(call, *each)
        print_slots(call, service, row.slug)
    print_proposals(call, service)
    print_jobs(call, service)
    print_webhooks(call, service)
