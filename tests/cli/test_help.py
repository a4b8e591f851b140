"""What a person reads of a command without running it: help, groups, wrong calls, completion."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from digest.cli import COMMANDS, GROUPS, app, load
from digest.cli.help_text import help_of, subcommands

NAMES = [name for commands in COMMANDS.values() for name in commands]


def every_command() -> Iterator[tuple[str, Any]]:
    for name in NAMES:
        command = load(name)
        yield name, command
        for subname, subcommand in subcommands(command).items():
            yield f"{name} {subname}", subcommand


EVERY = dict(every_command())


#: What serves until it is stopped, or prints a text to read.
WITHOUT_FACTS = {"preview", "web", "run", "worker", "fake-sendgrid", "docs", "help"}


def run(line: str) -> Result:
    return CliRunner().invoke(app, line.split())


def test_each_command_stands_in_one_group_of_the_week() -> None:
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(NAMES)
    assert list(GROUPS) == ["Start", "Content", "Issue", "Readers", "Results", "Run", "Help"]


def test_the_help_lists_the_groups_in_their_order() -> None:
    shown = run("--help").stdout
    headings = [line.rstrip(":") for line in shown.splitlines() if line.rstrip(":") in GROUPS]
    assert headings == list(GROUPS)


@pytest.mark.parametrize("width", [40, 59, 60, 80])
@pytest.mark.parametrize("path", EVERY)
def test_help_fits_the_terminal_and_names_no_type_of_python(path: str, width: int) -> None:
    shown = help_of(EVERY[path], f"digest {path}", width)
    assert max(map(len, shown.splitlines())) <= width
    assert not [word for word in ("<str", "<int", "<bool", "list[", "1000000000") if word in shown]


def test_every_command_that_prints_or_changes_something_gives_its_facts_as_json() -> None:
    calls = {path: command for path, command in EVERY.items() if not needs_a_subcommand(command)}
    options = {path: [option for p in calls[path].params for option in p.opts] for path in calls}
    assert {path for path in calls if "--json" not in options[path]} == WITHOUT_FACTS


def needs_a_subcommand(command: Any) -> bool:
    return bool(subcommands(command)) and not command.invoke_without_command


@pytest.mark.parametrize("line", ["", "send ", "schedule ", "schedule set "])
def test_the_short_option_shows_the_help_too(line: str) -> None:
    assert run(f"{line}-h").stdout == run(f"{line}--help").stdout != ""


@pytest.mark.parametrize("line", ["send", "schedule set", "newsletters"])
def test_the_command_help_shows_what_the_option_does(line: str) -> None:
    assert run(f"help {line}").stdout == run(f"{line} --help").stdout


@pytest.mark.parametrize(
    ("line", "told", "step"),
    [
        ("show", "ISSUE is missing", "digest show --help"),
        ("show one", "ISSUE must be a whole number", "digest show --help"),
        ("show 0", "ISSUE must be at least 1", "digest show --help"),
        ("send 1 2", "unexpected argument: 2", "digest send --help"),
        (
            "unattended maybe",
            "SWITCH: 'maybe' is not one of 'on', 'off'",
            "digest unattended --help",
        ),
        ("unattended", "SWITCH is missing; choose one of: on, off", "digest unattended --help"),
        ("web --port 99999", "--port must be at most 65,535", "digest web --help"),
        ("schedule rules --max-lateness x", "--max-lateness must be a whole number", None),
        ("stauts", "there is no command 'stauts'; did you mean 'status'?", "digest --help"),
        ("status --jsn", "there is no option --jsn; did you mean --json?", "digest status --help"),
        ("pick --period 2026", "period looks like 2026-W48: the year and the ISO week", None),
        ("help nonsense", "there is no command 'nonsense'", "digest --help"),
        ("report 1 --all", "name an issue, or add --all", "digest report --help"),
    ],
)
def test_a_wrong_call_is_told_in_our_own_words(line: str, told: str, step: str | None) -> None:
    done = run(line)
    message, next_step = done.stderr.splitlines()
    assert (done.exit_code, told in message) == (2, True), done.stderr
    assert next_step.startswith("  next: digest ")
    assert step is None or next_step == f"  next: {step}"


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a script `digest`, as an installation makes one."""
    path = tmp_path_factory.mktemp("bin") / "digest"
    path.write_text(f"#!{sys.executable}\nfrom digest.__main__ import main\nmain()\n", "utf-8")
    path.chmod(0o700)
    return path


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("sta", ["status"]),
        ("newsletters a", ["add", "archive"]),
        ("unattended o", ["on", "off"]),
        ("send --from", ["--from-outbox"]),
    ],
)
def test_bash_completes_commands_options_and_choices(
    script: Path, typed: str, offered: list[str]
) -> None:
    asked = f"""
        eval "$(_DIGEST_COMPLETE=source_bash digest)"
        COMP_WORDS=(digest {typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        $(complete -p digest | sed 's/.*-F \\([^ ]*\\) .*/\\1/') digest
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    path = f"{script.parent}:{os.environ['PATH']}"
    python_path = os.pathsep.join(sys.path)
    done = subprocess.run(
        ["/bin/bash", "--norc"],
        input=asked,
        env={**os.environ, "PATH": path, "PYTHONPATH": python_path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert sorted(done.stdout.split()) == sorted(offered), done.stderr


@pytest.mark.parametrize(
    ("shell", "offered"),
    [
        ("zsh", '"add":"Add a newsletter'),  # zsh and fish run these two calls as you type
        ("fish", "add\tAdd a newsletter"),
    ],
)
def test_zsh_and_fish_are_given_commands_with_their_help(
    script: Path, shell: str, offered: str
) -> None:
    asked = {
        "_DIGEST_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "digest newsletters a",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "PATH": f"{script.parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        ["/bin/sh", "-c", "digest"],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert offered in done.stdout, done.stderr
    assert "archive" in done.stdout
