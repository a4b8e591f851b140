"""What `digest send` imports, and when: each of its processes holds that while it sends."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.stories.conftest import Installation
from tests.stories.warm_start import LIMIT

#: What the command's own imports end with, before anything is sent.
BEFORE = "digest.app.issue_building"
#: What only the lines after a send need.
AFTER = (
    "digest.issues.build",
    "digest.service",
    "digest.delivery.reporting",
    "digest.delivery.events",
    "digest.directory",
    "digest.letters",
    "digest.webhooks",
    "rich.console",
)
#: What no send to SQLite needs.
NEVER = {
    "rich._emoji_codes",
    "rich.progress",
    "sqlalchemy.dialects.postgresql",
    "wcwidth",
}


@pytest.fixture
def imported(ready: Installation) -> list[str]:
    """The modules that a send has imported, in order."""
    with ready.started("send", "1", PYTHONPROFILEIMPORTTIME="1") as sender:
        _, err = sender.communicate(timeout=LIMIT)
    lines = [line for line in err.splitlines() if line.startswith("import time:")]
    return [line.rpartition("|")[2].strip() for line in lines]


def test_a_send_holds_nothing_that_only_its_last_lines_need(imported: list[str]) -> None:
    assert imported.index(BEFORE) < min(imported.index(name) for name in AFTER)


def test_a_send_loads_nothing_that_it_never_needs(imported: list[str]) -> None:
    assert NEVER.isdisjoint(imported)


def test_the_command_loads_babel_only_to_say_what_day_an_issue_is_dated() -> None:
    code = "import sys, digest.cli.issue.send; sys.exit('babel' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own interpreter
