"""The revision that lets a cancelled week be built again: rows and their references stay."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from digest.comparisons.models import Comparison
from digest.db import Database
from digest.issues.models import Issue, IssueState
from digest.migrations.upgrade import config, upgrade
from tests.migrations.test_revisions import ON_ITS_WAY, difference

MOMENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
COMPARISON = (
    "INSERT INTO comparison (id, slug, latest, first_imported_at)"
    " VALUES (1, 'a-vs-b', 1, '2026-11-24 09:00:00+00:00')"
)


@pytest.fixture
def upgraded(bare: Database) -> Database:
    """A database of the revision before, with an issue on its way, upgraded."""
    with bare.write() as session:
        command.upgrade(config(session.connection()), "0010")
        for statement in (*ON_ITS_WAY, COMPARISON):
            session.connection().exec_driver_sql(statement)
    with bare.write() as session:
        assert upgrade(session.connection()) is True
    return bare


def add(session: Session, number: int, state: IssueState) -> None:
    session.add(
        Issue(
            id=number,
            newsletter_id=1,
            number=number,
            period="2026-W49",
            state=state,
            built_at=MOMENT,
        )
    )
    session.flush()


def periods(database: Database) -> list[tuple[int | None, str]]:
    with database.read() as session:
        rows = session.execute(text("SELECT number, period FROM issue ORDER BY number")).all()
        return [(number, period) for number, period in rows]


def test_issues_and_what_refers_to_them_survive(upgraded: Database) -> None:
    assert difference(upgraded) == []
    with upgraded.read() as session:
        assert session.exec(select(Issue.number, Issue.period)).all() == [(1, "2026-W48")]
        edition = session.execute(text("SELECT issue_id FROM edition")).scalar_one()
        assert session.get_one(Issue, edition).state is IssueState.PREPARED
        comparison = session.exec(select(Comparison)).one()
    assert (comparison.withdrawn_at, comparison.withdrawn_why) == (None, "")
    assert comparison.set_by_editors == {}


def test_a_week_has_one_issue_that_is_not_cancelled(upgraded: Database) -> None:
    with upgraded.write() as session:
        add(session, 2, IssueState.CANCELLED)
        add(session, 3, IssueState.CANCELLED)
        add(session, 4, IssueState.BUILT)
    with pytest.raises(IntegrityError), upgraded.write() as session:
        add(session, 5, IssueState.BUILT)


def test_a_week_that_was_built_again_survives_a_downgrade_and_an_upgrade(
    upgraded: Database,
) -> None:
    with upgraded.write() as session:
        add(session, 2, IssueState.CANCELLED)
        add(session, 3, IssueState.BUILT)
    before = periods(upgraded)
    with upgraded.write() as session:
        command.downgrade(config(session.connection()), "0010")
    marked = dict(periods(upgraded))
    assert (marked[1], marked[3]) == ("2026-W48", "2026-W49")
    assert marked[2].startswith("2026-W49/")
    with upgraded.write() as session:
        upgrade(session.connection())
    assert periods(upgraded) == before
    with upgraded.read() as session:
        cancelled = select(Issue.number).where(col(Issue.state) == IssueState.CANCELLED)
        assert session.exec(cancelled).all() == [2]
