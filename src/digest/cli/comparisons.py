"""Commands about comparisons: import, list, show, withdraw, restore, set.

Hides how the outcome of each file of an import is reported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from digest.cli.comparison_output import comparison_layout, comparison_table
from digest.cli.context import MAX_NUMBER, CommandContext, JsonFlag, call_of, printable
from digest.comparisons import editorial, store
from digest.comparisons.loader import MAX_BYTES, find, read_file
from digest.comparisons.schema import MAX_WEIGHT, ComparisonDraft
from digest.comparisons.serialize import facts_of, summary_of
from digest.comparisons.store import ImportOutcome, ImportResult
from digest.errors import ComparisonUnreadable
from digest.issues.issue_commands import build_again
from digest.issues.models import IssueState
from digest.issues.store import CarryingIssue, carried_by, issue_and_edition

import_app = typer.Typer()
app = typer.Typer(help="List, show and edit imported comparisons.", no_args_is_help=True)

Slug = Annotated[str, typer.Argument(help="The comparison's slug, as in digest comparisons list.")]
_STDIN = "-"
_PROGRESS_FROM = 25  #: files; an import of more shows a progress bar


@dataclass
class _ImportReport:
    """The outcome of each file of one import."""

    kept: list[tuple[str | Path, ImportResult]] = field(default_factory=list)
    refused: list[ComparisonUnreadable] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        outcomes = [kept.outcome for _, kept in self.kept]
        counted = {outcome.value: outcomes.count(outcome) for outcome in ImportOutcome}
        return {**counted, "refused": len(self.refused)}

    def facts(self) -> dict[str, Any]:
        return {
            **self.counts(),
            "files": [
                {
                    "file": str(path),
                    "outcome": kept.outcome.value,
                    "slug": kept.slug,
                    "title": kept.title,
                    "revision": kept.revision,
                    "warnings": kept.warnings,
                }
                for path, kept in self.kept
            ]
            + [
                {
                    "file": fault.source,
                    "outcome": "refused",
                    "line": fault.line,
                    "reason": fault.reason,
                }
                for fault in self.refused
            ],
        }


@import_app.command("import")
def import_(
    context: typer.Context,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Page text (.txt), JSON, folders of them, web addresses, or - for standard input.",
        ),
    ],
    as_json: JsonFlag = False,
) -> None:
    """Import comparisons: add new ones, and a new revision of each that changed.

    A file that can't be read is refused with the reason; the others are
    kept, and the exit code is 1. A web address is read once; to follow a
    site: digest sources add URL.
    """
    call = call_of(context)
    report = _import(call, [origin for path in paths for origin in _origins(path)])
    if as_json:
        call.json(report.facts())
    else:
        _print_results(call, report)
    _raise_refusals(call, report)


@app.command("list")
def list_(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List all comparisons by slug, each with its newest revision."""
    call = call_of(context)
    with call.app.database.read() as session:
        rows = store.summaries(session)
    if as_json:
        call.json([summary_of(row) for row in rows])
    elif rows:
        call.out.print(comparison_table(rows), soft_wrap=False)
    else:
        call.out.print("There are no comparisons yet. Next: digest import PATH")


@app.command()
def show(
    context: typer.Context,
    slug: Slug,
    revision: Annotated[
        int | None,
        typer.Option(
            "--revision", min=1, max=MAX_NUMBER, help="An earlier revision; by default, the newest."
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one comparison in full, with both tools side by side."""
    call = call_of(context)
    with call.app.database.read() as session:
        comparison = store.by_slug(session, slug)
        row = store.revision(session, comparison, revision or comparison.latest)
        facts = facts_of(comparison, row)
    if as_json:
        call.json(facts)
    else:
        call.out.print(comparison_layout(facts), soft_wrap=False)


@app.command()
def withdraw(
    context: typer.Context,
    slug: Slug,
    why: Annotated[str, typer.Option("--why", help="The reason, for the record.")],
    as_json: JsonFlag = False,
) -> None:
    """Withdraw a comparison: no issue picks it, and its page is gone; sent issues keep it."""
    call = call_of(context)
    with call.app.database.write() as session:
        comparison = editorial.withdraw(session, slug, why.strip(), call.app.clock())
        carrying = carried_by(session, comparison)
        told = [what_of(session, row) for row in carrying]
    if as_json:
        call.json({"slug": slug, "withdrawn": True, "issues": [row._asdict() for row in carrying]})
        return
    call.out.print(f"{slug} is withdrawn. To restore it: digest comparisons restore {slug}")
    for line in told:
        call.out.print(line, markup=False)


@app.command()
def restore(context: typer.Context, slug: Slug, as_json: JsonFlag = False) -> None:
    """Restore a withdrawn comparison: it can be picked, and its page is back."""
    call = call_of(context)
    with call.app.database.write() as session:
        editorial.restore(session, slug, call.app.clock())
    if as_json:
        call.json({"slug": slug, "withdrawn": False})
    else:
        call.out.print(f"{slug} is restored: it can be picked, and its page is back.")


@app.command("set")
def set_(
    context: typer.Context,
    slug: Slug,
    weight: Annotated[
        float | None, typer.Option(min=0, max=MAX_WEIGHT, help="The weight in the pick; usually 1.")
    ] = None,
    date: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="The publication date."),
    ] = None,
    category: Annotated[str | None, typer.Option(help="The category of both tools.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Set a comparison's weight, date or category; later imports keep them."""
    call = call_of(context)
    if weight is None and date is None and category is None:
        raise typer.BadParameter("name what to set: --weight, --date or --category")
    with call.app.database.write() as session:
        comparison = store.by_slug(session, slug)
        before = comparison.latest
        newest = editorial.set_values(
            session,
            slug,
            weight=weight,
            published_on=date.date() if date else None,
            category=category,
            now=call.app.clock(),
        )
        changed, number = newest.number != before, newest.number
        built = [
            _build_again(session, row)
            for row in carried_by(session, comparison)
            if row.state is IssueState.BUILT
        ]
    if as_json:
        facts = {"slug": slug, "revision": number, "changed": changed}
        call.json({**facts, "set_by_editors": comparison.set_by_editors})
        return
    if not changed:
        call.out.print(f"{slug} already has these values; nothing changed.")
        return
    call.out.print(f"{slug} is now at revision {number}. Later imports keep these values.")
    for line in built:
        call.out.print(line, markup=False)


def what_of(session: Session, row: CarryingIssue) -> str:
    """Return what becomes of an issue whose comparison was withdrawn."""
    if row.state is IssueState.BUILT:
        return f"{_build_again(session, row)} Until then it can't be sent."
    if row.state is IssueState.SENT:
        return f"Issue {row.number} of {row.newsletter} was sent with it, and keeps it."
    pause = f"digest pause {row.number} --newsletter {row.newsletter}"
    return f"Issue {row.number} of {row.newsletter} is being sent with it. To stop it: {pause}"


def _build_again(session: Session, row: CarryingIssue) -> str:
    issue, _ = issue_and_edition(session, row.newsletter, row.number)
    again = build_again(issue)
    return f"Issue {row.number} of {row.newsletter} was built with the earlier version: {again}."


def _origins(path: str) -> Iterator[str | Path]:
    """Yield what a path of the import means: a web address, standard input, or files."""
    if path == _STDIN or path.startswith(("https://", "http://")):
        yield path
    else:
        yield from find([Path(path)])


def _read(call: CommandContext, origin: str | Path) -> ComparisonDraft:
    """Return the draft of one origin; raises only `ComparisonUnreadable`."""
    if isinstance(origin, Path):
        return read_file(origin)
    if origin == _STDIN:
        return _read_stdin()
    return call.app.sources.read_page(origin)


def _read_stdin() -> ComparisonDraft:
    from digest.sources.pages import read_page

    return read_page(sys.stdin.buffer.read(MAX_BYTES + 1), content_type="", url="standard input")


def _import(call: CommandContext, origins: Sequence[str | Path]) -> _ImportReport:
    report, seen = _ImportReport(), dict[str, str | Path]()
    for path in _with_progress(call, origins):
        try:
            draft = _read(call, path)
        except ComparisonUnreadable as fault:
            report.refused.append(fault)
            continue
        with call.app.database.write() as session:
            result = store.store_draft(session, draft, now=call.app.clock())
        report.kept.append((path, _with_twin_warning(result, seen, path)))
    return report


def _with_progress(call: CommandContext, files: Sequence[str | Path]) -> Iterator[str | Path]:
    from rich.progress import track

    shown = len(files) > _PROGRESS_FROM and call.err.is_terminal
    yield from track(
        files, description="Importing", console=call.err, transient=True, disable=not shown
    )


def _with_twin_warning(
    result: ImportResult, seen: dict[str, str | Path], path: str | Path
) -> ImportResult:
    """Warn of a second file about the same comparison with different content."""
    first = seen.setdefault(result.slug, path)
    if first is path or result.outcome is ImportOutcome.UNCHANGED:
        return result
    warning = f"{first} is about the same comparison and differs; this file wins"
    return replace(result, warnings=(*result.warnings, warning))


def _print_results(call: CommandContext, report: _ImportReport) -> None:
    for path, result in report.kept:
        revised = f", revision {result.revision}" if result.outcome is ImportOutcome.REVISED else ""
        name = path.name if isinstance(path, Path) else printable(path)
        call.out.print(f"{result.outcome.value:<9}  {result.slug}{revised}  ({name})", markup=False)
        for warning in result.warnings:
            call.out.print(f"           look: {warning}", markup=False)
    counted = ", ".join(f"{count} {outcome}" for outcome, count in report.counts().items() if count)
    if counted:
        call.out.print(counted)


def _raise_refusals(call: CommandContext, report: _ImportReport) -> None:
    """Raise a single fault, or print each to stderr and raise a summary."""
    if not report.refused:
        return
    if len(report.refused) == 1:
        raise report.refused[0]
    for fault in report.refused:
        call.err.print(f"refused: {fault}", markup=False)
    held = "; the others were imported" if report.kept else ""
    total = len(report.refused) + len(report.kept)
    raise ComparisonUnreadable(f"{len(report.refused)} of {total} files were refused{held}")
