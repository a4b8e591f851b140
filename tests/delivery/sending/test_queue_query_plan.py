"""The query plan of a claim on PostgreSQL, for a list of medium size."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event, insert, text
from sqlmodel import Session

from digest.db import Database
from digest.delivery.models import Batch, BatchState
from digest.delivery.sending.queue import claim
from digest.issues.models import Issue, IssueState

pytestmark = pytest.mark.postgres

READERS = 60_000
BATCH = 1_000
_FILL = (
    "INSERT INTO subscriber (id, address, address_key, language, created_at)"
    " SELECT n, n || '@example.org', n || '@example.org', 'en', now()"
    " FROM generate_series(1, :n) n",
    "INSERT INTO subscription (subscriber_id, newsletter, standing, source, since)"
    " SELECT n, 'weekly', 'confirmed', '', now() FROM generate_series(1, :n) n",
    "INSERT INTO delivery (id, edition_id, subscriber_id)"
    " SELECT n, :edition, n FROM generate_series(1, :n) n",
)


@pytest.fixture
def database(postgres_database: Database) -> Database:
    return postgres_database


@pytest.fixture
def edition(database: Database, make_issue: Callable[[], tuple[int, int]]) -> int:
    """An edition for 60,000 readers, with one pending batch in the middle."""
    issue_id, edition_id = make_issue()
    with database.write() as session:
        for statement in _FILL:
            session.connection().execute(text(statement), {"n": READERS, "edition": edition_id})
        session.get_one(Issue, issue_id).state = IssueState.PREPARED
        row = {"key": "k", "root": "k", "edition_id": edition_id, "number": 1, "note": ""}
        row |= {"state": BatchState.PENDING, "attempts": 0, "tries": 0, "recoveries": 0}
        row |= {"first_delivery": 30_001, "last_delivery": 30_000 + BATCH, "size": BATCH}
        session.connection().execute(insert(Batch), row)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return edition_id


def plans(session: Session, act: Callable[[], object]) -> list[str]:
    """Return the query plan of each SELECT that *act* makes."""
    asked: list[tuple[str, Any]] = []
    connection = session.connection()

    def note(_one: Any, _two: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    act()
    event.remove(connection, "before_cursor_execute", note)
    return [
        "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
        for statement, parameters in asked
        if statement.startswith("SELECT") and "FOR UPDATE" not in statement
    ]


def test_a_claim_reads_no_list_from_end_to_end(
    database: Database, edition: int, now: datetime
) -> None:
    with database.write() as session:
        found = plans(
            session,
            lambda: claim(
                session, edition_id=edition, newsletter="weekly", owner="test", now=now, lease=60
            ),
        )
    assert any("subscription" in plan for plan in found)
    assert [plan for plan in found if "Seq Scan" in plan] == []
