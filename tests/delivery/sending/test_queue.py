"""The queue: rows in order, and the steps of a claim."""

from __future__ import annotations

from itertools import count
from typing import Any, cast

import pytest
from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from digest.db import Database
from digest.delivery.sending import queue
from digest.delivery.sending.batch_worker import EditionSend
from digest.delivery.sending.queue import OneReadQuery
from subscribers.models import Subscriber
from tests.delivery.conftest import MakeReaders, MakeSending

ODD = '"o\'brien"@exämple.org'


def test_rows_come_as_they_are_and_sorted(database: Database, make_readers: MakeReaders) -> None:
    ids = [*make_readers(3), *make_readers(2, suppressed="bounced")]
    with database.write() as session:
        session.get_one(Subscriber, ids[1]).address = ODD
    found = OneReadQuery(
        select(col(Subscriber.id), col(Subscriber.address), col(Subscriber.suppressed)).where(
            col(Subscriber.id) <= cast(int, bindparam("last"))
        )
    )
    with database.read() as session:
        rows = [tuple(row) for row in found.all(session, {"last": ids[3]})]
        assert found.all(session, {"last": ids[0] - 1}) == []
    assert [row[0] for row in rows] == ids[:4]
    assert rows[1] == (ids[1], ODD, None)
    assert rows[3][2] == "bounced"


def steps_of_a_claim(session: Session, sending: EditionSend) -> int:
    """Count what SQLite's machine does for a claim, in hundreds of instructions."""
    hundreds = count()
    driver: Any = session.connection().connection.dbapi_connection
    driver.set_progress_handler(lambda: next(hundreds) and None, 100)
    taken = queue.claim(
        session, edition_id=sending.edition_id, newsletter="weekly", owner="test",
        now=sending.clock(), lease=60.0,
    )  # fmt: skip
    driver.set_progress_handler(None, 0)
    assert taken is not None
    assert len(taken.readers) == 3
    return next(hundreds)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_claim_reads_its_batch_and_not_the_whole_audience(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(3_000)
    sending = make_sending()
    with database.write() as session:
        assert steps_of_a_claim(session, sending) < 30
