"""The installed documentation: `digest docs`, and the pages that messages point to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import digest
import subscribers
from digest.cli import app
from digest.cli.installation.docs import pages
from digest.errors import NotFound

PACKAGES = [Path(str(package.__file__)).parent for package in (digest, subscribers)]
SOURCES = [path.read_text("utf-8") for package in PACKAGES for path in package.rglob("*.py")]
#: Words for users: strings, and not what explains a module to its reader.
STRINGS = re.compile(r'(?<!")"[^"\n]+"(?!")')


def test_every_page_is_listed_by_its_title() -> None:
    output = CliRunner().invoke(app, ["docs"]).stdout
    assert [line.split()[0] for line in output.splitlines()] == list(pages())
    assert re.search(r"^operating +Operating$", output, re.MULTILINE)


def test_a_page_is_printed_as_it_stands() -> None:
    output = CliRunner().invoke(app, ["docs", "operating"]).stdout
    assert output == pages()["operating"].read_text("utf-8")


@pytest.mark.parametrize("page", ["nonsense", "../README"])
def test_a_page_that_is_not_there_is_reported_with_a_way_on(page: str) -> None:
    fault = CliRunner().invoke(app, ["docs", page]).exception
    assert isinstance(fault, NotFound)
    assert fault.next_step == "digest docs"


def test_no_word_leads_to_a_file_that_an_installation_has_not_got() -> None:
    strings = [text for source in SOURCES for text in STRINGS.findall(source)]
    assert [text for text in strings if re.search(r"(?<![/\w])(docs|deploy)/\w", text)] == []


def test_every_page_that_words_lead_to_is_there() -> None:
    named = {name for source in SOURCES for name in re.findall(r"digest docs ([a-z-]+)", source)}
    assert {"operating", "comparison-format"} <= named <= pages().keys()
