"""Fixtures every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.db import Database
from digest.migrations.schema import METADATA

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A fresh store in a file of its own."""
    database = Database(f"sqlite:///{tmp_path / 'digest.db'}")
    METADATA.create_all(database.engine)
    yield database
    database.close()
