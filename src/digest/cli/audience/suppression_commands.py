"""Commands about addresses that must not be mailed: list, import, export.

Hides that most of them are only stored as a keyed hash, and can't be exported.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from digest.cli.audience.private_files import private
from digest.cli.context import CommandContext, JsonFlag, call_of, counted
from subscribers import export as export_module
from subscribers.export import SUPPRESSION_COLUMNS, escape_formula
from subscribers.importer import REASONS, SuppressionReport, import_suppressions
from subscribers.models import SuppressionReason

app = typer.Typer(
    help="List, import and export the addresses that must not be mailed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command("list")
def list_(context: typer.Context, json: JsonFlag = False) -> None:
    """Count suppressed addresses by reason, and list the known ones."""
    call = call_of(context)
    rows = _rows(call)
    reasons = Counter(reason for _, reason, _ in rows)
    named = [dict(zip(SUPPRESSION_COLUMNS, row, strict=True)) for row in rows if row[0]]
    if json:
        call.json({"total": len(rows), "reasons": dict(reasons), "known": named})
        return
    call.out.print(f"{counted(len(rows), 'address', 'addresses')} must not be mailed.")
    for reason, number in reasons.most_common():
        call.out.print(f"  {number:,} {reason}", markup=False)
    for row in named:
        call.out.print(f"{row['email']}  {row['reason']} since {row['since']}", markup=False)
    if len(named) < len(rows):
        call.out.print(_unnamed(len(rows) - len(named)))


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False)],
    reason: Annotated[
        str, typer.Option(help=f"For lines without a reason of their own: {', '.join(REASONS)}.")
    ] = SuppressionReason.MANUAL.value,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check and count the lines, without changing anything."),
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Suppress every address on a list, subscribed or not; this adds no readers."""
    call = call_of(context)
    if reason not in REASONS:
        raise typer.BadParameter(f"is one of {', '.join(REASONS)}", param_hint="--reason")
    call.app.require_secrets()
    report = import_suppressions(
        call.app.database,
        file,
        reason=SuppressionReason(reason),
        hashes=call.app.hashes,
        now=call.app.clock(),
        rehearsal=dry_run,
    )
    if json:
        call.json(_facts(report, dry_run=dry_run))
    else:
        _print_report(call, report, dry_run=dry_run)


@app.command()
def export(
    context: typer.Context,
    to: Annotated[
        Path | None, typer.Option("--to", help="The file to write; by default, standard output.")
    ] = None,
) -> None:
    """Export the known suppressed addresses as CSV, to import elsewhere."""
    call = call_of(context)
    rows = _rows(call)
    with private(to) if to else nullcontext(sys.stdout) as out:
        writer = csv.writer(out)
        writer.writerow(SUPPRESSION_COLUMNS)
        writer.writerows([escape_formula(cell) for cell in row] for row in rows if row[0])
    unnamed = sum(1 for row in rows if not row[0])
    if unnamed:
        call.err.print(_unnamed(unnamed))


def _rows(call: CommandContext) -> list[tuple[str, str, str]]:
    with call.app.database.read() as session:
        return list(export_module.suppressions(session, call.app.hashes))


def _unnamed(number: int) -> str:
    are = "is" if number == 1 else "are"
    return f"{number:,} more {are} only stored as a keyed hash, and can't be exported."


def _facts(report: SuppressionReport, *, dry_run: bool) -> dict[str, Any]:
    return {**vars(report), "reasons": dict(report.reasons), "dry_run": dry_run}


def _print_report(call: CommandContext, report: SuppressionReport, *, dry_run: bool) -> None:
    verb = "would be suppressed" if dry_run else "suppressed"
    call.out.print(
        f"{counted(report.lines, 'line')}: {report.added:,} {verb},"
        f" {counted(report.already, 'was already', 'were already')},"
        f" {counted(report.unreadable, 'holds no address', 'hold no address')}."
    )
    if report.unreadable_lines:
        call.out.print(f"Without an address: line {', '.join(map(str, report.unreadable_lines))}")
    if dry_run:
        call.out.print("Nothing has changed. To suppress them, run this without --dry-run.")
