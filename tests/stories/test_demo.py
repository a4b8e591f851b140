"""`digest demo`, from start to end."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from digest.db import Database, sqlite_url
from digest.delivery.sending import restore_guard
from digest.delivery.sending.restore_guard import RestoreGuardFile
from digest.fake_sendgrid import message_store
from digest.issues.calendar.cadence import issue_day, period_of_day
from tests.stories.conftest import DIGEST, Installation
from tests.stories.warm_start import LIMIT, Said, Warm

READERS = 300


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Said, int]:
    """The demo's folder, what it printed as facts, and the process group it ran in."""
    folder = tmp_path_factory.mktemp("demo")
    with subprocess.Popen(  # noqa: S603 - the command under test
        [Path(sys.executable).with_name("digest"), "demo", "--readers", str(READERS), "--json"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        out, err = process.communicate(timeout=LIMIT)
    return folder, Said(process.returncode, out, err), process.pid


def test_its_counts_balance(shown: tuple[Path, Said, int]) -> None:
    _, said, _ = shown
    status = said.facts["status"]
    parts = ("accepted", "refused", "excluded", "pending", "in_doubt")
    assert (said.code, said.err) == (0, "")
    assert status["candidates"] == sum(status[part] for part in parts) == READERS
    assert status["state"] == "sent"


def test_every_accepted_mail_has_its_news(shown: tuple[Path, Said, int]) -> None:
    status = shown[1].facts["status"]
    parts = ("delivered", "deferred", "blocked", "bounced", "dropped")
    assert sum(status[part] for part in parts) == status["accepted"]
    assert status["unheard"] == 0


def test_the_provider_has_each_reader_once(shown: tuple[Path, Said, int]) -> None:
    ledger = shown[0] / "demo" / "fake-sendgrid.db"
    mails = message_store.messages(ledger, {}, 10_000, newest=False)
    assert len(mails) == READERS
    assert set(Counter(mail.address for mail in mails).values()) == {1}


def test_it_says_what_was_picked_and_why(shown: tuple[Path, Said, int]) -> None:
    picked = shown[1].facts["pick"]
    assert picked["chosen"]
    assert all(one["reason"] for one in picked["chosen"] + picked["left_out"])


def test_its_folder_may_go_on_sending(shown: tuple[Path, Said, int]) -> None:
    folder = shown[0] / "demo"
    database = Database(sqlite_url(folder / "digest.db"))
    with closing(database):
        assert (
            restore_guard.hold_reason(database, RestoreGuardFile(folder / "digest.db.epoch"))
            is None
        )


def test_it_leaves_nothing_running(shown: tuple[Path, Said, int]) -> None:
    with pytest.raises(ProcessLookupError):
        os.killpg(shown[2], 0)


@pytest.fixture(scope="module")
def told(warmed: Warm, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder a small demo ran in, and the lines it printed for people."""
    folder = tmp_path_factory.mktemp("told")
    return folder, Installation(warmed, folder).done("demo", "--readers", "20").out.splitlines()


def test_it_is_seen_to_be_alive(told: tuple[Path, list[str]]) -> None:
    assert re.fullmatch(r"Start the fake SendGrid\.\.\. \d+\.\d s", told[1][0])
    assert [line.partition("...")[0] for line in told[1][1:6]] == [
        "Import comparisons",
        "Import readers",
        "Pick and build",
        "Send",
        "Events back",
    ]


def test_it_ends_with_three_lines_that_show_something(told: tuple[Path, list[str]]) -> None:
    folder, lines = told
    mail, report, desk = lines[-3:]
    for line in (mail, report):
        assert Path(unquote(urlsplit(line.split()[-1]).path)).read_text("utf-8").startswith("<!")
    *there, command, name = shlex.split(desk.partition("the desk")[2])
    assert (there, name) == (["cd", "demo", "&&"], "preview")
    assert command == "digest" or (folder / "demo" / command).samefile(DIGEST)


def test_its_folder_has_settings_of_its_own_and_next_week_can_be_picked(
    told: tuple[Path, list[str]], warmed: Warm
) -> None:
    site = Installation(warmed, told[0] / "demo")
    assert (site.folder / ".env").stat().st_mode & 0o077 == 0
    assert "secret: it signs the links in mails" in site.done("doctor", "--no-dns").out
    later = period_of_day(issue_day(site.status()["period"], 0) + timedelta(weeks=1))
    assert site.done("pick", "--period", later, "--json").facts["chosen"]


def test_its_readers_hardly_complain(shown: tuple[Path, Said, int]) -> None:
    assert shown[1].facts["status"]["complained"] == 0


def test_it_may_be_run_again_and_spares_a_folder_of_somebodys_own(empty: Installation) -> None:
    mine = empty.folder / "demo" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("not to be lost")
    refused = empty.run("demo", "--readers", "5")
    assert (refused.code, mine.read_text()) == (1, "not to be lost")
    for _ in range(2):
        empty.done("demo", "--readers", "5", "--folder", "other")
