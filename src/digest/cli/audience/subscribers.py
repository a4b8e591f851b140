"""Commands about the list of subscribers: import, add, count, export.

Hides the progress bar, and the file of refused lines that an interrupted import continues.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.markup import escape
from rich.table import Table

from digest.cli.audience.private_files import private
from digest.cli.context import CommandContext, JsonFlag, call_of, counted
from digest.errors import WrongState
from subscribers import export as export_module
from subscribers import list_statistics
from subscribers.address import parse
from subscribers.export import escape_formula
from subscribers.importer import (
    NOT_SAID,
    NOT_UNDERSTOOD,
    ImportOptions,
    ImportReport,
    add_reader,
    filed_up_to,
    header_of,
    import_list,
)
from subscribers.list_statistics import AudienceCounts
from subscribers.tokens import Hashes

app = typer.Typer(
    help="Manage subscribers: import, export, look up, erase and suppress.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

#: Last columns of a file of refused lines, which an import leaves aside.
_REFUSED = ["digest_refused_line", "digest_refused_reason"]
Newsletter = Annotated[str, typer.Option("--newsletter", help="The newsletter's slug.")]


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False)],
    consent: Annotated[
        str, typer.Option(help="How these readers agreed, in a sentence; kept as proof.")
    ],
    newsletter: Newsletter = "weekly",
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check and count the lines, without changing anything."),
    ] = False,
    ignore_column: Annotated[
        list[str] | None,
        typer.Option(
            "--ignore-column",
            metavar="NAME",
            help="Ignore a column of the list; repeatable.",
        ),
    ] = None,
    refused: Annotated[
        Path | None,
        typer.Option(
            "--refused", help="Write the refused lines and their reasons to this CSV file."
        ),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Import a list, without readers who left, bounced, complained or were erased."""
    call = call_of(context)
    call.app.require_secrets()
    slug = call.running(newsletter)
    options = ImportOptions(
        newsletter=slug,
        consent=consent,
        language=call.language_of(slug),
        rehearsal=dry_run,
        ignored=frozenset(ignore_column or ()),
    )
    filed, header = filed_up_to(call.app.database, file, options), header_of(file, options)
    with _progress(call, file) as on_progress, _refusals(refused, filed, header) as on_refused:
        report = import_list(
            call.app.database,
            file,
            options,
            hashes=_hashes(call),
            now=call.app.clock(),
            on_progress=on_progress,
            on_refused=on_refused,
        )
    if json:
        call.json(_report_facts(report, dry_run=dry_run))
    else:
        _print_report(call, report, dry_run=dry_run)


@app.command()
def add(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The reader's address.")],
    consent: Annotated[
        str, typer.Option(help="How this reader agreed, in a sentence; kept as proof.")
    ],
    newsletter: Newsletter = "weekly",
    json: JsonFlag = False,
) -> None:
    """Add one reader, by the rules of an import: not one who left or was erased."""
    call = call_of(context)
    call.app.require_secrets()
    slug = call.running(newsletter)
    options = ImportOptions(newsletter=slug, consent=consent, language=call.language_of(slug))
    hashes, now = _hashes(call), call.app.clock()
    with call.app.database.write() as session:
        refusal = add_reader(session, parse(address), options, hashes=hashes, now=now)
    if json:
        call.json({"newsletter": slug, "added": not refusal, "reason": refusal or None})
    elif not refusal:
        call.out.print(f"Added to {slug}. The consent statement is on record.")
    if refusal and not json:
        raise WrongState(f"not added: the reader {refusal}", next_step=_STEP_OF_REFUSED)
    raise typer.Exit(1 if refusal else 0)


_STEP_OF_REFUSED = (
    "digest subscribers show ADDRESS shows the reader's status; a reader who left or was erased can"
    " only come back by signing up"
)


@app.command()
def count(
    context: typer.Context, newsletter: Newsletter = "weekly", json: JsonFlag = False
) -> None:
    """Count readers by status, with growth and sources."""
    call = call_of(context)
    with call.app.database.read() as session:
        counts = list_statistics.count(session, call.existing(newsletter), call.app.clock())
    if json:
        call.json(counts.as_json())
    else:
        _print_counts(call, counts)


@app.command()
def export(
    context: typer.Context,
    newsletter: Newsletter = "weekly",
    to: Annotated[
        Path | None, typer.Option("--to", help="The file to write; by default, standard output.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Export everyone who ever joined, as CSV or JSON."""
    call = call_of(context)
    slug = call.existing(newsletter)
    with call.app.database.read() as session, _out(to) as out:
        lines = export_module.as_json if json else export_module.as_csv
        out.writelines(lines(session, slug))


def _hashes(call: CommandContext) -> Hashes:
    return call.app.hashes


@contextmanager
def _progress(call: CommandContext, file: Path) -> Iterator[Any]:
    """Show a progress bar by bytes of the file read; on a terminal only."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[lines]:,} lines"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=call.err, disable=not call.err.is_terminal) as bar:
        task = bar.add_task("reading", total=file.stat().st_size, lines=0)
        yield lambda lines, position: bar.update(task, completed=position, lines=lines)


@contextmanager
def _refusals(path: Path | None, filed: int, header: list[str]) -> Iterator[Any]:
    """Yield a function that writes a refused line, after those refused up to line *filed*."""
    if path is None:
        yield lambda *_: None
        return
    own = [number for number, name in enumerate(header) if name not in _REFUSED]
    names = [*(escape_formula(header[number]) for number in own), *_REFUSED]
    kept = _refused_before(path, filed, names) if filed and path.is_file() else 0
    with private(path, keep=kept, each_line=True) as out:
        writer = csv.writer(out)
        if not kept:
            writer.writerow(names)

        def write(line: int, reason: str, fields: list[str]) -> None:
            cells = [fields[number] if number < len(fields) else "" for number in own]
            writer.writerow([*map(escape_formula, cells), line, reason])

        yield write


def _refused_before(path: Path, filed: int, names: list[str]) -> int:
    """Return how many bytes of a file of refused lines are about lines up to *filed*.

    The import reads later lines again. Return 0 for a file with another header.
    """
    read = kept = 0

    def texts(file: BinaryIO) -> Iterator[str]:
        nonlocal read
        for line in file:
            read += len(line)
            yield line.decode("utf-8", errors="replace")

    with path.open("rb") as file:
        rows = csv.reader(texts(file))
        if next(rows, []) != names:
            return 0
        kept = read
        for row in rows:
            number = row[-2] if len(row) == len(names) else ""
            if not number.isdecimal() or int(number) > filed:
                break
            kept = read
    return kept


def _out(path: Path | None) -> Any:
    return private(path) if path else nullcontext(sys.stdout)


def _report_facts(report: ImportReport, *, dry_run: bool) -> dict[str, Any]:
    return {
        "layout": report.layout,
        "dry_run": dry_run,
        "lines": report.lines,
        "added": report.added,
        "refused": sum(report.refused.values()),
        "reasons": dict(report.refused.most_common()),
        "resumed_at": report.resumed_at,
        "standings": dict(report.standings.most_common()),
        "still_mailed": report.still_mailed,
        "still_mailed_lines": list(report.still_mailed_lines),
        "ignored_columns": list(report.ignored),
        "note": report.note,
    }


def _print_report(call: CommandContext, report: ImportReport, *, dry_run: bool) -> None:
    if report.resumed_at:
        done = counted(report.resumed_at, "line")
        call.out.print(f"Continued an interrupted import, after {done}.")
    verb = "would join" if dry_run else "joined"
    call.out.print(f"{counted(report.lines, 'line')} ({report.layout}): {report.added:,} {verb}.")
    call.out.print(_table(["Status in the list", "Lines"], report.standings))
    call.out.print(_table(["Reason for refusal", "Lines"], report.refused))
    for line in _remarks(report):
        call.out.print(escape(line))
    if dry_run:
        call.out.print("Nothing has changed. To import them, run this without --dry-run.")


def _remarks(report: ImportReport) -> Iterator[str]:
    if report.standings[NOT_SAID]:
        yield "No column says who left: make sure that everyone on this list still wants your mail."
    if report.standings[NOT_UNDERSTOOD]:
        yield (
            "A status column has words that Digest doesn't know, and those readers aren't added."
            " If the column is about something else, ignore it with --ignore-column NAME."
        )
    if report.still_mailed:
        yield _still_mailed(report)
    if report.ignored:
        yield f"Ignored, as you asked: {', '.join(report.ignored)}."
    if report.note:
        yield f"{report.note}."


def _still_mailed(report: ImportReport) -> str:
    lines = ", ".join(str(line) for line in report.still_mailed_lines)
    more = ", ..." if report.still_mailed > len(report.still_mailed_lines) else ""
    number = report.still_mailed
    who = "1 reader" if number == 1 else f"{number:,} readers"
    verb = "gets" if number == 1 else "get"
    return (
        f"According to this list, {who} left, but still {verb} mail here (line {lines}{more})."
        " An import unsubscribes nobody. To see when a reader joined here, run digest subscribers"
        " history ADDRESS. To unsubscribe one: digest subscribers leave ADDRESS. For one who"
        " bounced or complained: digest subscribers suppress ADDRESS."
    )


def _print_counts(call: CommandContext, counts: AudienceCounts) -> None:
    call.out.print(
        f"{counts.newsletter}: {counted(counts.total, 'address', 'addresses')} on record,"
        f" {counts.mailable:,} would get an issue now"
    )
    call.out.print(_table(["Status", "Readers"], counts.standings))
    call.out.print(_table(["Not mailed", "Readers"], counts.excluded))
    call.out.print(_table(["Source", "Readers"], counts.sources))
    weeks = Table("Week", "Asked", "Joined", "Left")
    for week in counts.weeks:
        weeks.add_row(week.week, f"{week.asked:,}", f"{week.joined:,}", f"{week.left:,}")
    call.out.print(weeks)
    call.out.print(f"Sign-ups accepted in these weeks: {counts.let_in:,}")
    call.out.print(_table(["Sign-ups stopped by", "Times"], counts.stopped))


def _table(heads: list[str], rows: dict[str, int] | Counter[str]) -> Table | str:
    if not rows:
        return ""
    table = Table(heads[0], heads[1])
    for name, number in rows.items():
        table.add_row(escape(name), f"{number:,}")
    return table
