"""The clock of the database server, by which every machine on it goes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from sqlalchemy import URL, text

from digest.db import Database
from digest.server_clock import READ_EVERY, ServerClock

SERVER = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@dataclass
class Seconds:
    """The seconds since a machine started."""

    passed: float = 1000.0

    def __call__(self) -> float:
        return self.passed


def test_it_goes_on_from_what_the_server_said_whatever_this_machine_shows() -> None:
    seconds = Seconds()
    clock = ServerClock(seconds)
    clock.set(SERVER.astimezone(timezone(timedelta(hours=5))))
    seconds.passed += 2.5
    assert clock() == SERVER + timedelta(seconds=2.5)
    assert clock().tzinfo is UTC


def test_it_is_read_again_once_a_minute() -> None:
    seconds = Seconds()
    clock = ServerClock(seconds)
    assert clock.is_due()
    clock.set(SERVER)
    assert not clock.is_due()
    seconds.passed += READ_EVERY
    assert clock.is_due()


def test_before_the_server_was_asked_it_is_this_machines() -> None:
    before = datetime.now(UTC)
    assert before <= ServerClock()() <= datetime.now(UTC)


def test_what_opens_the_database_sets_its_clock(postgres: URL) -> None:
    database = Database(postgres.render_as_string(hide_password=False))
    with closing(database), database.read() as session:
        assert isinstance(database.clock, ServerClock)
        assert not session.execute(text("SELECT 1")).closed
        assert not database.clock.is_due()
        server = session.execute(text("SELECT clock_timestamp()")).scalar_one()
        assert abs(database.clock() - server) < timedelta(seconds=5)


def test_a_file_has_this_machines_clock(sqlite_database: Database) -> None:
    before = datetime.now(UTC)
    assert before <= sqlite_database.clock() <= datetime.now(UTC)
