"""Nothing that is done each day reads a table that grows with history as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from benchmarks.history import opened
from benchmarks.ready_issue import fill
from digest.app.installation import App
from tests.history.filling import History, add_history
from tests.history.query_plans import scans, seen_statements
from tests.history.workloads import Workloads, workloads
from tests.postgres import own_database

#: The tables that every issue, reader or event adds to, and that no week empties.
GROWING = {
    *("delivery", "batch", "attempt", "mail_event", "event_link"),
    *("consent", "consent_network", "letter_to_send"),
    *("vote", "vote_change", "vote_visit", "scanned_copy", "forgotten"),
}
READERS, BATCH = 400, 20
HISTORY = History(issues=24, kept=6, left=10, votes=50)
MOST_STATEMENTS = 65  #: of a status; each takes a way to the server and back
WORK = (
    "digest status",
    "digest status ISSUE",
    "/metrics",
    "front page",
    "digest report",
    "digest pick",
    "1,000 events",
    "sign-up",
    "a reader's data",
    "plan and claim",
    "a minute of the service",
)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("p", marks=pytest.mark.postgres)])
def installed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workloads]:
    """An installation with a year of issues."""
    folder = tmp_path_factory.mktemp("history")
    if request.param == "sqlite":
        yield from _worked(f"sqlite:///{folder / 'digest.db'}", folder)
        return
    server: URL = request.getfixturevalue("postgres")
    with own_database(server) as url:
        yield from _worked(url.render_as_string(hide_password=False), folder)


def _worked(url: str, folder: Path) -> Iterator[Workloads]:
    app = opened(url, folder, batch_size=BATCH)
    fill(app, READERS)
    add_history(app, HISTORY, BATCH)
    with workloads(app) as work:
        yield work
    app.database.close()


@pytest.mark.parametrize("name", WORK)
def test_no_daily_work_scans_a_table_that_grows_with_history(
    installed: Workloads, name: str
) -> None:
    with seen_statements(installed.app.database) as seen:
        installed.named()[name]()
    assert seen.first, "the work asked the database nothing"
    assert _scans(installed.app, seen.first) == {}


def test_a_status_asks_little_of_issues_that_are_over(installed: Workloads) -> None:
    with seen_statements(installed.app.database) as seen:
        installed.named()["digest status"]()
    assert seen.ran <= MOST_STATEMENTS


def test_every_work_is_looked_at(installed: Workloads) -> None:
    assert tuple(installed.named()) == WORK


def _scans(app: App, statements: dict[str, object]) -> dict[str, set[str]]:
    """Return the growing tables that each statement would read as a whole, where it does."""
    with app.database.read() as session:
        connection = session.connection()
        found = {one: scans(connection, one, given, GROWING) for one, given in statements.items()}
    return {statement: tables for statement, tables in found.items() if tables}
