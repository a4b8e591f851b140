"""`digest fake-sendgrid` as a user starts it, and its guide."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
import typer.main

from digest.cli.fake_sendgrid import app
from digest.fake_sendgrid.faults.catalogue import SETTINGS
from digest.fake_sendgrid.faults.outcomes import SHARES
from digest.fake_sendgrid.faults.script import parse

GUIDE = (Path(__file__).parents[2] / "docs/fake-sendgrid.md").read_text("utf-8")
START = [sys.executable, "-m", "digest", "fake-sendgrid"]


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    # It's our own command.
    with subprocess.Popen([*START, *arguments], stdout=pipe, stderr=pipe, text=True) as process:  # noqa: S603
        try:
            yield process
        finally:
            process.kill()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_the_command_says_where_it_listens_and_ends_when_asked_to(tmp_path: Path) -> None:
    ledger = str(tmp_path / "ledger.db")
    with started("--port", "0", "--ledger", ledger, "--share", "all=0") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        port = re.search(r"http://127.0.0.1:(\d+)", lines[0])
        assert port
        assert "DIGEST_WEBHOOK_KEYS=MFkw" in lines[2]
        connection = HTTPConnection("127.0.0.1", int(port[1]), timeout=10)
        connection.request("GET", "/?address=reader@example.org")
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "GET / 200" in log
    assert "reader@" not in log


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--events-to", "https://example.org/hook"], "this machine only"),
        (["--share", "bounce"], "must look like bounce=0.1"),
        (["--ledger", "no/such/folder/ledger.db"], "can't be opened"),
    ],
)
def test_a_wrong_choice_is_one_line_and_exit_1(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    with started("--port", "0", "--ledger", str(tmp_path / "x.db"), *arguments) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert says in err
    assert "Traceback" not in err


def test_every_script_in_the_guide_is_a_script() -> None:
    assert len([parse(json.loads(block)) for block in blocks("json")]) == 2


def test_the_program_in_the_guide_runs() -> None:
    (program,) = blocks("python")
    exec(compile(program, "docs/fake-sendgrid.md", "exec"), {})  # noqa: S102 - our own guide


def test_the_guide_knows_every_fault_with_its_settings() -> None:
    for kind, settings in SETTINGS.items():
        (row,) = re.findall(rf"^\| `{re.escape(kind)}` \|.*$", GUIDE, re.MULTILINE)
        assert [name for name in settings if f"`{name}`" not in row] == []


def test_the_guide_knows_every_share() -> None:
    for fate, share in SHARES.items():
        assert f"| `{fate}` | {share:g} |" in GUIDE


def test_the_guide_knows_every_option() -> None:
    names = [name for option in typer.main.get_command(app).params for name in option.opts]
    assert [name for name in names if f"`{name}`" not in GUIDE] == []
