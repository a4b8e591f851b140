"""What became of issues, on the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from digest.cli.context import AnyIssue, CommandContext, JsonFlag, call_of
from digest.cli.issue.build import NewsletterOption
from digest.delivery.reporting import EditionStatistics
from digest.errors import NotFound
from digest.issues import store
from digest.issues.models import Tracking
from digest.reports import (
    STANDINGS,
    IssueReport,
    as_csv,
    day,
    number_range,
    percent,
    renderer,
    report_data,
    report_page,
)

app = typer.Typer()


@app.command()
def report(
    context: typer.Context,
    issue: AnyIssue = None,
    all_: Annotated[bool, typer.Option("--all", help="Every issue so far.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write one page with charts; - prints it."),
    ] = None,
    as_csv_: Annotated[bool, typer.Option("--csv", help="Print every number as CSV.")] = False,
    newsletter: NewsletterOption = "weekly",
    as_json: JsonFlag = False,
) -> None:
    """Tell what became of an issue, or of all: reached, clicked, left, complained, by provider."""
    if (issue is None) == (not all_):
        raise typer.BadParameter("name an issue, or say --all")
    if (html is not None) + as_csv_ + as_json > 1:
        raise typer.BadParameter("choose one of --html, --csv and --json")
    call = call_of(context)
    found = _gather(call, newsletter, issue)
    if html is not None:
        _write(call, found, html, series=all_)
    elif as_csv_:
        sys.stdout.write(as_csv(found))
    elif as_json:
        call.json([each.as_dict() for each in found] if all_ else found[0].as_dict())
    elif all_:
        _print_all(call, found)
    else:
        _print_one(call, found[0])


def _gather(call: CommandContext, newsletter: str, number: int | None) -> list[IssueReport]:
    now = call.app.clock()
    with call.app.database.read() as session:
        series = store.newsletter(session, newsletter)
        if number is not None:
            return [report_data.report(session, store.by_number(session, series.id, number), now)]
        found = report_data.every_issue(session, series, now)
    if not found:
        raise NotFound("no issue was sent yet", next_step="digest send ISSUE")
    return found


def _write(call: CommandContext, found: Sequence[IssueReport], path: Path, *, series: bool) -> None:
    made = report_page.series_page(found) if series else report_page.issue_page(found[0])
    if renderer() is None:
        call.err.print("The charts aren't drawn: a package is missing. Tables take their place.")
        call.err.print(
            '  next: pip install "vl-convert-python<2", and write it again', markup=False
        )
    if str(path) == "-":
        sys.stdout.write(made)
        return
    path.write_text(made, encoding="utf-8")
    call.out.print(f"Written to {path}: one file, with all it needs in it.")


def _print_one(call: CommandContext, one: IssueReport) -> None:
    say, found = call.out.print, one.numbers
    say(f"[bold]{one.newsletter}, No. {one.number}[/bold], {day(one.sent_at)}")
    say(f"“{one.subject}”\n", markup=False)
    table = Table.grid(padding=(0, 3))
    for tile in report_page.tiles(one):
        value = f"[red]{tile.value}[/red]" if tile.bad else tile.value
        table.add_row(tile.name, value, f"[dim]{tile.note}[/dim]")
    say(table)
    say()
    say(_providers(found))
    if len(one.editions) > 1:
        say()
        say(_editions(one))
    if one.tracking != Tracking.OFF and one.links:
        say()
        say(_links(one))
    if found.causes:
        say()
        failed = Table(title="Why mails failed", title_justify="left", box=None)
        failed.add_column("")
        failed.add_column("readers", justify="right")
        for cause, number in found.causes.items():
            failed.add_row(cause, f"{number:,}")
        say(failed)
    if one.tracking == Tracking.OFF:
        say("\n[dim]This newsletter doesn't learn who opens it or which links are followed.[/dim]")


def _providers(found: EditionStatistics) -> Table:
    table = Table(title="By mailbox provider", title_justify="left", box=None)
    table.add_column("")
    for name in ("delivered", "deferred", "blocked", "bounced", "dropped"):
        table.add_column(name, justify="right")
    table.add_column("complaints", justify="right")
    for one in found.providers:
        numbers = (one.delivered, one.deferred, one.blocked, one.bounced, one.dropped)
        rate = percent(one.complained, one.delivered, places=2)
        table.add_row(one.name, *(f"{n:,}" for n in numbers), f"{one.complained:,} ({rate})")
    return table


def _editions(one: IssueReport) -> Table:
    table = Table(title="By edition", title_justify="left", box=None)
    table.add_column("")
    for name in STANDINGS:
        table.add_column(name, justify="right")
    for each in one.editions:
        numbers = (getattr(each, name) for name in STANDINGS)
        table.add_row(f"{each.slice}, revision {each.revision}", *(f"{n:,}" for n in numbers))
    return table


def _links(one: IssueReport) -> Table:
    table = Table(title="Links, by readers who followed them", title_justify="left", box=None)
    table.add_column("")
    table.add_column("in")
    table.add_column("surely to all", justify="right")
    table.add_column("times", justify="right")
    for link in one.links:
        table.add_row(
            link.words, link.section, number_range(link.surely, link.readers), f"{link.clicks:,}"
        )
    return table


def _print_all(call: CommandContext, found: Sequence[IssueReport]) -> None:
    table = Table(title=found[0].newsletter, title_justify="left", box=None)
    for name, justify in (("No.", "right"), ("subject", "left"), ("sent", "left")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    for name in ("delivered", "opened", "clicked", "left", "complaints"):
        table.add_column(name, justify="right")
    for one in found:
        numbers, tracked = one.numbers, one.tracking != Tracking.OFF
        table.add_row(
            str(one.number),
            one.subject,
            day(one.sent_at),
            f"{numbers.delivered:,} of {numbers.accepted:,}",
            f"{numbers.opened_people:,}" if tracked else "—",
            number_range(numbers.clicked_surely, numbers.clicked_all) if tracked else "—",
            f"{one.unsubscribed:,}",
            percent(numbers.complained, numbers.delivered, places=2),
        )
    call.out.print(table)
