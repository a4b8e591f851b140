"""The service's polls: what is due, what stops them, and what keeps one source from the others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime

import pytest

from digest.app.installation import App, open_app
from digest.db import Database
from digest.settings import load
from digest.sources import store
from tests.sources.conftest import Followed

NOBODY = "http://127.0.0.1:9"  # an address that isn't allowed, so that nobody is asked


@pytest.fixture
def app(sqlite_database: Database, now: datetime) -> Iterator[App]:
    url = sqlite_database.url.render_as_string(hide_password=False)
    made = open_app(load({}, database_url=url), clock=lambda: now)
    yield made
    made.database.close()


def test_a_service_that_follows_nothing_does_nothing(app: App) -> None:
    assert app.sources.poll_due(threading.Event()) == ""


def test_a_source_that_is_refused_keeps_no_other_away(app: App) -> None:
    for number in (1, 2):
        Followed(app.database, url=f"{NOBODY}/{number}.xml")
    said = app.sources.poll_due(threading.Event())
    assert said.count("127.0.0.1 is a loopback address") == 2
    assert app.sources.poll_due(threading.Event()) == "", "the next poll is an hour later"


def test_a_stop_begins_no_poll(app: App) -> None:
    Followed(app.database, url=f"{NOBODY}/1.xml")
    stopping = threading.Event()
    stopping.set()
    assert app.sources.poll_due(stopping) == ""
    with app.database.read() as session:
        assert store.by_id(session, 1).last_poll_at is None
