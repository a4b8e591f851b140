"""How `digest web` and `digest run` start: what stops them is found before they say they're up."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from digest.app.installation import open_app
from digest.cli import serve
from digest.cli.context import CommandContext
from digest.cli.service import run
from digest.db import Database
from digest.errors import DigestError
from digest.settings import load


@pytest.mark.parametrize("command", [serve.app, run.app])
def test_no_address_is_said_before_a_setting_that_stops_the_site(
    sqlite_database: Database, tmp_path: Path, command: typer.Typer
) -> None:
    (tmp_path / "networks").write_text("London", "utf-8")
    call = CommandContext()
    call.settings = load(
        {},
        database_url=sqlite_database.url.render_as_string(hide_password=False),
        secret="a secret of the tests, long enough",
        scanner_networks=tmp_path / "networks",
    )
    call.app = open_app(call.settings)
    result = CliRunner().invoke(command, ["--port", "0"], obj=call)
    call.app.database.close()

    assert isinstance(result.exception, DigestError)
    assert "DIGEST_SCANNER_NETWORKS, line 1" in f"{result.stderr}{result.exception}"
    assert result.stdout == ""
    assert "http://" not in result.stderr
