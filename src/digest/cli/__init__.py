"""The command line `digest`: one module a noun, which parses, calls the engine and prints.

`main` runs the Typer application and turns errors into one line with a next step and exit code 1.
Each command takes its settings and installation from `context`. `init` creates the database;
`comparisons` imports and lists; `schedule` sets when issues are due; the package `issue` builds,
approves, sends and controls issues; the package `audience` keeps subscribers; `events` and
`report` read what the provider returned; `run`, `serve` and `preview` start servers; `doctor`,
`docs`, `demo` and `fake_sendgrid` help to operate the engine. `comparison_output` lays out tables
and `private_files` writes files that hold addresses.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from digest.cli import (
    comparisons,
    demo,
    docs,
    doctor,
    events,
    fake_sendgrid,
    init,
    preview,
    report,
    run,
    schedule,
    serve,
)
from digest.cli.audience import subscriber, subscribers
from digest.cli.context import CommandContext
from digest.cli.issue import approve, drafting, issue_control, send
from digest.db import unfit
from digest.errors import DigestError
from subscribers.errors import SubscribersError

app = typer.Typer(
    name="digest",
    help="Turns AI tool comparisons into newsletters, sends them, and reports the results.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
NOUNS = (
    init,
    drafting,
    preview,
    approve,
    send,
    issue_control,
    serve,
    fake_sendgrid,
    demo,
    run,
    doctor,
    docs,
    report,
)
for noun in NOUNS:
    app.add_typer(noun.app)
app.add_typer(comparisons.app, name="comparisons")
app.add_typer(events.app, name="events")
subscribers.app.add_typer(subscriber.app)
app.add_typer(subscribers.app, name="subscribers")
app.add_typer(schedule.app, name="schedule")
app.command("import")(comparisons.import_)


@app.callback()
def _root(
    context: typer.Context,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="URL", help="The database; else DIGEST_DATABASE_URL."),
    ] = None,
) -> None:
    context.obj = CommandContext(database_url=database)


def main() -> None:
    """Run the digest command; exit 0 done, 1 it could not be done, 2 wrong usage."""
    try:
        app()
    except (DigestError, SubscribersError) as fault:
        _fail(str(fault), getattr(fault, "next_step", None))
    except SQLAlchemyError as fault:
        error = unfit(fault)
        _fail(str(error), error.next_step)
    except OSError as fault:
        _fail(f"{fault.filename or 'the system'}: {fault.strerror or fault}", next_step_of(fault))
    except Exception as fault:  # a bug: print one line, and the traceback on request
        if os.environ.get("DIGEST_DEBUG"):
            raise
        _fail(
            f"an internal fault ({type(fault).__name__}); nothing half-done was kept",
            "run it again with DIGEST_DEBUG=1 and report what it prints",
        )


def next_step_of(fault: OSError) -> str | None:
    """Return the next step for an error of the operating system; ``None`` where none is known."""
    if isinstance(fault, PermissionError):
        return (
            "let the user this runs as enter the folder, and read and write what is in it: ls -la"
        )
    return None


def _fail(message: str, next_step: str | None) -> None:
    sys.stderr.write(f"digest: {message}\n" + (f"  next: {next_step}\n" if next_step else ""))
    raise SystemExit(1)
