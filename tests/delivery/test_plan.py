"""Freezing an audience."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlmodel import select

from digest.db import Database
from digest.delivery.counts import count
from digest.delivery.models import Batch, BatchState, Delivery
from digest.delivery.plan import Audience, prepare
from digest.errors import WrongState
from digest.issues.models import Edition, Issue, IssueState
from subscribers.models import Standing
from tests.delivery.conftest import MakeReaders

MakeIssue = Callable[[], tuple[int, int]]


def planned(database: Database, ids: tuple[int, int], now: datetime, size: int = 4) -> Audience:
    with database.write() as session:
        return prepare(
            session,
            issue=session.get_one(Issue, ids[0]),
            edition=session.get_one(Edition, ids[1]),
            newsletter="weekly",
            batch_size=size,
            now=now,
        )


def test_everybody_who_confirmed_is_in_exactly_one_batch(
    database: Database, make_readers: MakeReaders, make_issue: MakeIssue, now: datetime
) -> None:
    make_readers(10)
    make_readers(3, standing=Standing.UNSUBSCRIBED)
    found = planned(database, make_issue(), now)
    with database.read() as session:
        batches = session.exec(select(Batch).order_by(Batch.number)).all()  # type: ignore[arg-type]  # a column
        deliveries = session.exec(select(Delivery)).all()
    assert (found.candidates, found.excluded, found.batches) == (10, 0, 3)
    assert [batch.size for batch in batches] == [4, 4, 2]
    covered = [n for b in batches for n in range(b.first_delivery, b.last_delivery + 1)]
    assert covered == sorted(d.id for d in deliveries if d.id is not None)


def test_who_is_suppressed_or_paused_is_a_candidate_and_excluded(
    database: Database, make_readers: MakeReaders, make_issue: MakeIssue, now: datetime
) -> None:
    make_readers(3)
    make_readers(2, suppressed="hard-bounce")
    make_readers(1, standing=Standing.PAUSED)
    ids = make_issue()
    found = planned(database, ids, now)
    with database.read() as session:
        counts = count(session, ids[1])
        reasons = {d.reason for d in session.exec(select(Delivery)).all() if d.reason}
    assert (found.candidates, found.excluded) == (6, 3)
    assert counts.balances
    assert reasons == {"suppressed: hard-bounce", "paused"}


def test_a_batch_of_nobody_needs_no_sender(
    database: Database, make_readers: MakeReaders, make_issue: MakeIssue, now: datetime
) -> None:
    make_readers(2, suppressed="manual")
    make_readers(2)
    planned(database, make_issue(), now, size=2)
    with database.read() as session:
        states = {batch.state for batch in session.exec(select(Batch)).all()}
    assert states == {BatchState.EMPTY, BatchState.PENDING}


def test_an_issue_is_frozen_once(
    database: Database, make_readers: MakeReaders, make_issue: MakeIssue, now: datetime
) -> None:
    make_readers(2)
    ids = make_issue()
    planned(database, ids, now)
    with pytest.raises(WrongState, match="frozen already"):
        planned(database, ids, now)
    with database.read() as session:
        assert len(session.exec(select(Delivery)).all()) == 2


def test_an_issue_for_nobody_is_refused_and_stays_as_it_was(
    database: Database, make_issue: MakeIssue, now: datetime
) -> None:
    ids = make_issue()
    with pytest.raises(WrongState, match="nobody is subscribed"):
        planned(database, ids, now)
    with database.read() as session:
        assert session.get_one(Issue, ids[0]).state is IssueState.BUILT
