"""Fixtures for commands: an installation with comparisons, readers and a clock to set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from typer.testing import CliRunner, Result

from digest import samples
from digest.app.installation import App, open_app
from digest.cli.comparisons import app as comparison_commands
from digest.cli.context import CommandContext
from digest.cli.issue import (
    approve,
    drafting,
    issue_control,
    send,
    status_command,
    warm_up_commands,
)
from digest.cli.report import app as report_commands
from digest.cli.schedule import app as schedule_commands
from digest.cli.service import worker
from digest.comparisons.loader import read_file
from digest.comparisons.store import store_draft
from digest.db import Database
from digest.issues.models import Newsletter
from digest.settings import TransportKind, load
from subscribers import store
from subscribers.address.syntax import parse
from subscribers.models import Standing
from tests.conftest import NOW


def _commands() -> typer.Typer:
    commands = typer.Typer()
    for app in (
        drafting.app,
        approve.app,
        send.app,
        status_command.app,
        issue_control.app,
        report_commands,
        worker.app,
    ):
        commands.add_typer(app)
    commands.add_typer(schedule_commands, name="schedule")
    commands.add_typer(comparison_commands, name="comparisons")
    commands.add_typer(warm_up_commands.app, name="warmup")
    return commands


@dataclass
class Commands:
    """An installation, its clock, and a person at a terminal or none."""

    database: Database
    folder: Path
    now: datetime = NOW
    transport: TransportKind = TransportKind.OUTBOX
    first_wave: int = 0  #: readers who get an issue before the rest
    answers: str | None = None  #: what a person types; ``None`` where nobody can be asked
    _root: typer.Typer = field(default_factory=_commands)

    def app(self) -> App:
        """Return the installation, newly opened."""
        settings = load(
            {},
            database_url=self.database.url.render_as_string(hide_password=False),
            secret="a secret of the tests, long enough",
            base_url="https://news.example.com",
            postal_address="12 Example Street\n10115 Berlin",
            sender="Verdicts <verdicts@news.example.com>",
            outbox=self.folder / "outbox",
            templates=self.folder / "templates",
            epoch_file=self.folder / "digest.epoch",
            transport=self.transport,
            first_wave=self.first_wave,
            first_wave_minutes=0,
            sendgrid_api_key="SG.none",
            sendgrid_url="http://127.0.0.1:9",  # nothing listens there
        )
        return open_app(settings, clock=lambda: self.now)

    def run(self, *arguments: str) -> Result:
        """Run one command in this process."""
        call = CommandContext(is_interactive=lambda: self.answers is not None)
        call.app = app = self.app()
        call.settings = app.settings
        try:
            return CliRunner().invoke(self._root, list(arguments), obj=call, input=self.answers)
        finally:
            app.database.close()

    def done(self, *arguments: str) -> str:
        """Run one command that must succeed, and return what it printed."""
        result = self.run(*arguments)
        assert result.exit_code == 0, (arguments, result.output, result.exception)
        return result.stdout

    def facts(self, *arguments: str) -> Any:
        """Run one command with ``--json``, and return its facts."""
        return orjson.loads(self.done(*arguments, "--json"))

    def add_readers(self, *names: str) -> None:
        """Add confirmed readers of the weekly newsletter."""
        with self.database.write() as session:
            for name in names:
                number = store.add(session, parse(f"{name}@example.org"), self.now)
                store.join(session, number, "weekly", Standing.CONFIRMED, self.now, source="form")


@pytest.fixture
def commands(sqlite_database: Database, tmp_path: Path) -> Commands:
    """The commands of an installation with the sample comparisons and one reader, on a Tuesday."""
    made = Commands(sqlite_database, tmp_path)
    with sqlite_database.write() as session:
        session.add(Newsletter(slug="weekly", name="Weekly AI Tool Verdicts"))
        for path in samples.comparisons():
            store_draft(session, read_file(path), now=NOW)
    made.add_readers("ada")
    return made
