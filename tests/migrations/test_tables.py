"""Table differences: reported with the table, the column and a next step."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from digest.db import Database
from digest.errors import DatabaseUnfit
from digest.migrations.table_check import differences, require_right
from digest.migrations.upgrade import upgrade


def changed(connection: Connection, *statements: str) -> list[tuple[str, bool]]:
    upgrade(connection)
    for statement in statements:
        connection.exec_driver_sql(statement)
    return [(difference.says, difference.harmful) for difference in differences(connection)]


def test_tables_as_the_revisions_make_them_are_right(bare: Database) -> None:
    with bare.write() as session:
        assert changed(session.connection()) == []


@pytest.mark.parametrize(
    ("statement", "says", "harmful"),
    [
        ("DROP TABLE placement", "no table placement", True),
        ("ALTER TABLE suppression DROP COLUMN erased_at", "no column suppression.erased_at", True),
        ("ALTER TABLE suppression ADD COLUMN x TEXT", "one more column suppression.x", False),
        ("DROP INDEX ix_approval_issue_id", "no index of approval.issue_id", False),
    ],
)
def test_what_differs_is_named(bare: Database, statement: str, says: str, harmful: bool) -> None:
    with bare.write() as session:
        assert (says, harmful) in changed(session.connection(), statement)


def test_tables_and_indexes_of_others_are_none_of_our_business(bare: Database) -> None:
    with bare.write() as session:
        assert (
            changed(
                session.connection(),
                "CREATE TABLE theirs (id INTEGER PRIMARY KEY)",
                "CREATE INDEX faster ON approval (by)",
            )
            == []
        )


def test_tables_an_edited_revision_made_are_refused_without_sending_one_in_a_circle(
    bare: Database,
) -> None:
    with bare.write() as session:
        connection = session.connection()
        changed(connection, "ALTER TABLE suppression DROP COLUMN erased_at")
        with pytest.raises(DatabaseUnfit, match=r"no column suppression\.erased_at") as fault:
            require_right(connection)
    assert "restore a backup" in str(fault.value.next_step)
    assert "digest init" not in str(fault.value.next_step)


def test_an_upgrade_that_meets_tables_no_revision_made_says_so(bare: Database) -> None:
    with bare.write() as session:
        session.connection().exec_driver_sql("CREATE TABLE suppression (id INTEGER PRIMARY KEY)")
    with (
        pytest.raises(DatabaseUnfit, match=r"aren't ours.*suppression") as fault,
        bare.write() as session,
    ):
        upgrade(session.connection())
    assert "restore a backup" in str(fault.value.next_step)
