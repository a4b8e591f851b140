"""The command `digest report`: the results of one issue or of all.

Hides the layout in a terminal, and the choice of HTML, CSV or JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from digest.cli.context import (
    CommandContext,
    JsonFlag,
    NewsletterOption,
    OptionalIssue,
    call_of,
    write_document,
)
from digest.cli.issue.comparison_votes import tools_table, uncounted
from digest.delivery.reporting import EditionStatistics
from digest.errors import NotFound
from digest.issues import store
from digest.issues.models import Tracking
from digest.reports import (
    STANDINGS,
    IssueReport,
    IssueVotes,
    as_csv,
    day,
    number_range,
    percent,
    renderer,
    report_data,
    report_page,
)

app = typer.Typer()
SUBJECT_WIDTH = 30  #: columns at least


@app.command()
def report(
    context: typer.Context,
    issue: OptionalIssue = None,
    all_: Annotated[bool, typer.Option("--all", help="Report on every issue.")] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a page with charts to a file; - prints it."
        ),
    ] = None,
    as_csv_: Annotated[bool, typer.Option("--csv", help="Print every number as CSV.")] = False,
    newsletter: NewsletterOption = "weekly",
    as_json: JsonFlag = False,
) -> None:
    """Report on one issue or all: delivery, clicks, unsubscribes, complaints."""
    if (issue is None) == (not all_):
        raise typer.BadParameter("name an issue, or add --all")
    if (html is not None) + as_csv_ + as_json > 1:
        raise typer.BadParameter("choose one of --html, --csv and --json")
    call = call_of(context)
    reports = _gather(call, newsletter, issue)
    if html is not None:
        _write(call, reports, html, every=all_)
    elif as_csv_:
        write_document(as_csv(reports))
    elif as_json:
        call.json([item.as_dict() for item in reports] if all_ else reports[0].as_dict())
    elif all_:
        _print_all(call, reports)
    else:
        _print_one(call, reports[0])


def _gather(call: CommandContext, newsletter: str, number: int | None) -> list[IssueReport]:
    now = call.app.clock()
    with call.app.database.read() as session:
        row = store.newsletter(session, newsletter)
        if number is not None:
            return [report_data.report(session, store.by_number(session, row.id, number), now)]
        reports = report_data.every_issue(session, row, now)
    if not reports:
        raise NotFound("no issue has been sent yet", next_step="digest send ISSUE")
    return reports


def _write(
    call: CommandContext, reports: Sequence[IssueReport], path: Path, *, every: bool
) -> None:
    page = report_page.all_issues_page(reports) if every else report_page.issue_page(reports[0])
    if renderer() is None:
        call.err.print("The report has tables instead of charts, because a package is missing.")
        call.err.print(
            '  next: pip install "vl-convert-python<2", then write the report again', markup=False
        )
    if str(path) == "-":
        write_document(page)
        return
    path.write_text(page, encoding="utf-8")
    call.out.print(f"Written to {path}: one file, with everything in it.")


def _print_one(call: CommandContext, issue: IssueReport) -> None:
    say, statistics = call.out.print, issue.numbers
    say(f"[bold]{issue.newsletter}, {issue.label}[/bold], {day(issue.dated)}")
    say(f"“{issue.subject}”\n", markup=False)
    table = Table.grid(padding=(0, 3))
    for tile in report_page.tiles(issue):
        value = f"[red]{tile.value}[/red]" if tile.bad else tile.value
        table.add_row(tile.name, value, f"[dim]{tile.note}[/dim]")
    say(table)
    say()
    say(_providers(statistics))
    if len(issue.editions) > 1:
        say()
        say(_editions(issue))
    if issue.tracking != Tracking.OFF and issue.links:
        say()
        say(_links(issue))
    _print_votes(call, issue.votes)
    if statistics.causes:
        say()
        failed = Table(title="Why mails failed", title_justify="left", box=None)
        failed.add_column("")
        failed.add_column("readers", justify="right")
        for cause, number in statistics.causes.items():
            failed.add_row(cause, f"{number:,}")
        say(failed)
    if issue.tracking == Tracking.OFF:
        say("\n[dim]This newsletter doesn't track opens or clicks.[/dim]")


def _print_votes(call: CommandContext, votes: IssueVotes) -> None:
    call.out.print()
    if not votes.any:
        call.out.print(report_page.NO_VOTES)
        return
    table = tools_table([tool for one in votes.comparisons for tool in one.tools])
    table.title, table.title_justify = "Votes", "left"
    call.out.print(table)
    for sentence in uncounted(votes.held, votes.scans):
        call.out.print(f"\n{sentence}", markup=False)


def _providers(statistics: EditionStatistics) -> Table:
    table = Table(title="By mailbox provider", title_justify="left", box=None)
    table.add_column("")
    for name in ("delivered", "deferred", "blocked", "bounced", "dropped"):
        table.add_column(name, justify="right")
    table.add_column("complaints", justify="right")
    for provider in statistics.providers:
        numbers = (
            provider.delivered,
            provider.deferred,
            provider.blocked,
            provider.bounced,
            provider.dropped,
        )
        rate = percent(provider.complained, provider.delivered, places=2)
        table.add_row(
            provider.name, *(f"{n:,}" for n in numbers), f"{provider.complained:,} ({rate})"
        )
    return table


def _editions(issue: IssueReport) -> Table:
    table = Table(title="By edition", title_justify="left", box=None)
    table.add_column("")
    for name in STANDINGS:
        table.add_column(name, justify="right")
    for edition in issue.editions:
        numbers = (getattr(edition, name) for name in STANDINGS)
        table.add_row(f"{edition.slice}, revision {edition.revision}", *(f"{n:,}" for n in numbers))
    return table


def _links(issue: IssueReport) -> Table:
    table = Table(title="Links, by readers who clicked", title_justify="left", box=None)
    table.add_column("")
    table.add_column("in")
    table.add_column("least to most", justify="right")
    table.add_column("times", justify="right")
    for link in issue.links:
        table.add_row(
            link.words, link.section, number_range(link.surely, link.readers), f"{link.clicks:,}"
        )
    return table


def _print_all(call: CommandContext, reports: Sequence[IssueReport]) -> None:
    table = Table(title=reports[0].newsletter, title_justify="left", box=None)
    for name, justify in (("No.", "right"), ("subject", "left"), ("dated", "left")):
        width = SUBJECT_WIDTH if name == "subject" else None  # narrower, it takes many lines
        right = justify == "right"
        table.add_column(name, justify="right" if right else "left", min_width=width)
    for name in ("delivered", "opened", "clicked", "left", "complaints"):
        table.add_column(name, justify="right")
    for issue in reports:
        numbers, tracked = issue.numbers, issue.tracking != Tracking.OFF
        table.add_row(
            str(issue.number),
            issue.subject,
            day(issue.dated),
            f"{numbers.delivered:,} of {numbers.accepted:,}",
            f"{numbers.opened_people:,}" if tracked else "—",
            number_range(numbers.clicked_surely, numbers.clicked_all) if tracked else "—",
            f"{issue.unsubscribed:,}",
            percent(numbers.complained, numbers.delivered, places=2),
        )
    call.out.print(table)
