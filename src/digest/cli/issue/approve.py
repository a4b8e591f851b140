"""Commands that let an issue go or hold it: approve, send-back, test, rebuild, unattended.

Hides how findings, approvals and differences of a rebuild are reported.
"""

from __future__ import annotations

from difflib import unified_diff
from enum import StrEnum
from getpass import getuser
from itertools import islice
from typing import Annotated, Any

import typer

from digest.cli.context import (
    CommandContext,
    IssueNumber,
    JsonFlag,
    NewsletterOption,
    Told,
    call_of,
    tells,
)
from digest.cli.issue.drafting import find_issue, print_findings
from digest.issues import provenance, store
from digest.issues.approval import refuse_errors
from digest.issues.models import ApprovalChannel
from digest.letters import test_copy_location
from digest.mail.transport import Accepted
from digest.render.lint import Finding
from digest.service import approve_issue, return_issue
from subscribers.address import parse

app = typer.Typer()


class Switch(StrEnum):
    """Whether an issue may go although nobody approved it."""

    ON = "on"  #: yes, when no check finds anything
    OFF = "off"  #: no, somebody has to approve it


@app.command()
def approve(
    context: typer.Context,
    issue: IssueNumber,
    despite: Annotated[
        list[str] | None,
        typer.Option(
            "--despite", metavar="RULE", help="Accept the warnings of one rule; repeatable."
        ),
    ] = None,
    accept_warnings: Annotated[
        bool, typer.Option("--accept-warnings", help="Accept all warnings.")
    ] = False,
    by: Annotated[
        str,
        typer.Option(
            "--by", metavar="NAME", help="The approver's name; by default, your user name."
        ),
    ] = "",
    newsletter: NewsletterOption = "weekly",
    as_json: JsonFlag = False,
) -> None:
    """Approve an issue exactly as it is now; any later change voids the approval."""
    call = call_of(context)
    findings: list[Finding] = []
    try:
        with call.app.database.write() as session:
            row, edition = find_issue(session, newsletter, issue)
            findings += call.app.issues.findings(edition)
            approved = approve_issue(
                call.app,
                session,
                row,
                by=by or getuser(),
                channel=ApprovalChannel.COMMAND,
                findings=findings,
                despite=None if accept_warnings else despite or (),
            )
    finally:  # printed once the approval is on record: whoever reads may close the pipe
        print_findings(call, [] if as_json else findings)
    if as_json:
        call.json(approved.as_dict())
        return
    given = approved.status.approval
    call.out.print(f"Issue {issue} is approved by {given.by}: {given.seal[:12]}", markup=False)
    for line in approved.next_steps:
        call.out.print(line, markup=False)


@app.command("send-back")
def send_back(
    context: typer.Context,
    issue: IssueNumber,
    note: Annotated[str, typer.Option("--note", help="What needs to change.")],
    by: Annotated[
        str, typer.Option("--by", help="The editor's name; by default, your user name.")
    ] = "",
    newsletter: NewsletterOption = "weekly",
    as_json: JsonFlag = False,
) -> None:
    """Send an issue back with a note: it isn't sent until it's approved again."""
    call = call_of(context)
    with call.app.database.write() as session:
        row, _ = find_issue(session, newsletter, issue, lock=True)
        back = return_issue(
            session,
            row,
            by=by or getuser(),
            note=note,
            channel=ApprovalChannel.COMMAND,
            now=call.app.clock(),
        )
    if as_json:
        call.json(back.as_dict())
        return
    entry = back.entry
    call.out.print(f"Issue {issue} is sent back by {entry.by}: {entry.note}", markup=False)
    call.out.print(
        f"It isn't sent until it's approved again. Once it's fixed: {back.next_step}",
        markup=False,
    )


@app.command("test")
def send_copy(
    context: typer.Context,
    issue: IssueNumber,
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Your own address.")],
    newsletter: NewsletterOption = "weekly",
    as_json: JsonFlag = False,
) -> None:
    """Send one copy to yourself, marked as a test; its personal links do nothing."""
    call = call_of(context)
    taken = send_test_copy(call, newsletter, issue, to)
    if as_json:
        call.json({"issue": issue, "provider_id": taken.provider_id})
    else:
        where = test_copy_location(call.app.outbox_folder)
        call.out.print(f"A test copy of issue {issue} {where}.", markup=False)


@app.command()
def rebuild(
    context: typer.Context,
    issue: IssueNumber,
    verify: Annotated[
        bool, typer.Option("--verify", help="Exit 1 unless every byte is identical.")
    ] = False,
    newsletter: NewsletterOption = "weekly",
    as_json: JsonFlag = False,
) -> None:
    """Rebuild an issue from its recorded inputs and compare; change nothing."""
    call = call_of(context)
    with call.app.database.read() as session:
        row, edition = find_issue(session, newsletter, issue)
        result = provenance.rebuild(session, row, edition, call.app.issues.rerender)
        facts: dict[str, Any] = {
            "issue": issue,
            "revision": edition.revision,
            "fingerprint": edition.fingerprint,
            "same": not result.differs,
            "differs": result.differs,
            "tools": result.tools,
        }
        found_lines = _first_difference(edition.text, result.rendered.text)
    if as_json:
        call.json(facts)
    elif result.differs:
        call.out.print(f"Issue {issue} differs when rebuilt: {', '.join(result.differs)}")
        for tool in result.tools:
            call.out.print(f"It was built with {tool}.", markup=False)
        for line in found_lines:
            call.out.print(line, markup=False)
    else:
        call.out.print(
            f"Issue {issue} is byte for byte the same when rebuilt: {edition.fingerprint[:12]}"
        )
    if verify and result.differs:
        raise typer.Exit(1)


@app.command()
@tells
def unattended(
    context: typer.Context,
    switch: Annotated[Switch, typer.Argument(metavar="SWITCH", help="on or off")],
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Allow or forbid sending clean issues without approval."""
    call = call_of(context)
    with call.app.database.write() as session:
        row = store.newsletter(session, newsletter)
        row.unattended = switch is Switch.ON
        facts = {"newsletter": row.slug, "unattended": row.unattended}
        session.add(row)
    may = "may go out" if switch is Switch.ON else "don't go out"
    return Told(facts, f"Clean issues of {facts['newsletter']} {may} without approval.")


def _first_difference(then: str, now: str) -> list[str]:
    """Return the lines around the first difference of the text parts; empty if they are equal."""
    lines = unified_diff(then.splitlines(), now.splitlines(), "then", "now", "", "", 1, "")
    return [line for line in islice(lines, 12) if not line.startswith(("---", "+++"))]


def send_test_copy(call: CommandContext, newsletter: str, number: int, to: str) -> Accepted:
    """Send one test copy; raise `MailUnfit` for errors, `DigestError` if it isn't accepted."""
    address = parse(to).wire
    with call.app.database.read() as session:
        issue, edition = find_issue(session, newsletter, number)
        refuse_errors(call.app.issues.findings(edition))
        content = call.app.sending.edition_send(session, issue).content
    return call.app.letters.send_test_copy(content, address)
