"""A fake that runs, and bodies to send to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.testing import RunningFake, running_fake


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[RunningFake]:
    """A fake of its own for one test."""
    with running_fake(tmp_path) as fake:
        yield fake


@pytest.fixture(scope="module")
def shared_fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFake]:
    """One fake for all the tests of a module that send nothing, or look only at the answer."""
    with running_fake(tmp_path_factory.mktemp("fake")) as fake:
        yield fake
