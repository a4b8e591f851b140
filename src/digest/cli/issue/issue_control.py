"""Commands that intervene in a send: pause, resume, cancel, resolve.

Hides which of a restore, a lost secret or a first wave `resume` is asked to pass.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from getpass import getuser
from typing import Annotated

import typer
from sqlmodel import Session

from digest.app.send_start import resume_send
from digest.cli.context import (
    MAX_NUMBER,
    CommandContext,
    IssueNumber,
    NewsletterOption,
    OptionalIssue,
    Told,
    YesFlag,
    call_of,
    confirm,
    counted,
    tells,
)
from digest.cli.issue.drafting import find_issue
from digest.delivery import known_secrets
from digest.delivery.counts import DeliveryCounts, count_deliveries
from digest.delivery.sending import control, restore_guard
from digest.errors import NotFound
from digest.issues.issue_commands import build_anew, repeated
from digest.issues.models import IssueState
from digest.service import cancel_issue, pause_issue, service_is_up

app = typer.Typer()


def _not_blank(words: str) -> str:
    """Return the stripped text of an option; raise `BadParameter` for a blank one."""
    if not words.strip():
        raise typer.BadParameter("must not be blank")
    return words.strip()


_TIME_FORMATS = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]
_EVERY = "Decide on all of this issue's batches in doubt."
_SINCE = "Only those sent at or after this time (2026-11-24 09:00, in UTC)."
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for the record.")]


@app.command()
@tells
def pause(
    context: typer.Context,
    issue: IssueNumber,
    why: Why = "paused by hand",
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Pause an issue: finish the requests under way, and start no further batch."""
    call = call_of(context)
    with call.app.database.write() as session:
        row = find_issue(session, newsletter, issue, lock=True)[0]
        facts = pause_issue(session, row, why, call.app.clock())
    return Told(
        facts, f"Issue {issue} is paused. To continue: digest resume {repeated(issue, newsletter)}"
    )


@app.command()
@tells
def resume(
    context: typer.Context,
    issue: OptionalIssue = None,
    after_restore: Annotated[
        bool, typer.Option("--after-restore", help="Allow sending from a restored database.")
    ] = False,
    lost_secret: Annotated[
        bool, typer.Option("--lost-secret", help="Continue without a secret that is lost for good.")
    ] = False,
    past_first_wave: Annotated[
        bool,
        typer.Option("--past-first-wave", help="Send the rest, whatever the first wave shows."),
    ] = False,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who makes this decision.")] = "",
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", help="The reason, for the record.")
    ] = "",
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Resume a paused issue, and retry its parked batches."""
    call = call_of(context)
    if after_restore:
        return _resume_after_restore(call, by, why)
    if lost_secret:
        return _resume_without_secret(call, by, why)
    if issue is None:
        raise typer.BadParameter(
            "name the issue, or add --after-restore or --lost-secret", param_hint="ISSUE"
        )
    return _resume_issue(call, newsletter, issue, past_first_wave=past_first_wave)


def _resume_issue(
    call: CommandContext, newsletter: str, issue: int, *, past_first_wave: bool
) -> Told:
    with call.app.database.write() as session:
        row = find_issue(session, newsletter, issue)[0]
        resumed = resume_send(call.app, session, row, past_first_wave=past_first_wave, by=getuser())
    sender, fault, which = resumed.new_sender, resumed.fault, repeated(issue, newsletter)
    facts = resumed.as_dict()
    lines = [f"Nobody has got it yet: it now comes from {sender}."] if sender else []
    if fault is not None:
        lines.append(
            f"The issue was approved with another sender, so issue {issue} stays paused."
            f" Next: digest approve {which}; then digest resume {which}"
        )
        return Told(facts, *lines)
    with call.app.database.read() as session:
        goes_on = service_is_up(session, call.app.clock())
    lines.append(
        f"Issue {issue} is resumed, and goes on by itself."
        if goes_on
        else f"Issue {issue} is resumed. Next: digest send {which}"
    )
    if resumed.waits:
        lines.append(
            "Its first wave goes out alone, and the rest waits for the results. To send the rest"
            f" in any case: digest resume {which} --past-first-wave"
        )
    return Told(facts, *lines)


def _resume_without_secret(call: CommandContext, by: str, why: str) -> Told:
    _require_signed(by, why)
    marks, now = call.app.secret_marks, call.app.clock()
    many = known_secrets.give_up(call.app.database, marks, by=by, why=why, now=now)
    told = (
        f"{counted(many, 'secret')} given up. Links in mails from that time stay dead, including"
        " unsubscribe links. An import could re-add readers who left, complained or were erased"
        " then, so check every list first."
    )
    nothing = "No secret is missing; nothing changed."
    return Told({"secrets_given_up": many}, told if many else nothing)


def _require_signed(by: str, why: str) -> None:
    if not by or not why:
        raise typer.BadParameter("add who decides and why: --by NAME --why TEXT")


def _resume_after_restore(call: CommandContext, by: str, why: str) -> Told:
    _require_signed(by, why)
    restored = restore_guard.accept_restore(
        call.app.database, call.app.sending.restore_guard_file, by=by, why=why, now=call.app.clock()
    )
    lines = [
        "This database can send again. Mail that it doesn't know about may already have been sent."
    ]
    for number in restored.paused:
        lines.append(
            f"Issue {number} is paused. Next: digest resume {number}, or digest cancel {number}"
        )
    for number in restored.built:
        lines.append(
            f"This database doesn't know whether issue {number} was sent. If it wasn't, approve it"
            f" again: digest approve {number}. If it was: digest cancel {number}"
        )
    facts = {"paused": list(restored.paused), "built": list(restored.built)}
    return Told(facts, *lines)


@app.command()
@tells
def cancel(
    context: typer.Context,
    issue: IssueNumber,
    why: Why = "cancelled by hand",
    newsletter: NewsletterOption = "weekly",
    yes: YesFlag = False,
) -> Told:
    """Cancel an issue for good: copies not sent yet stay unsent."""
    call = call_of(context)
    with call.app.database.read() as session:
        row, edition = find_issue(session, newsletter, issue)
        counts = count_deliveries(session, edition.id or 0)
        what = f"issue {issue} will be cancelled for good; {_gone_out(counts)}"
        if row.state is not IssueState.CANCELLED:  # which is refused below
            confirm(call, what, question="Cancel the issue?", flag="--yes", given=yes)
    with call.app.database.write() as session:
        row = find_issue(session, newsletter, issue, lock=True)[0]
        facts = cancel_issue(session, row, why)
        again = build_anew(row)
    return Told(
        facts,
        f"Issue {issue} is cancelled: copies that weren't sent stay unsent.",
        f"To build another issue for its week: {again}. Readers who got this one won't get it.",
    )


def _gone_out(counts: DeliveryCounts) -> str:
    """Return how far an issue has gone out, in words."""
    if counts.candidates == 0:
        return "nobody has got it yet"
    doubt = f", {counts.in_doubt:,} may have got it" if counts.in_doubt else ""
    return f"{counts.accepted:,} of {counted(counts.candidates, 'reader')} have got it{doubt}"


@app.command()
@tells
def resolve(
    context: typer.Context,
    batches: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[BATCH]...", help="The batches' keys, as digest status shows them."
        ),
    ] = None,
    *,
    verdict: Annotated[
        control.DoubtResolution,
        typer.Argument(metavar="VERDICT", help="What happened to them: accepted or unsent."),
    ],
    by: Annotated[
        str, typer.Option("--by", metavar="NAME", help="Who decides.", callback=_not_blank)
    ],
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", help="The reason.", callback=_not_blank)
    ],
    every: Annotated[
        int | None,
        typer.Option("--all", metavar="ISSUE", min=1, max=MAX_NUMBER, help=_EVERY),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help=_SINCE),
    ] = None,
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Decide what happened to batches in doubt; name, time and reason are recorded."""
    call = call_of(context)
    _require_one_way(batches, every, since)
    moment = _parse_time(since) if since is not None else None
    with call.app.database.write() as session:
        keys = batches or _doubts(session, newsletter, every or 0, moment)
        now = call.app.clock()
        resolved = [control.resolve(session, key, verdict, by=by, why=why, now=now) for key in keys]
        call.app.job_queue.enqueue_batches(session, now)
        numbers = sorted({control.number_of(session, batch) or 0 for batch in resolved})
    lines = [
        f"Batch {batch.key[:8]} with {counted(batch.size, 'reader')} is now {verdict}."
        for batch in resolved
    ]
    if verdict is control.DoubtResolution.UNSENT:
        lines += [f"Next: digest send {repeated(number, newsletter)}" for number in numbers]
    batch_facts = [{"batch": batch.key, "readers": batch.size} for batch in resolved]
    facts = {"verdict": verdict, "issues": numbers, "batches": batch_facts}
    return Told(facts, *lines)


def _require_one_way(batches: list[str] | None, every: int | None, since: str | None) -> None:
    """Raise `BadParameter` unless batches are named in exactly one way."""
    wrong = ""
    if batches and every is not None:
        wrong = f"name batches or use --all {every}, not both"
    elif since is not None and every is None:
        wrong = "--since needs --all ISSUE: it selects among the batches of one issue"
    elif not batches and every is None:
        wrong = "name the batches, or add --all ISSUE"
    if wrong:
        raise typer.BadParameter(wrong, param_hint="BATCH")


def _parse_time(text: str) -> datetime:
    """Parse a date or time in UTC; raise `BadParameter` for anything else."""
    for form in _TIME_FORMATS:
        with suppress(ValueError):
            return datetime.strptime(text, form).replace(tzinfo=UTC)
    raise typer.BadParameter(
        "must be a date, or a date and time in UTC, such as 2026-11-24 or '2026-11-24 09:00'",
        param_hint="--since",
    )


def _doubts(session: Session, newsletter: str, number: int, since: datetime | None) -> list[str]:
    keys = control.in_doubt(session, find_issue(session, newsletter, number)[1], since)
    if not keys:
        raise NotFound(
            f"issue {number} has no such batch in doubt",
            next_step=f"digest status {repeated(number, newsletter)}",
        )
    return keys
