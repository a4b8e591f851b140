"""Revisions: an upgrade makes the tables of the models, once, and can be reverted."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlmodel import select

from digest import migrations
from digest.db import Database
from digest.delivery.models import (
    Batch,
    BatchState,
    CircuitBreaker,
    Epoch,
    Installation,
    KnownSecret,
)
from digest.issues.models import Issue, IssueState, Newsletter
from digest.migrations.all_tables import METADATA, is_in_models
from digest.migrations.revision import current, newest, revisions
from digest.migrations.upgrade import config, upgrade
from digest.service.backup import NUMBERS_APART
from subscribers.models import Subscriber

MANUAL = Path(__file__).parents[2] / "docs" / "backups.md"
FOLDER = str(Path(str(migrations.__file__)).parent)


def upgraded(database: Database) -> bool:
    with database.write() as session:
        return upgrade(session.connection())


def tables(database: Database) -> set[str]:
    """The tables, without those that SQLite keeps its full-text index in."""
    names = inspect(database.engine).get_table_names()
    return {name for name in names if is_in_models(name, "table", None)}


def difference(database: Database) -> list[object]:
    """What would have to be done to the tables to make them what the models say."""
    with database.read() as session:
        options = {"compare_type": True, "include_name": is_in_models}
        context = MigrationContext.configure(session.connection(), opts=options)
        return list(compare_metadata(context, METADATA))


def test_an_empty_database_is_upgraded_to_what_the_models_say(bare: Database) -> None:
    assert upgraded(bare) is True
    assert difference(bare) == []
    assert tables(bare) == {*METADATA.tables, "alembic_version"}


def test_the_comparison_sees_a_table_that_is_missing(bare: Database) -> None:
    upgraded(bare)
    with bare.write() as session:
        session.connection().exec_driver_sql("DROP TABLE placement")
    assert difference(bare) != []


def test_upgrading_again_changes_nothing(bare: Database) -> None:
    upgraded(bare)
    before = tables(bare)
    assert upgraded(bare) is False
    assert tables(bare) == before


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(bare: Database) -> None:
    with suppress(ZeroDivisionError), bare.write() as session:
        upgrade(session.connection())
        raise ZeroDivisionError
    assert tables(bare) == set()


def test_every_revision_can_be_taken_back_and_made_again(bare: Database) -> None:
    upgraded(bare)
    with bare.write() as session:
        command.downgrade(config(session.connection()), "base")
    assert tables(bare) <= {"alembic_version"}
    assert upgraded(bare) is True
    assert difference(bare) == []


def test_each_step_back_and_forth_ends_at_the_same_tables(bare: Database) -> None:
    upgraded(bare)
    revisions = [each.revision for each in ScriptDirectory(FOLDER).walk_revisions()]
    for _ in revisions:
        with bare.write() as session:
            command.downgrade(config(session.connection()), "-1")
    for _ in revisions:
        with bare.write() as session:
            command.upgrade(config(session.connection()), "+1")
    assert difference(bare) == []


def test_a_database_of_0004_goes_on_under_its_key(bare: Database) -> None:
    with bare.write() as session:
        command.upgrade(config(session.connection()), "0004")
        session.connection().exec_driver_sql(
            "INSERT INTO installation VALUES (1, 'k', NULL, '', '', NULL)"
        )
    assert upgraded(bare) is True
    assert difference(bare) == []
    with bare.read() as session:
        assert session.get_one(Installation, 1).key == "k"
        assert session.exec(select(Epoch)).all() == []
    with bare.write() as session:
        command.downgrade(config(session.connection()), "0004")
        assert session.get_one(Installation, 1).key == "k"


def test_a_send_on_its_way_survives_the_revision_that_adds_the_circuit_breaker(
    bare: Database,
) -> None:
    with bare.write() as session:
        command.upgrade(config(session.connection()), "0004")
        for statement in ON_ITS_WAY:
            session.connection().exec_driver_sql(statement)
    assert upgraded(bare) is True
    with bare.write() as session:
        batch = session.exec(select(Batch)).one()
        assert (batch.state, batch.size) == (BatchState.IN_DOUBT, 3)
        moment = datetime(2026, 11, 24, tzinfo=UTC)
        session.add(CircuitBreaker(edition_id=1, since=moment, probe_at=moment))
    with bare.write() as session:
        command.downgrade(config(session.connection()), "0004")
        kept = session.connection().exec_driver_sql("SELECT state FROM batch").all()
        assert [row[0] for row in kept] == ["in-doubt"]


ON_ITS_WAY = (
    "INSERT INTO newsletter (id, slug, name, description, timezone, every, weekday, hour, minute,"
    " scheduled, build_lead, remind_lead, max_lateness, when_empty, evergreen, tracking,"
    " unattended, max_per_issue, no_repeat, language) VALUES (1, 'weekly', 'W', '', 'UTC', 'week',"
    " 1, 9, 0, true, 48, 24, 12, 'skip', '[]', 'off', false, 5, 2, 'en')",
    "INSERT INTO issue (id, newsletter_id, number, period, state, note, pick, built_at)"
    " VALUES (1, 1, 1, '2026-W48', 'prepared', '', '{}', '2026-11-24 09:00:00+00:00')",
    "INSERT INTO edition (id, issue_id, slice, revision, language, subject, preheader, html, text,"
    " fingerprint, frozen_at, tracking) VALUES (1, 1, 'all', 1, 'en', 'S', '', 'H', 'T', 'f',"
    " '2026-11-24 09:00:00+00:00', 'off')",
    "INSERT INTO batch (id, key, edition_id, number, root, first_delivery, last_delivery, size,"
    " state, attempts, tries, recoveries, note) VALUES (1, 'k', 1, 1, 'k', 1, 3, 3, 'in-doubt',"
    " 1, 0, 0, 'no answer')",
)


def test_a_database_says_where_it_stands(bare: Database) -> None:
    with bare.read() as session:
        assert current(session.connection()) is None
    upgraded(bare)
    with bare.read() as session:
        assert current(session.connection()) == newest()


def test_the_revisions_form_one_line_as_their_files_are_named() -> None:
    line = [each.revision for each in ScriptDirectory(FOLDER).walk_revisions()]
    assert line[::-1] == revisions()


def test_a_moment_and_a_closed_set_come_back_as_they_went_in(bare: Database) -> None:
    moment = datetime(2026, 11, 24, 9, 0, 0, 123456, tzinfo=UTC)
    upgraded(bare)
    with bare.write() as session:
        session.add(Newsletter(id=1, slug="weekly", name="Weekly AI Tool Verdicts"))
        session.flush()
        session.add(
            Issue(newsletter_id=1, period="2026-W48", state=IssueState.BUILT, built_at=moment)
        )
    with bare.read() as session:
        issue = session.exec(select(Issue)).one()
        assert (issue.built_at, issue.state) == (moment, IssueState.BUILT)


def test_a_database_of_revision_0004_is_upgraded_with_its_rows(bare: Database) -> None:
    with bare.write() as session:
        command.upgrade(config(session.connection()), "0004")
        session.connection().exec_driver_sql(ON_ITS_WAY[0])
    assert "known_secret" not in tables(bare)
    assert upgraded(bare) is True
    with bare.read() as session:
        assert session.exec(select(Newsletter.slug)).all() == ["weekly"]
        assert session.exec(select(KnownSecret)).all() == []


@pytest.mark.postgres
def test_the_manuals_statements_set_the_sequences_ahead_after_a_restore(
    bare_postgres: Database,
) -> None:
    upgraded(bare_postgres)
    moment = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    statements = re.findall(r"^SELECT setval.*?;$", MANUAL.read_text("utf-8"), re.DOTALL | re.M)
    assert len(statements) == 2
    with bare_postgres.write() as session:
        for each in statements:
            session.connection().exec_driver_sql(each)
    with bare_postgres.write() as session:
        reader = Subscriber(address="a@e.org", address_key="a@e.org", created_at=moment)
        session.add(reader)
        session.flush()
        assert (reader.id or 0) > NUMBERS_APART


def test_the_manuals_statements_shrink_a_database_and_give_no_number_twice(
    bare_sqlite: Database,
) -> None:
    upgraded(bare_sqlite)
    moment, path = datetime(2026, 11, 24, 9, 0, tzinfo=UTC), bare_sqlite.path
    assert path is not None
    [statements] = re.findall(r"digest\.db '(VACUUM; .*)'", MANUAL.read_text("utf-8"))
    with bare_sqlite.write() as session:
        addresses = [f"reader{number}@example.org" for number in range(2000)]
        session.add_all(
            Subscriber(address=each, address_key=each, created_at=moment) for each in addresses
        )
    with bare_sqlite.write() as session:
        session.connection().exec_driver_sql("DELETE FROM subscriber")
    bare_sqlite.scrub()
    before = path.stat().st_size
    bare_sqlite.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)
    assert path.stat().st_size < before
    with bare_sqlite.write() as session:
        reader = Subscriber(address="a@e.org", address_key="a@e.org", created_at=moment)
        session.add(reader)
        session.flush()
        assert reader.id == 2001
