"""What every command has: settings, the installation, consoles, shared arguments.

Hides when the installation is opened and closed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from digest.app.installation import App, open_app
from digest.errors import DatabaseUnfit, DigestError
from digest.issues import store
from digest.settings import Settings, load

if TYPE_CHECKING:
    from rich.console import Console

#: Upper bound of every number argument: no table has more rows, and every database stores it.
MAX_NUMBER = 1_000_000_000
IssueNumber = Annotated[
    int, typer.Argument(metavar="ISSUE", min=1, max=MAX_NUMBER, help="The issue's number.")
]
NewsletterOption = Annotated[str, typer.Option("--newsletter", help="The newsletter's slug.")]
OptionalIssue = Annotated[
    int | None, typer.Argument(metavar="ISSUE", min=1, max=MAX_NUMBER, help="The issue's number.")
]
YesFlag = Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")]
Port = Annotated[
    int, typer.Option(min=0, max=65535, help="The port to listen on; 0 picks a free one.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


class Unconfirmed(DigestError):
    """This needs confirmation, and there is no terminal to ask on."""


def _stdin_is_terminal() -> bool:
    return sys.stdin.isatty()


@dataclass
class CommandContext:
    """One call of the command line; the installation is opened on first use."""

    database_url: str | None = None
    is_interactive: Callable[[], bool] = _stdin_is_terminal  #: whether a person can be asked
    may_create: bool = False  #: set by commands that create the database; others require one

    @cached_property
    def out(self) -> Console:
        """The console of standard output; assign another to print elsewhere."""
        from digest.cli.console import FittingConsole  # 2 MB, which a send to no terminal saves

        return FittingConsole()

    @cached_property
    def err(self) -> Console:
        """The console of standard error; assign another to print elsewhere."""
        from digest.cli.console import FittingConsole  # as above

        return FittingConsole(stderr=True)

    @cached_property
    def settings(self) -> Settings:
        """The settings, read once."""
        return load(database_url=self.database_url)

    @cached_property
    def app(self) -> App:
        """The installation of these settings; raise `DatabaseUnfit` where no database exists."""
        installation = open_app(self.settings)
        path = installation.database.path
        if path is not None and not path.exists() and not self.may_create:
            # SQLite would create an empty database in whatever folder the command runs in.
            raise DatabaseUnfit(f"there is no database at {path}", next_step="digest init")
        return installation

    def close(self) -> None:
        """Close the installation, if a command opened it."""
        if "app" in vars(self):
            self.app.database.close()

    def existing(self, newsletter: str) -> str:
        """Return the slug of an existing newsletter; raise `NotFound` for any other."""
        with self.app.database.read() as session:
            return store.newsletter(session, newsletter).slug

    def running(self, newsletter: str) -> str:
        """Return the slug of a newsletter that takes readers; raise `WrongState` if archived."""
        from digest.issues.newsletters import require_running

        with self.app.database.read() as session:
            row = store.newsletter(session, newsletter)
            require_running(session, row)
            return row.slug

    def language_of(self, newsletter: str) -> str:
        """Return a newsletter's language, which is that of letters to new readers of its."""
        with self.app.database.read() as session:
            return store.newsletter(session, newsletter).language

    def note(self, line: str) -> None:
        """Print a line to standard error; a send to no terminal does without the console for it."""
        if sys.stderr.isatty():
            self.err.print(line, markup=False)
        else:
            typer.echo(line, err=True)

    def json(self, facts: Any) -> None:
        """Print facts as JSON, indented by two spaces, keys in insertion order."""
        write_document(orjson.dumps(facts, option=orjson.OPT_INDENT_2).decode() + "\n")


class Told:
    """What a command did: its facts, the lines that say so to people, and its exit code."""

    def __init__(self, facts: Any, *lines: str, code: int = 0) -> None:
        self.facts, self.lines, self.code = facts, lines, code


def tells(command: Callable[..., Told]) -> Callable[..., None]:
    """Return a command that prints what *command* returns; it takes ``--json`` as well."""

    @wraps(command)
    def call(context: typer.Context, *, as_json: bool = False, **given: object) -> None:
        told = command(context=context, **given)
        if as_json:
            call_of(context).json(told.facts)
        for line in () if as_json else told.lines:
            call_of(context).out.print(line, markup=False)
        if told.code:
            raise typer.Exit(told.code)

    own = signature(command, eval_str=True)
    flag = Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=JsonFlag)
    parameters = [*own.parameters.values(), flag]
    vars(call)["__signature__"] = own.replace(parameters=parameters, return_annotation=None)
    return call


def write_document(text: str) -> None:
    """Write what a program or a file takes from stdout: in UTF-8, whatever a terminal can show."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.flush()


def confirm(call: CommandContext, facts: str, *, question: str, flag: str, given: bool) -> None:
    """Ask at a terminal whether to go on, unless *flag* is *given*; raise `Exit` for a no.

    *facts* says what is unusual, or can't be undone. Raise `Unconfirmed` where nobody can be asked.
    """
    if given:
        return
    if not call.is_interactive():
        raise Unconfirmed(facts, next_step=f"to confirm, add {flag}")
    if not typer.confirm(f"{facts[:1].upper()}{facts[1:]}. {question}", err=True):
        call.err.print("Nothing has changed.")
        raise typer.Exit(1)


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: "1 reader", "1,000 readers"."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def printable(text: str) -> str:
    """Replace unprintable characters, which a terminal could take for control sequences."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def call_of(context: typer.Context) -> CommandContext:
    """Return the command's context, which is closed when the command ends."""
    call: CommandContext = context.find_object(CommandContext) or CommandContext()
    context.call_on_close(call.close)
    return call
