"""`digest setup`: an empty folder becomes an installation, by options or by a terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from digest.db import Database, sqlite_url
from digest.fake_sendgrid import RunningFake, running_fake
from digest.issues.models import Newsletter
from tests.stories.conftest import DIGEST, Installation

KEY = "SG.the-key"
OPTIONS = (
    "setup", "--yes", "--no-dns",
    "--name", "Tools of the Trade", "--on", "thursday", "--zone", "Europe/Berlin",
    "--sender", "news@mill-lane.eu", "--sender-name", "Tools",
    "--postal-address", "1 Mill Lane, Anytown", "--editors", "ed@mill-lane.eu",
    "--base-url", "https://127.0.0.1:1",
)  # fmt: skip


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFake]:
    with running_fake(
        tmp_path_factory.mktemp("fake"), key=KEY, unscoped_key="SG.reader", hold_events=True
    ) as running:
        yield running


def settings(site: Installation) -> dict[str, str]:
    lines = (site.folder / ".env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_an_empty_folder_becomes_an_installation_by_options_alone(
    empty: Installation, fake: RunningFake
) -> None:
    (empty.folder / ".env").write_text("# ours\nOTHER=1\n", "utf-8")
    said = empty.run(
        *OPTIONS, "--sendgrid-url", fake.url, "--webhook-key", fake.webhook_key,
        DIGEST_SENDGRID_API_KEY=KEY,
    )  # fmt: skip
    assert (said.code, said.err) == (0, "")
    assert "ok  API key" in said.out
    assert "look  webhook: not tested: nothing answers" in said.out
    assert KEY not in said.out
    assert "The newsletter: Tools of the Trade; Thursday, 09:00, Europe/Berlin" in said.out
    assert "digest newsletters set tools-of-the-trade --help" in said.out
    written = settings(empty)
    assert written["DIGEST_FROM"] == "Tools <news@mill-lane.eu>"
    assert written["DIGEST_SENDGRID_API_KEY"] == KEY
    assert (written["OTHER"], written["DIGEST_TRANSPORT"]) == ("1", "sendgrid")
    assert (empty.folder / ".env").stat().st_mode & 0o077 == 0
    moments = empty.done("schedule").out
    assert "Tools of the Trade: every Thursday at 09:00, Europe/Berlin" in moments


def test_by_options_too_the_sender_is_named_like_the_newsletter_unless_told_otherwise(
    empty: Installation,
) -> None:
    unnamed = [each for each in OPTIONS if each not in ("--sender-name", "Tools")]
    empty.done(*unnamed)
    assert settings(empty)["DIGEST_FROM"] == "Tools of the Trade <news@mill-lane.eu>"
    empty.done(*unnamed, "--sender-name", "")
    assert settings(empty)["DIGEST_FROM"] == "news@mill-lane.eu"
    empty.done(*unnamed)
    assert settings(empty)["DIGEST_FROM"] == "news@mill-lane.eu"


def test_once_more_changes_nothing_and_tries_everything_again(
    empty: Installation, fake: RunningFake
) -> None:
    empty.run(*OPTIONS, "--sendgrid-url", fake.url, DIGEST_SENDGRID_API_KEY=KEY)
    before = (empty.folder / ".env").read_bytes()
    facts = empty.run("setup", "--yes", "--no-dns", "--json").facts
    assert (facts["written"], facts["newsletter"]) == ([], "tools-of-the-trade")
    assert [check["about"] for check in facts["checks"]] == ["API key"]
    assert (empty.folder / ".env").read_bytes() == before


def test_a_key_that_may_not_send_is_kept_and_told_in_words_of_its_own(
    empty: Installation, fake: RunningFake
) -> None:
    said = empty.run(
        *OPTIONS, "--sendgrid-url", fake.url, DIGEST_SENDGRID_API_KEY="SG.reader"
    )  # fmt: skip
    assert said.code == 1
    assert "NO  API key: the API key may not send: it lacks the right Mail Send" in said.out
    assert settings(empty)["DIGEST_SENDGRID_API_KEY"] == "SG.reader"


def test_without_a_terminal_it_says_what_is_missing_and_writes_nothing(
    empty: Installation,
) -> None:
    said = empty.run("setup", "--name", "Tools")
    assert said.code == 1
    assert "missing: --sender, --postal-address, --base-url" in said.err
    assert list(empty.folder.iterdir()) == []


def test_without_a_terminal_nothing_is_written_unless_told_to(empty: Installation) -> None:
    said = empty.run(*(option for option in OPTIONS if option != "--yes"))
    assert (said.code, "with --yes" in said.err) == (1, True)
    assert "+ DIGEST_SECRET=(hidden)" in said.out
    assert list(empty.folder.iterdir()) == []


def test_a_wrong_answer_is_named_by_its_option(empty: Installation) -> None:
    said = empty.run(*OPTIONS, "--at", "noon")
    assert (said.code, "digest: --at: noon isn't a time" in said.err) == (1, True)
    assert list(empty.folder.iterdir()) == []


def test_a_key_that_stdin_does_not_hold_is_asked_for_again(empty: Installation) -> None:
    said = empty.run(*OPTIONS, "--api-key", "-")
    assert (said.code, "stdin holds none" in said.err) == (1, True)
    assert list(empty.folder.iterdir()) == []


def test_with_several_newsletters_it_sets_the_installation_up_and_none_of_them(
    empty: Installation,
) -> None:
    empty.done("init")
    with (
        closing(Database(sqlite_url(empty.folder / "digest.db"))) as database,
        database.write() as session,
    ):
        session.add(Newsletter(slug="second", name="The second"))
    said = empty.done(
        "setup", "--yes", "--no-dns", "--json", "--sender", "news@mill-lane.eu",
        "--postal-address", "1 Mill Lane", "--base-url", "https://127.0.0.1:1",
    )  # fmt: skip
    assert (said.facts["newsletter"], "DIGEST_FROM" in said.facts["written"]) == (None, True)
    refused = empty.run("setup", "--yes", "--name", "The third")
    assert (refused.code, "several newsletters" in refused.err) == (1, True)


class Terminal:
    """`digest setup` in a terminal of its own: what it prints, and what is typed."""

    def __init__(self, folder: Path) -> None:
        self._own, theirs = pty.openpty()
        usual = {name: text for name, text in os.environ.items() if not name.startswith("DIGEST")}
        self.process = subprocess.Popen(  # noqa: S603 - the command under test
            [DIGEST, "setup", "--no-dns"],
            cwd=folder, env=usual, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.shown = ""

    def until(self, words: str) -> str:
        """Read until *words* end what is shown, or until the end."""
        seen = ""
        while not seen.endswith(words):
            try:
                seen += os.read(self._own, 4096).decode()
            except OSError:  # Linux ends a terminal that nobody holds any more like that
                break
        self.shown += seen
        return seen

    def type(self, text: str) -> None:
        os.write(self._own, f"{text}\n".encode())

    def ended(self) -> int:
        """Read to the end and return the exit code."""
        self.until("\0")
        os.close(self._own)
        return self.process.wait()


def test_in_a_terminal_it_asks_shows_no_key_and_writes_what_was_agreed(
    empty: Installation, fake: RunningFake
) -> None:
    answers = {
        "newsletter's name": ["Tools of the Trade"],
        "time of day": ["noon", "9"],
        "sender's address": ["news@mill-lane.eu"],
        "postal address": ["1 Mill Lane, Anytown"],
        "public URL": ["https://127.0.0.1:1"],
        "API key": [KEY],
        "SendGrid's API URL": [fake.url],
        "Save these changes?": ["y"],
    }
    terminal = Terminal(empty.folder)
    while asked := terminal.until(": "):
        if terminal.process.poll() is not None or not asked.endswith(": "):
            break
        line = asked.splitlines()[-1]
        typed = next((left for words, left in answers.items() if words in line), [])
        terminal.type(typed.pop(0) if typed else "")
    # The event webhook's key is missing, which the doctor doesn't forgive.
    assert (terminal.ended(), KEY in terminal.shown) == (1, False), terminal.shown
    assert "noon isn't a time" in terminal.shown
    assert "The newsletter: Tools of the Trade; Tuesday, 09:00, UTC" in terminal.shown
    assert "DIGEST_WEBHOOK_KEYS is missing" in terminal.shown
    assert settings(empty)["DIGEST_SENDGRID_API_KEY"] == KEY
    assert settings(empty)["DIGEST_FROM"] == "Tools of the Trade <news@mill-lane.eu>"


def test_ctrl_c_in_the_middle_writes_nothing(empty: Installation) -> None:
    terminal = Terminal(empty.folder)
    terminal.until("The newsletter's name: ")
    terminal.type("Tools")
    terminal.until("sentence: ")
    terminal.process.send_signal(signal.SIGINT)
    terminal.type("")  # ends a read that began just after the signal, which would wait for ever
    assert terminal.ended() == 1
    assert "stopped; nothing was saved" in terminal.shown
    assert list(empty.folder.iterdir()) == []
