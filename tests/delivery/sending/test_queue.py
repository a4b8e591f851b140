"""The queue: the steps of a claim."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from sqlmodel import Session

from digest.db import Database
from digest.delivery.sending import queue
from digest.delivery.sending.batch_worker import EditionSend
from tests.delivery.conftest import MakeReaders, MakeSending


def steps_of_a_claim(session: Session, sending: EditionSend) -> int:
    """Count the SQLite instructions of a claim, in hundreds."""
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
