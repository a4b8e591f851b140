"""`digest sources accept` and `dismiss`: each proposal is decided on by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from digest.app.installation import open_app
from digest.cli import app
from digest.settings import load
from digest.sources import proposals
from digest.sources.models import Source, SourcePage
from tests.conftest import NOW
from tests.sources.conftest import SITE, Followed, draft

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Followed]:
    """An installation with two proposals."""
    monkeypatch.chdir(tmp_path)
    assert RUNNER.invoke(app, ["init"]).exit_code == 0
    database = open_app(load()).database
    site = Followed(database)
    pages = [site.page_id, site.add_page(f"{SITE}/anvil")]
    with database.write() as session:
        source = session.get_one(Source, site.source_id)
        for page_id, name in zip(pages, ("Lathe", "Anvil"), strict=True):
            page = session.get_one(SourcePage, page_id)
            proposals.propose(session, source, page, draft(name), NOW)
    yield site
    database.close()


def test_what_cannot_be_accepted_is_told_and_keeps_no_other_back() -> None:
    result = RUNNER.invoke(app, ["sources", "accept", "1", "7", "2", "2", "--by", "Edith"])
    assert result.exit_code == 1
    assert "new        lathe-vs-mortar" in result.stdout
    assert "2 proposals accepted." in result.stdout
    assert "proposal 7 isn't there any more" in result.stderr


def test_what_was_dismissed_is_told_where_another_could_not_be() -> None:
    arguments = ["sources", "dismiss", "7", "2", "--why", "too old", "--by", "Edith", "--json"]
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"dismissed": [2], "why": "too old"}


def test_one_that_cannot_be_accepted_alone_is_an_error() -> None:
    result = RUNNER.invoke(app, ["sources", "accept", "7", "--by", "Edith"])
    assert (result.exit_code, result.stdout) == (1, "")
