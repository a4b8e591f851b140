"""Fixtures for stories: installations in folders, used by the digest command as users do."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.stories.warm_start import Said, Warm

DIGEST = Path(sys.executable).with_name("digest")
READERS = 400
BATCH = 50
ENOUGH = {
    "DIGEST_BASE_URL": "https://verdicts.example.com",
    "DIGEST_POSTAL_ADDRESS": "Example Press, 1 Sample Street, Exampletown",
}


@dataclass(frozen=True)
class Installation:
    """A folder, and the environment its commands run in."""

    warm: Warm
    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str | Path, **env: str) -> Said:
        """Run one command to its end."""
        return self.warm.run([str(each) for each in arguments], self.folder, self.environment(env))

    def done(self, *arguments: str | Path, **env: str) -> Said:
        """Run one command that must succeed."""
        said = self.run(*arguments, **env)
        assert said.code == 0, f"digest {arguments}: {said}"
        return said

    @contextmanager
    def started(self, *arguments: str, **env: str) -> Iterator[subprocess.Popen[str]]:
        """Start one command by its own script, and see that it has ended afterwards."""
        with subprocess.Popen(  # noqa: S603 - the command under test
            [DIGEST, *arguments],
            cwd=self.folder,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # its process group is its own, as in a terminal
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def status(self) -> dict[str, Any]:
        facts: dict[str, Any] = self.done("status", "1", "--json").facts
        return facts

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        """Return the environment of one command."""
        usual = {name: value for name, value in os.environ.items() if not name.startswith("DIGEST")}
        return {**usual, **self.env, **more}


def last_week() -> str:
    """The ISO week before this one: its issue isn't early on any day."""
    year, week, _ = (datetime.now(UTC) - timedelta(days=7)).isocalendar()
    return f"{year:04}-W{week:02}"


def complaints(err: str) -> list[str]:
    """The lines of standard error, but for the one that says how old the issue is."""
    lines = [line for line in err.splitlines() if line.strip()]
    return [line for line in lines if not line.startswith("Issue 1 is dated ")]


@pytest.fixture
def empty(warmed: Warm, tmp_path: Path) -> Installation:
    """A folder with nothing in it."""
    folder = tmp_path / "site"
    folder.mkdir()
    return Installation(warmed, folder)


@pytest.fixture(scope="session")
def approved(warmed: Warm, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation with readers and an approved issue: ask for `ready`, which is a copy."""
    folder = tmp_path_factory.mktemp("approved")
    made = Installation(warmed, folder, {**ENOUGH, "DIGEST_BATCH_SIZE": str(BATCH)})
    addresses = [f"reader.{number}@example.org" for number in range(READERS)]
    (folder / "readers.csv").write_text("\n".join(["email", *addresses]), "utf-8")
    (folder / "page.txt").write_text(PAGE, "utf-8")
    made.done("init")
    made.done("import", "page.txt")
    made.done("subscribers", "import", "readers.csv", "--consent", "They ticked the box.")
    made.done("build", "--period", last_week(), "--yes")
    made.done("approve", "1", "--by", "the tests")
    return made


@pytest.fixture
def ready(approved: Installation, tmp_path: Path) -> Installation:
    """An installation with 400 readers and one approved issue, not sent yet."""
    folder = tmp_path / "site"
    shutil.copytree(approved.folder, folder)
    return replace(approved, folder=folder)


PAGE = """\
AI tools side by side
Lathe vs Mortar Studio
Which one would you build on? Price, panel and readers.
Coding Assistants
Lathe
A pair programmer that lives in the terminal
75%
Panel ship
—
Community
Free
Entry
Lathe reads a repository and proposes small patches.
Design Tools
Mortar Studio
Turns sketches into working screens
100%
Panel ship
—
Community
Paid
Entry
Mortar Studio draws the screens of an app from a photo of a whiteboard.
Reviewer scorecard
“The patches are small enough to read.”
“The screens compile.”
“It declines what it cannot do.”
“A demo that survives its second week.”
“Local first is where this is going.”
“The drawing becomes the specification.”
“Nobody will pay for this.”
“Agencies will, and gladly.”
Weekly verdicts
"""


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Let what is started hear of Ctrl-C, also where the tests run behind a shell's back."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def hangups() -> Iterator[None]:
    """Let what is started hear of a terminal that goes away, also where the tests don't."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
