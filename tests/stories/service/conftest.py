"""Fixtures for the service stories: an installation on its own clock, with six readers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.service.service_process import ServiceHarness, faketime, service_harness, utc


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[ServiceHarness]:
    """It is Friday; nothing runs yet."""
    if faketime() is None:
        pytest.skip("needs faketime (apt: faketime)")
    with service_harness(tmp_path, utc("2026-11-20 12:00")) as made:
        made.import_comparisons(1, 2, 3)
        made.import_readers(6)
        yield made
