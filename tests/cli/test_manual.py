"""The manual names no command, option or setting that isn't there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from digest.cli import COMMANDS, load
from digest.cli.help_text import subcommands
from digest.cli.installation.docs import pages
from digest.settings import Settings

README = Path(__file__).parents[2] / "README.md"
PAGES = [README, *(path for name, path in pages().items() if name != "commands")]
NAMES = {name for commands in COMMANDS.values() for name in commands}
SETTINGS = {f"DIGEST_{name.upper()}" for name in Settings.model_fields} | {"DIGEST_FROM"}
OF_TESTS = {"DIGEST_UPDATE_GOLDEN"}


def calls(text: str) -> Iterator[list[str]]:
    """Yield the words of each call of `digest` in code, without what explains it."""
    spans = re.findall(r"`digest ([^`\n]+)`", text)
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        spans += re.findall(r"^\s*digest (.+)$", block, re.MULTILINE)
    for span in spans:
        if words := re.findall(r"[^\s\[\]|,]+", re.split(r"  |#", span)[0]):
            yield words


def fault(words: list[str]) -> str | None:
    """Return what of a call isn't there."""
    if words[0] not in NAMES:
        return words[0] if re.match(r"[a-z]", words[0]) else None
    command: Any = load(words[0])
    rest = words[1:]
    while rest and (known := subcommands(command)):
        if rest[0] not in known:
            return rest[0] if re.match(r"[a-z]", rest[0]) else None
        command, rest = known[rest[0]], rest[1:]
    options = {"--help", *(name for each in command.params for name in each.opts)}
    options |= {name for each in command.params for name in each.secondary_opts}
    given = {word.partition("=")[0] for word in rest if word.startswith("--")}
    return ", ".join(sorted(given - options)) or None


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_each_command_option_and_setting_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    wrong = [(fault(words), " ".join(words)) for words in calls(text)]
    assert [each for each in wrong if each[0]] == []
    named = {name.removesuffix("_FILE") for name in re.findall(r"\bDIGEST_[A-Z_]*[A-Z]\b", text)}
    assert named - {name.removesuffix("_FILE") for name in SETTINGS} - OF_TESTS == set()


@pytest.mark.parametrize(
    ("call", "missing"),
    [
        ("send 1 --erly", "--erly"),
        ("sned 1", "sned"),
        ("schedule sett --on friday", "sett"),
        ("schedule set --on friday", None),
        ("subscribers suppressions import FILE.csv --reason left", None),
    ],
)
def test_what_is_not_there_is_found(call: str, missing: str | None) -> None:
    assert fault(call.split()) == missing
