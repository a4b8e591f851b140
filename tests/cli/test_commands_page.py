"""The page of commands in the documentation, generated from the commands themselves.

After an intended change: ``DIGEST_UPDATE_GOLDEN=1 pytest tests/cli/test_commands_page.py``
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from digest.cli import COMMANDS, load
from digest.cli.help_text import HELP_OPTION, sections_of, usage_of

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
HEAD = """\
# Commands

This page lists every command of `digest`, as `digest COMMAND --help` prints it. Commands read their
settings and secrets from the environment, and from `.env` in the current folder
([settings](settings.md)).

The exit code is 0 if a command did its work. It's 1 if the command couldn't, or found a problem;
the message says what to do next. It's 2 if the command line is wrong, and 130 after Ctrl-C.

`digest --install-completion` sets up the Tab key in bash, zsh or fish to complete commands, options
and choices.
"""


def page() -> str:
    names = [name for commands in COMMANDS.values() for name in commands]
    return HEAD + "".join(section for name in names for section in sections(name, load(name)))


def sections(path: str, command: Any) -> Iterator[str]:
    """Yield the section of one command, or those of every command in a group."""
    if subcommands := getattr(command, "commands", None):
        yield f"\n## digest {path}\n\n{prose(command.help)}\n"
        for name, subcommand in subcommands.items():
            yield from sections(f"{path} {name}", subcommand)
        return
    depth = "##" if " " not in path else "###"
    yield f"\n{depth} digest {path}\n\n{prose(command.help)}\n"
    yield f"\n```\n{usage_of(command, f'digest {path}')}\n```\n"
    entries = [entry for section in sections_of(command) for entry in section.entries]
    rows = [f"| `{name}` | {escaped(text)} |\n" for name, text in entries if name != HELP_OPTION]
    if rows:
        yield "\n| | |\n|---|---|\n" + "".join(rows)


def prose(text: str | None) -> str:
    """Return help as Markdown: its paragraphs, each on one line."""
    paragraphs = (text or "").replace("\b", "").split("\n\n")
    return "\n\n".join(escaped(" ".join(paragraph.split())) for paragraph in paragraphs)


def escaped(text: str) -> str:
    """Return *text* as it reads, whatever Markdown would make of it; code stays code."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(
        piece if piece.startswith("`") else re.sub(r"([<>|\[\]*_])", r"\\\1", piece)
        for piece in pieces
    )


def test_the_page_tells_every_command_as_it_is() -> None:
    if os.environ.get("DIGEST_UPDATE_GOLDEN"):
        PAGE.write_text(page(), "utf-8")
    assert PAGE.read_text("utf-8") == page()
