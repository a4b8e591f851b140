"""The command line `digest`: one module a noun, which parses, calls the engine and prints.

`main` runs the Typer application and turns errors into one line with a next step and exit code 1.
`COMMANDS` lists the commands with their help, and `GROUPS` in the order of a week's work; a
command's module is imported when it is called. `help_text` prints help, and what a call got wrong.
Each command takes its settings and installation from `context`. The package `installation` sets an
installation up and checks it; `comparisons` imports and lists, and the package `sources` follows
other sites; `newsletter_commands` adds and changes newsletters; `schedule` sets when issues are
due; the package `issue` builds, approves, sends and controls issues; the package `audience` keeps
subscribers; the package `events` and `report` read what the provider returned; the package
`webhooks` tells other programs what happens; the package `service` keeps running, and `serve` and
`preview` start servers; `template_files` hands out the shipped templates; `demo` and
`fake_sendgrid` are for trying out. `console` fits what is printed to the terminal, and
`comparison_output` lays out comparisons.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from pkgutil import resolve_name
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from digest import startup
from digest.cli.help_text import HelpContext, UsageError, explain, print_fault, print_usage_error
from digest.errors import DatabaseUnfit, DigestError
from subscribers.errors import SubscribersError

#: Where each command is defined, and the first paragraph of its help, in the order of the list.
COMMANDS = {
    "digest.cli.installation.setup:app": {
        "setup": (
            "Set up a newsletter: answer a few questions, test the answers, and save them to .env."
        ),
    },
    "digest.cli.comparisons:import_app": {
        "import": "Import comparisons: add new ones, and a new revision of each that changed.",
    },
    "digest.cli.installation.init:app": {
        "init": ('Create or upgrade the database with the newsletter "weekly"; safe to run again.'),
    },
    "digest.cli.issue.drafting:app": {
        "pick": "Show what the next issue would carry, and why, without changing anything.",
        "build": "Build the next issue: pick, compose, render, check and freeze it.",
        "show": "Show a built issue as readers get it.",
        "check": "Check an issue again; exit 1 if an error blocks sending it.",
    },
    "digest.cli.issue.draft_words:app": {
        "draft": (
            "Show or change what editors wrote and chose for the next issue: the opening, notes,"
            " quotes, blocks."
        ),
    },
    "digest.cli.preview:app": {
        "preview": "Open the editor's desk: the next issue in a browser, updated as you edit.",
    },
    "digest.cli.issue.approve:app": {
        "approve": "Approve an issue exactly as it is now; any later change voids the approval.",
        "send-back": "Send an issue back with a note: it isn't sent until it's approved again.",
        "test": "Send one copy to yourself, marked as a test; its personal links do nothing.",
        "rebuild": "Rebuild an issue from its recorded inputs and compare; change nothing.",
        "unattended": "Allow or forbid sending clean issues without approval.",
    },
    "digest.cli.issue.send:app": {
        "send": "Send an issue now and show progress; run it again to resume an interrupted send.",
    },
    "digest.cli.issue.status_command:app": {
        "status": "Show where each issue stands, what is stuck, and what to do next.",
    },
    "digest.cli.issue.warm_up_commands:app": {
        "warmup": "Warm a new sender up: send to more readers every day.",
    },
    "digest.cli.issue.correct:app": {
        "correct": (
            "Correct a sent issue: build a mail with the corrections for the readers who got it."
        ),
    },
    "digest.cli.issue.issue_control:app": {
        "pause": "Pause an issue: finish the requests under way, and start no further batch.",
        "resume": "Resume a paused issue, and retry its parked batches.",
        "cancel": "Cancel an issue for good: copies not sent yet stay unsent.",
        "resolve": (
            "Decide what happened to batches in doubt; name, time and reason are recorded."
        ),
    },
    "digest.cli.serve:app": {
        "web": "Serve the public site: archive, sign-up, unsubscribe and the event webhook.",
    },
    "digest.cli.fake_sendgrid:app": {
        "fake-sendgrid": "Run a fake SendGrid on 127.0.0.1 that records every mail, until Ctrl-C.",
    },
    "digest.cli.demo:app": {
        "demo": "Try every step with samples and a fake SendGrid: import, build, send, report.",
    },
    "digest.cli.service.run:app": {
        "run": "Run everything in one process: schedule, sending, events and the public site.",
    },
    "digest.cli.service.worker:app": {
        "worker": (
            "Work on the jobs of a PostgreSQL database, beside any number of other workers."
        ),
    },
    "digest.cli.installation.doctor:app": {
        "doctor": "Check that this installation is ready to send; exit 1 if it isn't.",
    },
    "digest.cli.installation.docs:app": {
        "docs": "Print a page of the manual, or list its pages.",
        "help": "Print a command's help, like its option --help.",
    },
    "digest.cli.report:app": {
        "report": "Report on one issue or all: delivery, clicks, unsubscribes, complaints.",
    },
    "digest.cli.issue.comparison_votes:app": {
        "votes": (
            "Show the votes on a comparison: shares, panel, turnout, and votes that aren't counted."
        ),
    },
    "digest.cli.comparisons:app": {
        "comparisons": "List, show and edit imported comparisons.",
    },
    "digest.cli.sources:app": {
        "sources": "Follow sites that publish comparisons, and decide on what they propose.",
    },
    "digest.cli.template_files:app": {
        "templates": "List the templates of mails and pages, or copy them to edit your own.",
    },
    "digest.cli.events.event_commands:app": {
        "events": "Inspect, apply and replay the provider's events, and set tracking.",
    },
    "digest.cli.events.bounce_commands:app": {
        "bounces": "Read mail that came back: bounces and complaints.",
    },
    "digest.cli.webhooks:app": {
        "webhooks": "Tell other programs what happens: readers, comparisons, issues, reports.",
    },
    "digest.cli.audience:app": {
        "subscribers": "Manage subscribers: import, export, look up, erase and suppress.",
    },
    "digest.cli.installation.token_commands:app": {
        "tokens": "Make, list and revoke the tokens of the API.",
    },
    "digest.cli.newsletter_commands:app": {
        "newsletters": "Add newsletters, and show or change their settings.",
    },
    "digest.cli.schedule:app": {
        "schedule": "Show or change when issues come out.",
    },
}
_PLACES = {name: place for place, commands in COMMANDS.items() for name in commands}
#: The commands in the order of a week's work, as `digest --help` lists them.
GROUPS = {
    "Start": ("setup", "init", "demo", "doctor", "newsletters"),
    "Content": ("import", "sources", "comparisons", "templates"),
    "Issue": (
        "pick", "draft", "build", "preview", "show", "check", "rebuild", "test", "approve",
        "send-back", "unattended", "schedule", "send", "status", "pause", "resume", "cancel",
        "resolve", "correct", "warmup",
    ),
    "Readers": ("subscribers",),
    "Results": ("report", "votes", "events", "bounces"),
    "Run": ("run", "worker", "web", "tokens", "webhooks", "fake-sendgrid"),
    "Help": ("docs", "help"),
}  # fmt: skip


class CommandGroup(TyperGroup):
    """The commands of `digest`; a command's module is imported when that command is called.

    Help and wrong calls are printed in the words of `help_text`.
    The list of commands and suggestions for a mistyped one use the names and help in `COMMANDS`.
    Typer exports no type of its contexts and commands, so they are `Any` here.
    """

    context_class = HelpContext
    groups = GROUPS

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run the command line and exit; a call that can't be read exits with 2."""
        try:
            code = super().main(*args, **{**settings, "standalone_mode": False})
        except UsageError as fault:
            print_usage_error(fault)
            code = fault.exit_code
        except typer.Abort:
            sys.stderr.write("digest: stopped, because no answer was given\n")
            code = 1
        sys.exit(code or 0)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command that *args* call, loaded, with its name and its own arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        loaded = load(name) if name else command
        startup.finish()
        return name, loaded, rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command; Ctrl-C rolls back what it was writing, and ends it with one line."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.stderr.write("digest: stopped by Ctrl-C\n")
            raise typer.Exit(startup.STOPPED) from None


def load(name: str) -> Any:
    """Import the command *name* and return it; a group of commands is its whole application."""
    group = get_group(resolve_name(_PLACES[name]))
    return explain(group.commands.get(name, group))


app = typer.Typer(
    name="digest",
    cls=CommandGroup,
    help="Turns AI tool comparisons into newsletters, sends them, and reports the results.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


for _name in _PLACES:
    app.command(_name, help=COMMANDS[_PLACES[_name]][_name])(lambda: None)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        sys.stdout.write(f"digest {version('digest-engine')}\n")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    database: Annotated[
        str | None,
        typer.Option(
            "--database", metavar="URL", help="The database; by default, DIGEST_DATABASE_URL."
        ),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    from digest.cli.context import CommandContext

    context.obj = CommandContext(database_url=database)


def main() -> None:
    """Run the digest command; exit 0 done, 1 it could not be done, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what a terminal can't show becomes a "?"
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="digest")  # in every text, by whatever name it was started
    except (DigestError, SubscribersError) as fault:
        _fail(str(fault), getattr(fault, "next_step", None))
    except OSError as fault:
        _fail(f"{fault.filename or 'the system'}: {fault.strerror or fault}", next_step_of(fault))
    except Exception as fault:
        error = _database_fault(fault)
        if error is not None:
            _fail(str(error), error.next_step)
        if os.environ.get("DIGEST_DEBUG"):
            raise
        _fail(  # a bug: print one line, and the traceback on request
            f"an internal fault ({type(fault).__name__}); no partial work was kept",
            "run it again with DIGEST_DEBUG=1, and report the output",
        )


def _database_fault(fault: Exception) -> DatabaseUnfit | None:
    """Return a database's error with its next step; ``None`` for an error of another kind."""
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.exc import TimeoutError as NoConnectionFree

    from digest.db import unfit

    # The toolkit's other errors are faults of ours.
    return unfit(fault) if isinstance(fault, (DBAPIError, NoConnectionFree)) else None


def next_step_of(fault: OSError) -> str | None:
    """Return the next step for an error of the operating system; ``None`` where none is known."""
    if isinstance(fault, PermissionError):
        return "give the user running this access to the folder and the files in it: ls -la"
    return None


def _fail(message: str, next_step: str | None) -> None:
    print_fault(message, next_step)
    raise SystemExit(1)
