"""How `digest` starts: a command imports what it needs, and its help is what the list shows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name

import pytest
from typer.main import get_group

from digest.cli import COMMANDS, load

ROOT = Path(__file__).parents[2]
LINES = {name: line for commands in COMMANDS.values() for name, line in commands.items()}
#: Libraries that take long to import, and that only some commands use.
HEAVY = {
    "alembic",
    "apscheduler",
    "cryptography",
    "dns",
    "h11",
    "jinja2",
    "mjml",
    "prometheus_client",
    "sendgrid",
    "sqlalchemy",
    "starlette",
    "tinycss2",
    "uvicorn",
    "vl_convert",
    "watchfiles",
}


def heavy(folder: Path, line: str, code: int) -> set[str]:
    """Run a command in a process of its own, and return the heavy libraries it has imported."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.imported_modules"],
        cwd=ROOT,
        input=json.dumps({"folder": str(folder), "arguments": line.split()}),
        capture_output=True,
        text=True,
        check=True,
    )
    run = json.loads(done.stdout)
    assert run["code"] == code
    return HEAVY & set(run["modules"])


@pytest.mark.parametrize("name", LINES)
def test_the_list_shows_the_first_paragraph_of_each_command_s_help(name: str) -> None:
    assert LINES[name] == load(name).help.partition("\n\n")[0].replace("\n", " ")


def test_every_command_of_a_listed_application_is_listed() -> None:
    commands = {place: list(get_group(resolve_name(place)).commands) for place in COMMANDS}
    leaves = {place: names for place, names in commands.items() if COMMANDS[place].keys() & names}
    assert leaves == {place: list(COMMANDS[place]) for place in leaves}


@pytest.mark.parametrize(("line", "code"), [("--help", 0), ("--nonsense", 2), ("nonsense", 2)])
def test_what_calls_no_command_imports_no_heavy_library(
    tmp_path: Path, line: str, code: int
) -> None:
    assert heavy(tmp_path, line, code) == set()
