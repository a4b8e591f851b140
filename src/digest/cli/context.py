"""What a command line call has to work with: settings, the installation, ways to print."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from digest.app.installation import App, open_app
from digest.errors import DatabaseUnfit
from digest.issues import store
from digest.settings import Settings, load

#: No table holds more; a larger number is a slip, and no database could look for it.
MOST = 1_000_000_000
IssueNumber = Annotated[
    int, typer.Argument(metavar="ISSUE", min=1, max=MOST, help="The issue's number.")
]
AnyIssue = Annotated[
    int | None, typer.Argument(metavar="ISSUE", min=1, max=MOST, help="The issue's number.")
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free one.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]


@dataclass
class CommandContext:
    """One call of the command line; opens the installation when a command asks for it."""

    database_url: str | None = None
    may_create: bool = False  #: set by what makes the store; all else asks for one that is there
    out: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    err: Console = field(
        default_factory=lambda: Console(stderr=True, highlight=False, soft_wrap=True)
    )

    @cached_property
    def settings(self) -> Settings:
        """The settings, read once."""
        return load(database_url=self.database_url)

    @cached_property
    def app(self) -> App:
        """The installation these settings describe; raises `DatabaseUnfit` where there is none."""
        installation = open_app(self.settings)
        path = installation.database.path
        if path is not None and not path.exists() and not self.may_create:
            # SQLite would make an empty one, here and in every folder a command is tried in.
            raise DatabaseUnfit(f"there is no database at {path}", next_step="digest init")
        return installation

    def close(self) -> None:
        """Close the installation, if a command opened it."""
        if "app" in vars(self):
            self.app.database.close()

    def existing(self, newsletter: str) -> str:
        """Return the slug if there is a newsletter of it; raises `NotFound`."""
        with self.app.database.read() as session:
            return store.newsletter(session, newsletter).slug

    def json(self, facts: Any) -> None:
        """Print facts as JSON, two spaces deep, keys in their own order."""
        sys.stdout.write(orjson.dumps(facts, option=orjson.OPT_INDENT_2).decode() + "\n")


def some(count: int, one: str, many: str | None = None) -> str:
    """Return a number with what it counts: "1 reader", "1,000 readers"."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def printable(said: str) -> str:
    """Put a mark for what is no text: a terminal would take it for commands."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in said)


def call_of(context: typer.Context) -> CommandContext:
    """Return the call a command belongs to; it is closed when the command is done."""
    call: CommandContext = context.find_object(CommandContext) or CommandContext()
    context.call_on_close(call.close)
    return call
