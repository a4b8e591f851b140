"""The migration to a directory: comparisons that were there before are found."""

from __future__ import annotations

from datetime import date, datetime

from alembic import command
from sqlmodel import col, select

from digest import samples
from digest.comparisons.loader import read_file
from digest.comparisons.models import DirectoryEntry
from digest.comparisons.store import store_draft
from digest.db import Database
from digest.migrations.upgrade import config, upgrade


def entries(database: Database) -> list[dict[str, object]]:
    with database.read() as session:
        rows = session.exec(select(DirectoryEntry).order_by(col(DirectoryEntry.comparison_id)))
        return [row.model_dump() for row in rows]


def test_every_comparison_has_the_entry_that_its_import_would_have_made(
    bare: Database, now: datetime
) -> None:
    with bare.write() as session:
        upgrade(session.connection())
        for path in samples.comparisons():
            store_draft(session, read_file(path), now=now)
    before = entries(bare)
    with bare.write() as session:
        command.downgrade(config(session.connection()), "0016")
    with bare.write() as session:
        upgrade(session.connection())

    assert len(before) == 13
    assert entries(bare) == before
    assert {type(row["day"]) for row in before} == {date}
