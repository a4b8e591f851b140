"""Fixtures for every test, and the report of what was not run."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
from playwright.sync_api import Browser
from sqlalchemy import URL, Engine, create_engine

from digest.db import Database
from digest.migrations import job_queue_schema
from digest.migrations.all_tables import METADATA
from tests.postgres import NoPostgres, emptied, own_database, running_postgres
from tests.stories.warm_start import Warm, warm
from tests.web.browser import chromium

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

# The same examples in every run, however busy the machine is: what fails then has been changed.
# `make soak` looks further, with seeds of its own.
hypothesis.settings.register_profile("digest", deadline=None, derandomize=True)
hypothesis.settings.load_profile("digest")


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def warmed() -> Iterator[Warm]:
    """The process that commands are forked from."""
    with warm() as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium; for a module, since while one is open its event loop bars every other."""
    with chromium() as started:
        yield started


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Database:
    """A fresh store with every table; the test runs on each kind there is."""
    made: Database = request.getfixturevalue(f"{request.param}_database")
    return made


@pytest.fixture
def sqlite_database(empty_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    """A fresh store in a file of its own."""
    path = tmp_path / "digest.db"
    shutil.copyfile(empty_sqlite, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with every table and no row, to be copied: quicker than making the tables anew."""
    path = tmp_path_factory.mktemp("empty") / "digest.db"
    database = Database(f"sqlite:///{path}")
    METADATA.create_all(database.engine)
    database.close()
    return path


@pytest.fixture
def postgres_database(postgres_store: Database, postgres_cleaner: Engine) -> Database:
    """An empty store on PostgreSQL, whose connections stay for the next test."""
    with postgres_cleaner.begin() as connection:
        emptied(connection)
    return postgres_store


@pytest.fixture(scope="session")
def postgres_cleaner(postgres_store: Database) -> Iterator[Engine]:
    """A connection that stays: a new one reads every table's definition again."""
    engine = create_engine(postgres_store.url, pool_pre_ping=True)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_store(postgres: URL) -> Iterator[Database]:
    """A store on PostgreSQL that is there for all tests: ask for `postgres_database`."""
    with own_database(postgres) as url:
        database = Database(url.render_as_string(hide_password=False))
        METADATA.create_all(database.engine)
        with database.engine.begin() as connection:
            job_queue_schema.bring_up(connection)
        yield database
        database.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[URL]:
    """A PostgreSQL server where databases may be made."""
    try:
        with running_postgres() as server:
            yield server
    except NoPostgres as fault:
        pytest.skip(str(fault))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than processors: a story often waits for another process."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the stories: the longest test must not begin last."""
    items.sort(key=lambda item: "stories" not in item.path.parts)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that skipped anything where nothing may be skipped."""
    if os.environ.get("DIGEST_NO_SKIPS") and _skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say in a line for each reason what was not run."""
    for reason, number in _skipped(config).items():
        terminalreporter.write_line(f"Not run: {number} tests: {reason}", yellow=True, bold=True)
    if os.environ.get("DIGEST_NO_SKIPS") and _skipped(config):
        terminalreporter.write_line("DIGEST_NO_SKIPS is set: this is a failure.", red=True)


def _skipped(config: pytest.Config) -> Counter[str]:
    """Count the skipped tests by reason; a worker of many knows nothing of the others."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter else []
    return Counter(report.longrepr[2].removeprefix("Skipped: ") for report in reports)
