"""Fixtures for the list: a session, readers in any standing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from digest.db import Database
from subscribers import ledger, store
from subscribers.address import parse
from subscribers.models import ConsentAct, Standing
from subscribers.store import Evidence
from subscribers.tokens import Hashes, Tokens

SECRET = "a secret for these tests, long enough"
NEWSLETTER = "weekly"
FORM = Evidence(channel="form", form="sign-up", wording="Send me the weekly mail.")

MakeReader = Callable[..., int]


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
    """Return a function that puts a reader on the list, confirmed unless told otherwise."""

    def make(
        session: Session,
        address: str = "reader@example.com",
        standing: Standing = Standing.CONFIRMED,
    ) -> int:
        reader = store.add(session, parse(address), now)
        store.join(session, reader, NEWSLETTER, standing, now, source="form")
        ledger.record(session, reader, NEWSLETTER, ConsentAct.ASKED, FORM, now)
        if standing is not Standing.PENDING:
            ledger.record(session, reader, NEWSLETTER, ConsentAct.CONFIRMED, FORM, now)
        return reader

    return make
