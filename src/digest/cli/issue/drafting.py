"""Commands that build an issue: pick, build, show, check.

Hides how an issue is found by number, and how issues and findings are printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from sqlmodel import Session

from digest.cli.context import (
    CommandContext,
    IssueNumber,
    JsonFlag,
    NewsletterOption,
    YesFlag,
    call_of,
    counted,
    write_document,
)
from digest.cli.issue.issue_dates import confirm_past, late_words, today
from digest.issues import draft_history, provenance, store
from digest.issues.calendar.cadence import BadPeriod, issue_day, period_of_day
from digest.issues.calendar.day_words import day_words
from digest.issues.calendar.next_issue import date_of, next_issue
from digest.issues.issue_commands import named, repeated
from digest.issues.issue_facts import chosen_facts, issue_facts
from digest.issues.models import Edition, Issue, Newsletter
from digest.issues.picking import MOST, set_count
from digest.issues.variants import variant_of
from digest.mail.mailing import tags_in
from digest.mail.outbox import message
from digest.render.lint import Finding, forbids_sending

if TYPE_CHECKING:
    from digest.issues.picking import Decisions, Pick

app = typer.Typer()


def _parse_period(text: str | None) -> str | None:
    try:
        return text if text is None else period_of_day(issue_day(text, 0))
    except BadPeriod as fault:
        raise typer.BadParameter(str(fault)) from None


PeriodOption = Annotated[
    str | None,
    typer.Option(
        "--period",
        metavar="YYYY-Www",
        callback=_parse_period,
        help="The ISO week; by default, the next one due.",
    ),
]
CountOption = Annotated[
    int | None,
    typer.Option(
        "--count",
        metavar="N",
        min=1,
        max=MOST,
        help="How many comparisons; by default, the rule's number.",
    ),
]


@app.command()
def pick(
    context: typer.Context,
    period: PeriodOption = None,
    count: CountOption = None,
    newsletter: NewsletterOption = "weekly",
    as_json: JsonFlag = False,
) -> None:
    """Show what the next issue would carry, and why, without changing anything."""
    from digest.issues.build import choose_comparisons  # most commands on issues don't need it

    call = call_of(context)
    with call.app.database.read() as session:
        row = store.newsletter(session, newsletter)
        wanted, late = chosen_period(call, session, row, period)
        decisions = draft_history.current(session, row, wanted)
        asked = set_count(decisions, count) if count else decisions
        chosen = choose_comparisons(
            session,
            row,
            wanted,
            decisions=asked,
            votes_shown_from=call.settings.votes_shown_from,
        )
        when = day_words(chosen.day, today(call, row))
        ended = f"{row.slug} is archived, so this issue won't be built." if row.archived_at else ""
    if as_json:
        call.json(chosen.to_dict())
    else:
        call.out.print(f"[bold]{chosen.period}[/bold], dated {when}: {chosen.note}")
        _print_pick(call, chosen)
        for line in filter(None, (late, ended)):
            call.out.print(line, markup=False)


@app.command()
def build(
    context: typer.Context,
    period: PeriodOption = None,
    count: CountOption = None,
    newsletter: NewsletterOption = "weekly",
    again: Annotated[
        bool, typer.Option("--again", help="Rebuild it; only before it's sent.")
    ] = False,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Build the next issue: pick, compose, render, check and freeze it."""
    call = call_of(context)
    with call.app.database.read() as session:
        row = store.newsletter(session, newsletter)
        wanted, late = chosen_period(call, session, row, period)
        if period:
            confirm_past(call, row, wanted, date_of(session, row, wanted), yes=yes)
    with call.app.database.write() as session:
        row = store.newsletter(session, newsletter)
        issue, made = call.app.issues.build(session, row, wanted, count=count, again=again)
        edition = store.edition_of(session, issue)
        facts = {
            **issue_facts(issue, edition),
            "findings": [each.as_dict() for each in made.findings],
        }
        when = day_words(store.dated(issue, row), today(call, row))
    if as_json:
        call.json(facts)
        return
    call.out.print(f"Issue {issue.number} of {issue.period} is built: “{edition.subject}”")
    call.out.print(f"It's dated {when}. {late}".rstrip(), markup=False)
    call.out.print(
        f"{counted(len(made.view.comparisons), 'comparison')},"
        f" {len(edition.html.encode()) / 1000:.1f} KB of HTML, {edition.fingerprint[:12]}"
    )
    print_findings(call, made.findings)
    which = repeated(issue.number or 0, newsletter)
    call.out.print(f"Next: digest show {which} --html > issue.html")


@app.command()
def show(
    context: typer.Context,
    issue: IssueNumber,
    html: Annotated[bool, typer.Option("--html", help="The HTML part.")] = False,
    text: Annotated[bool, typer.Option("--text", help="The text part.")] = False,
    headers: Annotated[bool, typer.Option("--headers", help="The headers readers get.")] = False,
    reviewer: Annotated[
        int,
        typer.Option(
            metavar="SEAT",
            min=0,
            help="With --html or --text: as readers get it who agree with this reviewer.",
            show_default=False,
        ),
    ] = 0,
    newsletter: NewsletterOption = "weekly",
    as_json: JsonFlag = False,
) -> None:
    """Show a built issue as readers get it."""
    if html + text + headers > 1:
        raise typer.BadParameter("choose one of --html, --text and --headers: each is a file")
    if reviewer and not (html or text):
        raise typer.BadParameter("--reviewer goes with --html or --text")
    call = call_of(context)
    with call.app.database.read() as session:
        row, edition = find_issue(session, newsletter, issue)
        if headers:
            write_document(_headers(call, session, row))
        elif html or text:
            mail = variant_of(session, row, edition, reviewer) if reviewer else edition
            write_document(mail.html if html else mail.text)
        elif as_json:
            call.json(chosen_facts(row, edition))
        else:
            _print_issue(call, row, edition)


@app.command()
def check(
    context: typer.Context,
    issue: IssueNumber,
    spam: Annotated[
        bool, typer.Option("--spam", help="Also run SpamAssassin; takes a few seconds.")
    ] = False,
    reach: Annotated[
        bool, typer.Option("--reach", help="Also request every link, over the network.")
    ] = False,
    newsletter: NewsletterOption = "weekly",
    as_json: JsonFlag = False,
) -> None:
    """Check an issue again; exit 1 if an error blocks sending it."""
    from digest.issues.checking import check_link, score_spam, unreachable

    call = call_of(context)
    with call.app.database.read() as session:
        row, edition = find_issue(session, newsletter, issue)
        findings = call.app.issues.check(row, edition)
        content = call.app.sending.edition_send(session, row).content if spam else None
    facts: dict[str, Any] = {"issue": issue}
    if content:
        base_url, now = call.settings.base_url, call.app.clock()
        points, spam_says = score_spam(content, base_url=base_url, now=now)
        facts["spam_points"], findings = points, findings + spam_says
    if reach:
        with call.app.outbound_client() as client:
            check = partial(check_link, client)
            findings += unreachable(edition.html, tags_in(edition.html), check)
    if as_json:
        call.json({**facts, "findings": [each.as_dict() for each in findings]})
    else:
        if content:
            call.out.print(f"SpamAssassin score: {points:g} (5 or more is spam).")
        print_findings(call, findings)
        if not findings:
            call.out.print("No problems found.")
    if forbids_sending(findings):
        raise typer.Exit(1)


def find_issue(
    session: Session, newsletter: str, number: int, *, lock: bool = False
) -> tuple[Issue, Edition]:
    """Return an issue and its edition; raise `NotFound`. *lock* locks the issue's row."""
    return store.issue_and_edition(session, newsletter, number, lock=lock)


def print_findings(call: CommandContext, findings: Sequence[Finding]) -> None:
    """Print findings, one per line."""
    for finding in findings:
        call.out.print(str(finding), markup=False)


def chosen_period(
    call: CommandContext, session: Session, newsletter: Newsletter, period: str | None
) -> tuple[str, str]:
    """Return *period*, else the next one due, and why that one is in the past if it is."""
    if period:
        return period, ""
    now = call.app.clock()
    moment = next_issue(session, newsletter, now)
    return moment.period, late_words(newsletter, moment, now)


def _print_pick(call: CommandContext, chosen: Pick) -> None:
    for choice in chosen.chosen:
        call.out.print(f"  {choice.position}. [bold]{choice.candidate.title}[/bold]")
        call.out.print(f"     {choice.reason}", markup=False)
    if chosen.left_out:
        call.out.print("Left out:")
    for out in chosen.left_out:
        call.out.print(f"  - {out.candidate.title}: {out.reason}", markup=False)


def _print_issue(call: CommandContext, issue: Issue, edition: Edition) -> None:
    table = Table.grid(padding=(0, 2))
    wrong = issue.corrected_number
    what = f"of {issue.period}" if wrong is None else f"corrects No. {wrong}"
    table.add_row("Issue", f"{issue.number} {what}, {issue.state}")
    table.add_row("Subject", edition.subject)
    table.add_row("Preheader", edition.preheader)
    written = _written(provenance.decisions_of(edition))
    if written:
        table.add_row("By editors", written)
    table.add_row("Revision", f"{edition.revision}, {edition.fingerprint[:12]}")
    size = len(edition.html.encode()) / 1000
    table.add_row("Size", f"{size:.1f} KB of HTML (Gmail clips at 102)")
    call.out.print(table)
    for choice in issue.pick.get("chosen", []):
        line = f"  {choice['position']}. {choice['title']}: {choice['reason']}"
        call.out.print(line, markup=False)
    notes = provenance.variants_of(edition)
    if notes:
        call.out.print("Readers who asked for it get the reviewer they agree with first:")
    for note in notes:
        call.out.print(f"  {note}", markup=False)
        shown = f"digest show {named(issue)} --reviewer {note.seat} --html | --text"
        call.out.print(f"     {shown}", markup=False)
    call.out.print(f"More: digest show {named(issue)} --html | --text | --headers")


def _written(decisions: Decisions | None) -> str:
    """Return what of an issue editors wrote or chose: "opening, 2 notes, 1 block"."""
    if decisions is None:
        return ""
    lines = ("subject", "preheader", "opening")
    counts = (("note", decisions.notes), ("quote", decisions.quotes), ("block", decisions.blocks))
    parts = [line for line in lines if getattr(decisions, line)]
    parts += [counted(len(some), noun) for noun, some in counts if some]
    return ", ".join([*parts, *(["sponsor"] if decisions.sponsor.text else [])])


def _headers(call: CommandContext, session: Session, issue: Issue) -> str:
    sending = call.app.sending.edition_send(session, issue)
    reader = sending.recipients([(1, 0, "reader@example.org")])[0]
    mail = message(sending.content, reader)
    return "".join(f"{name}: {value}\n" for name, value in mail.items())
