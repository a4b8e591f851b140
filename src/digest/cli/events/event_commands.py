"""Commands about the provider's events: status, drain, replay, tracking, tidy.

Hides how the state of the spool and the dead letters is printed.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from digest.cli.context import JsonFlag, NewsletterOption, call_of, printable
from digest.delivery.events import (
    change_tracking,
    count_dead_letters,
    handle_events,
    waiting_posts,
)
from digest.delivery.events.replay import replay
from digest.issues import store
from digest.issues.content import TRACKING
from digest.issues.models import Tracking

app = typer.Typer(
    help="Inspect, apply and replay the provider's events, and set tracking.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command()
def status(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Show the events waiting in the spool, and those that can't be used."""
    call = call_of(context)
    spool = call.app.events.spool()
    with call.app.database.read() as session:
        posts, octets = waiting_posts(session)
        dead_letters = count_dead_letters(session)
        newest = [
            {"at": letter.at.isoformat(), "why": letter.why, "said": letter.said}
            for letter in dead_letters.newest
        ]
    facts: dict[str, Any] = {
        "spool": str(spool.folder),
        "waiting_files": len(spool.files()),
        "waiting_posts": posts,
        "waiting_bytes": spool.size() + octets,
        "quarantined": dead_letters.ever,
        "quarantined_kept": dead_letters.kept,
        "newest": newest,
    }
    if as_json:
        call.json(facts)
        return
    waits = f"{facts['waiting_bytes']:,} bytes in {facts['waiting_files']} files ({spool.folder})"
    shared = "" if call.app.database.is_sqlite else f", and {posts:,} posts in the database"
    call.out.print(f"Waiting: {waits}{shared}")
    call.out.print(
        f"Unusable: {dead_letters.ever:,} ever, the newest {dead_letters.kept:,} are kept"
    )
    table = Table.grid(padding=(0, 2))
    for row in newest:
        cells = ("  " + row["at"][:19], row["why"], printable(row["said"][:90]))
        table.add_row(*(Text(cell) for cell in cells))
    call.out.print(table)


@app.command()
def drain(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Apply the events waiting in the spool now."""
    call = call_of(context)
    call.app.require_secrets()
    applied = call.app.events.consumer().apply_all()
    if as_json:
        call.json({"applied": applied})
    else:
        call.out.print(f"{applied:,} events applied.")


@app.command("replay")
def replay_(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="The provider's requests, as JSON arrays."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Apply stored events again, or events from files; applied events change nothing."""
    call = call_of(context)
    call.app.require_secrets()
    facts: dict[str, Any] = {}
    for path in files or []:
        post = call.app.provider.parse(path.read_bytes())
        with call.app.database.write() as session:
            handled = handle_events(
                session, post.events, hashes=call.app.hashes, now=call.app.clock()
            )
        facts[str(path)] = {**handled.as_dict(), "unreadable": post.unread}
    if not files:
        done = replay(call.app.database, hashes=call.app.hashes, now=call.app.clock())
        facts = asdict(done)
    if as_json:
        call.json(facts)
        return
    for path in files or []:
        call.out.print(f"{path}: {_counted(facts[str(path)])}", markup=False)
    if not files:
        call.out.print(f"Applied again: {_counted(facts)}", markup=False)


def _counted(numbers: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in numbers.items() if n) or "nothing"


@app.command()
def tracking(
    context: typer.Context,
    mode: Annotated[
        Tracking | None,
        typer.Argument(
            metavar="[MODE]", help="off, anonymous or reader; leave it out to see the current mode."
        ),
    ] = None,
    newsletter: NewsletterOption = "weekly",
    as_json: JsonFlag = False,
) -> None:
    """Show or set how opens and clicks are recorded: off, anonymous or reader."""
    call = call_of(context)
    with call.app.database.write() as session:
        row = store.newsletter(session, newsletter)
        if mode is not None and mode is not Tracking(row.tracking):
            change_tracking(session, row, mode)
        chosen, slug = Tracking(row.tracking), row.slug
    if as_json:
        call.json({"newsletter": slug, "tracking": chosen.value})
    else:
        call.out.print(f"{slug}: {chosen}. Its mails say: {TRACKING[chosen]}", markup=False)


@app.command()
def tidy(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Prune the events of old issues and of erased readers; every count stays."""
    call = call_of(context)
    done = call.app.events.prune()
    lifted = call.app.events.lift_suppressions()
    if as_json:
        call.json({**asdict(done), "lifted": lifted})
    else:
        call.out.print(f"{done}" if str(done) else "Nothing to prune, and no erased readers.")
        if lifted:
            call.out.print(f"{lifted:,} suppressions removed at the provider.")
