"""Commands about sources: add, list, show, poll, pause, resume, remove.

Hides how a source and its pages are laid out for a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from digest import sources
from digest.cli.context import (
    MAX_NUMBER,
    CommandContext,
    JsonFlag,
    Told,
    YesFlag,
    call_of,
    confirm,
    counted,
    printable,
    tells,
)
from digest.errors import WrongState
from digest.sources import AcceptRule, SourceKind

app = typer.Typer(
    help="Follow sites that publish comparisons, and decide on what they propose.",
    no_args_is_help=True,
)

SourceNumber = Annotated[
    int,
    typer.Argument(
        metavar="SOURCE", min=1, max=MAX_NUMBER, help="The source's number, as in the list."
    ),
]
_SHOWN = 20  #: pages of each kind that are printed
_RULES = {
    AcceptRule.NONE: "an editor decides on everything",
    AcceptRule.CHANGES: "changes are accepted; an editor decides on the rest",
    AcceptRule.ALL: "new comparisons and changes are accepted; an editor decides on withdrawals",
}


@app.command()
@tells
def add(
    context: typer.Context,
    url: Annotated[
        str,
        typer.Argument(metavar="URL", help="A site, sitemap, feed, page or JSON address."),
    ],
    kind: Annotated[
        SourceKind | None, typer.Option(help="What is at the address; by default, Digest looks.")
    ] = None,
    match: Annotated[
        str,
        typer.Option(
            metavar="PATTERN", help="Follow only pages with this path, such as '/compare/*'."
        ),
    ] = "",
    newsletter: Annotated[
        str,
        typer.Option(
            "--newsletter", metavar="SLUG", help="The only newsletter that picks from this source."
        ),
    ] = "",
    accept: Annotated[
        AcceptRule, typer.Option(help="What is accepted without an editor.")
    ] = AcceptRule.NONE,
) -> Told:
    """Follow a site: propose its new, changed and withdrawn comparisons."""
    call = call_of(context)
    if newsletter:
        call.existing(newsletter)
    found = call.app.sources.find(url, kind=kind, match=match)
    facts = call.app.sources.add(found, match=match, newsletter=newsletter, accept=accept)
    left_out = found.listing.left_out
    return Told(
        {**facts, "found": len(found.pages), "left_out": left_out},
        f"Source {facts['id']} is the {found.kind} at {found.url}: "
        + counted(len(found.pages), "page")
        + (f" to follow, {left_out:,} left out." if left_out else " to follow."),
        f"The rule: {_RULES[accept]}.",
        f"The service polls it by itself. To poll it now: digest sources poll {facts['id']}",
    )


@app.command("list")
def list_(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List the sources, with their last and their next poll."""
    call = call_of(context)
    with call.app.database.read() as session:
        rows = sources.all_facts(session)
    if as_json:
        call.json(rows)
    elif rows:
        call.out.print(_table(rows), soft_wrap=False)
    else:
        call.out.print("No site is followed yet. To follow one: digest sources add URL")


@app.command()
def show(context: typer.Context, source: SourceNumber, as_json: JsonFlag = False) -> None:
    """Show one source: what was read, when, and what was refused and why."""
    call = call_of(context)
    with call.app.database.read() as session:
        row = sources.by_id(session, source)
        facts = sources.source_facts(session, row)
        pages = sources.page_facts(session, sources.pages_of(session, source))
    if as_json:
        call.json({**facts, "page_list": pages})
    else:
        _print_source(call, facts, pages)


@app.command()
def poll(
    context: typer.Context,
    source: Annotated[
        int | None,
        typer.Argument(
            metavar="[SOURCE]", min=1, max=MAX_NUMBER, help="The source's number; else, all."
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Poll one source or all of them now, whether or not they're due.

    A poll that was stopped goes on with the pages it has left. The exit
    code is 1 if a source can't be read.
    """
    call = call_of(context)
    with call.app.database.read() as session:
        chosen = (
            [source]
            if source
            else [row["id"] for row in sources.all_facts(session) if not row["paused"]]
        )
    told = [_poll(call, number, quiet=as_json, alone=source is not None) for number in chosen]
    if as_json:
        call.json(told)
    elif not told:
        call.out.print("There is no source to poll. To follow a site: digest sources add URL")
    if any(each["problem"] for each in told):
        raise typer.Exit(1)


@app.command()
@tells
def pause(context: typer.Context, source: SourceNumber) -> Told:
    """Pause a source: it isn't polled, and its proposals stay."""
    call = call_of(context)
    with call.app.database.write() as session:
        row = sources.pause_source(session, source, call.app.clock())
        facts = sources.source_facts(session, row)
    resume_ = f"digest sources resume {source}"
    return Told(facts, f"Source {source} is paused. To poll it again: {resume_}")


@app.command()
@tells
def resume(context: typer.Context, source: SourceNumber) -> Told:
    """Resume a paused source: it's polled within a minute."""
    call = call_of(context)
    with call.app.database.write() as session:
        row = sources.resume_source(session, source, call.app.clock())
        facts = sources.source_facts(session, row)
    return Told(facts, f"Source {source} is followed again.")


@app.command()
@tells
def remove(context: typer.Context, source: SourceNumber, yes: YesFlag = False) -> Told:
    """Remove a source and what it proposes; its comparisons stay."""
    call = call_of(context)
    with call.app.database.read() as session:
        waiting = sources.source_facts(session, sources.by_id(session, source))["waiting"]
    if waiting:
        gone = f"{counted(waiting, 'proposal')} of source {source} would be deleted"
        confirm(call, gone, question="Remove it?", flag="--yes", given=yes)
    with call.app.database.write() as session:
        deleted = sources.remove(session, sources.by_id(session, source, lock=True))
    return Told(
        {"id": source, "removed": True, "proposals_deleted": deleted},
        f"Source {source} is removed. Its comparisons stay.",
    )


def _poll(call: CommandContext, source: int, *, quiet: bool, alone: bool) -> dict[str, Any]:
    """Poll a source and print the outcome; among several, one that can't be polled is told."""
    try:
        with _progress(call, source, quiet=quiet) as progress:
            result = call.app.sources.poll(source, progress)
    except WrongState as fault:
        if alone:
            raise
        call.err.print(f"source {source}: {fault}", markup=False)
        return {"source": source, "problem": str(fault)}
    facts = sources.poll_facts(result)
    if not quiet:
        call.out.print(f"source {source}: {printable(str(result))}", markup=False)
        waits = counted(result.waiting, "proposal waits", "proposals wait")
        if result.waiting:
            call.out.print(f"  {waits}: digest sources proposals", markup=False)
        if facts["pages"]["refused"]:
            call.out.print(f"  what was refused, and why: digest sources show {source}")
    return facts


@contextmanager
def _progress(
    call: CommandContext, source: int, *, quiet: bool
) -> Iterator[Callable[[int, int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    shown = call.err.is_terminal and not quiet
    columns = (TextColumn(f"Polling source {source}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=call.err, disable=not shown, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("Source", overflow="fold")
    table.add_column("Pages", justify="right", no_wrap=True)
    table.add_column("Last poll (UTC)", no_wrap=True)
    table.add_column("Next", no_wrap=True)
    for row in rows:
        table.add_row(
            Text(str(row["id"])),
            Text.assemble(
                printable(row["url"]), "\n", (printable(_about(row)), "" if row["ok"] else "bold")
            ),
            Text(f"{row['pages']:,}"),
            Text(_short(row["last_poll_at"])),
            Text(_next(row)),
        )
    return table


def _about(row: dict[str, Any]) -> str:
    mark = "" if row["ok"] else "! "
    return mark + (row["result"] or "not polled yet")


def _next(row: dict[str, Any]) -> str:
    if row["paused"]:
        return "paused"
    return "under way" if row["under_way"] else _short(row["next_poll_at"])


def _short(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "—"


def _print_source(
    call: CommandContext, facts: dict[str, Any], pages: Sequence[dict[str, Any]]
) -> None:
    lines = [
        f"Source {facts['id']}: the {facts['kind']} at {printable(facts['url'])}",
        *([f"  pages that match {facts['match']}"] if facts["match"] else []),
        *([f"  only {facts['newsletter']} picks from it"] if facts["newsletter"] else []),
        f"  the rule {facts['accept']}: {_RULES[AcceptRule(facts['accept'])]}",
        f"  last poll: {_short(facts['last_poll_at'])} UTC; next: {_next(facts)}",
        f"  {printable(_about(facts))}",
    ]
    if facts["waiting"]:
        waits = counted(facts["waiting"], "proposal waits", "proposals wait")
        lines.append(f"  {waits}: digest sources proposals --source {facts['id']}")
    for line in lines:
        call.out.print(line, markup=False)
    for outcome, heading in (("refused", "Refused"), ("failed", "Not fetched"), ("gone", "Gone")):
        _print_pages(call, heading, [page for page in pages if page["outcome"] == outcome])


def _print_pages(call: CommandContext, heading: str, pages: Sequence[dict[str, Any]]) -> None:
    if not pages:
        return
    call.out.print(f"\n[bold]{heading}: {counted(len(pages), 'page')}[/bold]")
    for page in pages[:_SHOWN]:
        line = f", line {page['line']}" if page["line"] else ""
        call.out.print(f"  {printable(page['url'])}{line}", markup=False)
        call.out.print(f"    {printable(page['reason'] or '')}", markup=False)
    if len(pages) > _SHOWN:
        call.out.print(f"  and {len(pages) - _SHOWN:,} more: --json lists them all")
