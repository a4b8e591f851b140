"""What a command line call has to work with: settings, the installation, ways to print."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from digest.app import App, open_app
from digest.settings import Settings, load

JsonFlag = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]


@dataclass
class Call:
    """One call of the command line; opens the installation when a command asks for it."""

    database_url: str | None = None
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
        """The installation these settings describe."""
        return open_app(self.settings)

    def close(self) -> None:
        """Close the installation, if a command opened it."""
        if "app" in vars(self):
            self.app.database.close()

    def json(self, facts: Any) -> None:
        """Print facts as JSON, two spaces deep, keys in their own order."""
        sys.stdout.write(orjson.dumps(facts, option=orjson.OPT_INDENT_2).decode() + "\n")


def call_of(context: typer.Context) -> Call:
    """Return the call a command belongs to; it is closed when the command is done."""
    call: Call = context.find_object(Call) or Call()
    context.call_on_close(call.close)
    return call
