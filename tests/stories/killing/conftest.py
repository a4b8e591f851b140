"""Fixtures for the killing tests: installations, and the steps between two kills."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.stories.killing.loop import KillHarness, kill_harness

KILL_REPORT = "kill loop"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the reports of the kill loops, wherever they were run."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, words in getattr(report, "user_properties", []):
                if name == KILL_REPORT:
                    test = report.nodeid.rpartition("::")[2]
                    terminalreporter.write_line(f"{test}: {words}")


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillHarness]:
    """3,000 readers in 12 batches, and a provider."""
    with kill_harness(tmp_path_factory.mktemp("kill_harness")) as made:
        yield made


@pytest.fixture(scope="module")
def small_harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KillHarness]:
    """12 readers in 4 batches, and a provider."""
    with kill_harness(
        tmp_path_factory.mktemp("small-kill_harness"), readers=12, batch_size=3
    ) as made:
        yield made


@pytest.fixture(scope="session")
def every() -> int:
    """How many steps to go on between deaths: `make soak` dies at each."""
    return 1 if os.environ.get("DIGEST_SOAK") else 7
