"""Fixtures for subscribers: a session, and readers of any standing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from digest.db import Database
from subscribers import consent, store
from subscribers.address.syntax import parse
from subscribers.importer import ImportOptions, ImportReport, import_list
from subscribers.models import ConsentAct, Standing
from subscribers.store import Evidence
from subscribers.tokens import Hashes, Tokens

SECRET = "a secret for these tests, long enough"
NEWSLETTER = "weekly"
FORM = Evidence(channel="form", form="sign-up", wording="Send me the weekly mail.")

CONSENT = "They ticked the box on the old site, 2024 to 2026."
OPTIONS = ImportOptions(newsletter=NEWSLETTER, consent=CONSENT)
REHEARSAL = ImportOptions(newsletter=NEWSLETTER, consent=CONSENT, rehearsal=True)

MakeReader = Callable[..., int]
Import = Callable[..., ImportReport]


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.write() as session:
        yield session


@pytest.fixture
def hashes() -> Hashes:
    return Hashes([SECRET])


@pytest.fixture
def tokens() -> Tokens:
    return Tokens([SECRET])


@pytest.fixture
def make_reader(now: datetime) -> MakeReader:
    """Return a function that puts a reader on the list, by default confirmed."""

    def make(
        session: Session,
        address: str = "reader@example.com",
        standing: Standing = Standing.CONFIRMED,
    ) -> int:
        reader = store.add(session, parse(address), now)
        store.join(session, reader, NEWSLETTER, standing, now, source="form")
        consent.record(session, reader, NEWSLETTER, ConsentAct.ASKED, FORM, now)
        if standing is not Standing.PENDING:
            consent.record(session, reader, NEWSLETTER, ConsentAct.CONFIRMED, FORM, now)
        return reader

    return make


@pytest.fixture
def load_csv(database: Database, tmp_path: Path, hashes: Hashes, now: datetime) -> Import:
    """Return a function that imports a text or bytes as a file."""

    def load_csv(
        content: str | bytes,
        options: ImportOptions = OPTIONS,
        name: str = "list.csv",
        **more: object,
    ) -> ImportReport:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        given: dict[str, object] = {"hashes": hashes, "now": now, **more}
        return import_list(database, path, options, **given)  # type: ignore[arg-type]  # by name

    return load_csv


def addresses(database: Database, standing: Standing = Standing.CONFIRMED) -> list[str]:
    with database.read() as session:
        rows = session.execute(
            text(
                "SELECT address FROM subscriber s JOIN subscription p ON p.subscriber_id = s.id"
                " WHERE p.standing = :standing ORDER BY address"
            ),
            {"standing": standing.value},
        )
        return [row.address for row in rows]
