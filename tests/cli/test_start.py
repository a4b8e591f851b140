"""How `digest` starts: a command imports what it needs, and its help is what the list shows."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from pkgutil import resolve_name

import pytest
from typer.main import get_group
from typer.testing import CliRunner

from digest.cli import COMMANDS, app, load
from digest.migrations.all_tables import METADATA

ROOT = Path(__file__).parents[2]
LINES = {name: line for commands in COMMANDS.values() for name, line in commands.items()}
#: Libraries that take long to import, and that only some commands use.
HEAVY = {
    "alembic",
    "apscheduler",
    "cryptography",
    "dns",
    "fastapi",
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


@dataclass(frozen=True)
class Started:
    """What a command in a process of its own left behind."""

    code: int
    modules: list[str]
    tables: list[str]
    collects: bool  #: whether garbage is searched for
    kept: int  #: objects that no search looks at

    @property
    def heavy(self) -> set[str]:
        return HEAVY.intersection(self.modules)


def start(folder: Path, line: str) -> Started:
    """Run a command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.imported_modules"],
        cwd=ROOT,
        input=json.dumps({"folder": str(folder), "arguments": line.split()}),
        capture_output=True,
        text=True,
        check=True,
    )
    return Started(**json.loads(done.stdout))


@pytest.fixture(scope="module")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installation")
    assert start(folder, "init").code == 0
    return folder


@pytest.mark.parametrize("name", LINES)
def test_the_list_shows_the_first_paragraph_of_each_command_s_help(name: str) -> None:
    assert LINES[name] == load(name).help.partition("\n\n")[0].replace("\n", " ")


def test_every_command_of_a_listed_application_is_listed() -> None:
    commands = {place: list(get_group(resolve_name(place)).commands) for place in COMMANDS}
    leaves = {place: names for place, names in commands.items() if COMMANDS[place].keys() & names}
    assert leaves == {place: list(COMMANDS[place]) for place in leaves}


@pytest.mark.parametrize(
    ("line", "code"), [("--help", 0), ("--version", 0), ("--nonsense", 2), ("nonsense", 2)]
)
def test_what_calls_no_command_imports_no_heavy_library(
    tmp_path: Path, line: str, code: int
) -> None:
    started = start(tmp_path, line)
    assert (started.code, started.heavy) == (code, set())


#: What takes long to import of our own, with a command that has no use for it.
UNUSED = {
    "subscribers count": (
        "digest.delivery.sending",
        "digest.delivery.events",
        "digest.issues.build",
    ),
    "comparisons list": ("digest.delivery.sending", "digest.issues.picking", "digest.service"),
    "pick": ("digest.service", "digest.delivery.sending", "digest.delivery.events"),
}


@pytest.mark.parametrize("line", UNUSED)
def test_a_command_imports_no_part_of_the_engine_that_it_has_no_use_for(
    initialised: Path, line: str
) -> None:
    assert set(UNUSED[line]).isdisjoint(start(initialised, line).modules)


#: The tables that only a command about votes needs.
OF_VOTES = {"vote", "vote_change", "vote_count", "vote_visit", "scanned_copy", "voter"}
#: Of what other programs take part in; no table of the engine's own has a key of theirs.
OF_OTHERS = {
    *("source", "source_page", "proposal"),
    *("api_token", "api_answer"),
    *("webhook", "webhook_kind", "webhook_message", "announcement"),
}


@pytest.mark.parametrize("line", ["status", "subscribers count", "comparisons list"])
def test_what_reads_only_imports_sqlalchemy_and_every_table(initialised: Path, line: str) -> None:
    started = start(initialised, line)
    assert (started.code, started.heavy) == (0, {"sqlalchemy"})
    assert set(started.tables) | OF_VOTES | OF_OTHERS == METADATA.tables.keys()


#: What a send of an issue that is on its way is made of, beside its transport.
OF_A_SEND = ("cli.issue.send", "app.sending", "app.issue_building", "migrations.revision")


def test_a_send_imports_nothing_that_renders_or_migrates() -> None:
    lines = [*(f"import digest.{name}" for name in OF_A_SEND), "import sys; print(*sys.modules)"]
    done = subprocess.run(
        [sys.executable, "-"],
        cwd=ROOT,
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=True,
    )
    assert HEAVY.intersection(done.stdout.split()) == {"sqlalchemy"}


def interrupted(folder: Path, at: int | str) -> tuple[int, str, int]:
    """Run `digest status` with Ctrl-C at a point; return code, stdout, and lines of stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.interrupted_start"],
        cwd=ROOT,
        input=json.dumps({"folder": str(folder), "arguments": ["status"], "at": at}),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.count("\n")


@pytest.mark.parametrize("imports", [6, 12, 30, 60, 100, 160, 240, 340, 450, 550])
def test_ctrl_c_while_modules_are_imported_ends_in_one_line(
    initialised: Path, imports: int
) -> None:
    assert interrupted(initialised, imports) == (130, "", 1)


def test_ctrl_c_before_its_handler_is_there_ends_without_a_traceback(initialised: Path) -> None:
    assert interrupted(initialised, "digest.startup") == (130, "", 0)


def test_ctrl_c_during_a_command_s_work_ends_in_one_line(initialised: Path) -> None:
    assert interrupted(initialised, "digest.app.sending") == (130, "", 1)


@pytest.mark.parametrize("line", ["status", "schedule", "subscribers count"])
def test_a_command_leaves_the_search_for_garbage_to_its_work(initialised: Path, line: str) -> None:
    started = start(initialised, line)
    assert (started.collects, started.kept > 100_000) == (True, True)


def test_the_version_is_the_package_s() -> None:
    shown = CliRunner().invoke(app, ["--version"])
    assert (shown.exit_code, shown.stdout) == (0, f"digest {version('digest-engine')}\n")
