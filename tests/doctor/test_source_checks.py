"""What `digest doctor` says of the sites that are followed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from digest.app.installation import open_app
from digest.db import Database
from digest.doctor.source_checks import check_sources
from digest.settings import load
from tests.conftest import NOW
from tests.sources.conftest import Followed


def findings(database: Database) -> list[str]:
    url = database.url.render_as_string(hide_password=False)
    app = open_app(load({}, database_url=url), clock=lambda: NOW)
    found = [each.says for each in check_sources(app)]
    app.database.close()
    return found


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, ["1 followed"]),
        ({"ok": False, "result": "nobody answers"}, ["source 1 can't be read: nobody answers"]),
        ({"next_poll_at": NOW - timedelta(hours=2)}, ["no process polls what is due"]),
        ({"paused_at": NOW, "ok": False}, []),
    ],
)
def test_a_source_in_trouble_is_warned_of(
    sqlite_database: Database, fields: dict[str, Any], says: list[str]
) -> None:
    Followed(sqlite_database, **fields)
    assert findings(sqlite_database) == says


def test_where_no_site_is_followed_nothing_is_said(sqlite_database: Database) -> None:
    assert findings(sqlite_database) == []
