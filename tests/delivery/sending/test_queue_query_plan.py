"""The query plan of a claim, for a list of medium size: it reads a batch, and never the list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event, insert, text
from sqlmodel import Session

from digest.db import Database
from digest.delivery.models import Batch, BatchState, Rollout
from digest.delivery.sending.queue import claim
from digest.delivery.sending.rollout import judge_rollout
from digest.issues.models import Issue, IssueState

READERS = 60_000
BATCH = 1_000
_NUMBERS = {
    "sqlite": "(WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < :n)"
    " SELECT n FROM g)",
    "postgresql": "generate_series(1, :n) n",
}
_FILL = (
    "INSERT INTO subscriber (id, address, address_key, language, created_at)"
    " SELECT n, n || '@example.org', n || '@example.org', 'en', '2026-01-01 00:00:00' FROM {}",
    "INSERT INTO subscription (subscriber_id, newsletter, standing, source, since)"
    " SELECT n, 'weekly', 'confirmed', '', '2026-01-01 00:00:00' FROM {}",
    "INSERT INTO delivery (id, edition_id, subscriber_id) SELECT n, :edition, {} FROM {}",
)
#: Whose delivery has which number: each subscriber's own, or scattered as those of a first wave.
IN_ORDER, SCATTERED = "n", f"1 + n * 7919 % {READERS}"
WHOLE_LIST = ("Seq Scan", "SCAN subscri", "SCAN delivery", "(newsletter=?")


@pytest.fixture(params=[IN_ORDER, SCATTERED], ids=["in order", "scattered"])
def edition(
    database: Database,
    make_issue: Callable[[], tuple[int, int]],
    request: pytest.FixtureRequest,
) -> int:
    """An edition for 60,000 readers, with one pending batch in the middle."""
    issue_id, edition_id = make_issue()
    numbers = _NUMBERS[database.engine.dialect.name]
    with database.write() as session:
        for statement in _FILL:
            rows = (request.param, numbers) if statement.count("{}") == 2 else (numbers,)
            session.connection().execute(
                text(statement.format(*rows)), {"n": READERS, "edition": edition_id}
            )
        session.get_one(Issue, issue_id).state = IssueState.PREPARED
        row = {"key": "k", "root": "k", "edition_id": edition_id, "number": 1, "note": ""}
        row |= {"state": BatchState.PENDING, "attempts": 0, "tries": 0, "recoveries": 0}
        row |= {"first_delivery": 30_001, "last_delivery": 30_000 + BATCH, "size": BATCH}
        session.connection().execute(insert(Batch), row)
    if not database.is_sqlite:
        autocommit = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        with autocommit as connection:
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
    explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    return [
        "\n".join(
            str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)
        )
        for statement, parameters in asked
        if statement.startswith("SELECT") and "JOIN edition" not in statement
    ]


@pytest.fixture(params=["as it is", "just planned"])
def statistics(request: pytest.FixtureRequest, database: Database, edition: int) -> str:
    """What a server knows of its tables: of one that was just filled, nothing."""
    if database.is_sqlite:  # it keeps none
        return ""
    forget = "DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM mine)"
    empty = "UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid IN (SELECT oid FROM mine)"
    mine = "WITH mine AS (SELECT oid FROM pg_class WHERE relname IN ('delivery', 'subscription'))"
    with database.write() as session:
        for statement in (forget, empty) if request.param == "just planned" else ():
            session.connection().execute(text(f"{mine} {statement}"))
    return str(request.param)


@pytest.mark.usefixtures("statistics")
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
    assert [plan for plan in found if any(sign in plan for sign in WHOLE_LIST)] == []
    whole = [plan for plan in found if "Index Cond: (subscriber_id = " in plan]
    assert whole == [], "each reader is looked for in the whole index of editions"


def test_a_first_wave_looks_for_who_is_left_without_reading_the_list(
    database: Database, edition: int, now: datetime
) -> None:
    with database.write() as session:
        session.add(Rollout(edition_id=edition, last_batch=0, wait_seconds=60))
        session.flush()
        found = plans(session, lambda: judge_rollout(session, edition, now))
    asked = [plan for plan in found if "subscription" in plan]
    assert len(asked) == 1
    plan = asked[0].replace("Seq Scan on batch", "")  # there is one batch
    assert not any(sign in plan for sign in WHOLE_LIST)
