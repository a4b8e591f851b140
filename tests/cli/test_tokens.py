"""`digest tokens`: a token is shown once, listed without its secret, and revoked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from digest.access import BadApiToken, check_token
from digest.app.installation import open_app
from digest.cli import app
from digest.settings import load

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert RUNNER.invoke(app, ["init"]).exit_code == 0
    return tmp_path


def run(*arguments: str) -> str:
    result = RUNNER.invoke(app, ["tokens", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_token_is_shown_once_and_its_secret_is_stored_nowhere(folder: Path) -> None:
    token = run("add", "site", "--scope", "status:read").split()[0]
    assert token.startswith("dgt_")
    assert token[:12] in run("list")
    assert token not in run("list")
    assert token[12:].encode() not in (folder / "digest.db").read_bytes()


def test_a_revoked_token_opens_nothing(folder: Path) -> None:
    made = json.loads(run("add", "site", "--scope", "status:read", "--json"))
    installation = open_app(load())
    try:
        store, hashes, now = installation.database, installation.hashes, installation.clock()
        assert check_token(store, made["token"], hashes=hashes, now=now).name == "site"
        run("revoke", "site")
        with pytest.raises(BadApiToken, match="revoked"):
            check_token(store, made["token"], hashes=hashes, now=now)
    finally:
        installation.database.close()
    assert [each["state"] for each in json.loads(run("list", "--json"))] == ["revoked"]


def test_a_name_is_free_again_after_its_token_was_revoked() -> None:
    run("add", "site", "--scope", "status:read")
    run("revoke", "site")
    run("add", "site", "--scope", "reports:read")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "site"), "--scope"),
        (("add", "site", "--scope", "everything"), "status:read"),
        (("add", "site", "--scope", "status:read", "--expires", "soon"), "2027-06-30"),
    ],
)
def test_a_wrong_call_says_what_is_right(arguments: tuple[str, ...], words: str) -> None:
    result = RUNNER.invoke(app, ["tokens", *arguments])
    assert result.exit_code == 2
    assert words in result.stderr


def test_an_expiry_is_a_number_of_days_or_a_date() -> None:
    by_date = ["add", "ci", "--scope", "status:read", "--expires", "2099-06-30", "--json"]
    assert json.loads(run(*by_date))["expires_at"] == "2099-06-30T23:59:59+00:00"
    assert "until" in run("add", "site", "--scope", "status:read", "--expires", "90")
