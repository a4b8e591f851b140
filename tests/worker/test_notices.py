"""What a worker is told by NOTIFY, with a pool between and without."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import URL

from digest.app.installation import open_app
from digest.db import Database
from digest.worker.notices import passes_notices
from tests.pgbouncer import pooled
from tests.worker.conftest import Works

pytestmark = pytest.mark.postgres


def passed_by(url: URL, wait: float) -> bool:
    database = Database(url.render_as_string(hide_password=False))
    with closing(database):
        return passes_notices(database, wait)


def test_a_server_passes_them(postgres: URL) -> None:
    assert passed_by(postgres, 0.0)


@pytest.mark.parametrize(("mode", "passes"), [("session", True), ("transaction", False)])
def test_a_pool_passes_them_only_where_it_keeps_a_session(
    postgres: URL, mode: str, passes: bool
) -> None:
    with pooled(postgres, mode) as url:
        assert passed_by(url, 60.0 if passes else 0.1) is passes


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_a_worker_sends_through_a_pool_that_keeps_no_prepared_statement(
    make_works: Callable[..., Works], mode: str
) -> None:
    works = make_works(12)
    works.planned()
    with pooled(works.app.database.url, mode, "max_prepared_statements=0") as url:
        settings = works.app.settings.model_copy(
            update={"database_url": url.render_as_string(hide_password=False)}
        )
        app = open_app(settings)
        with closing(app.database):
            replace(works, app=app).work()
    assert works.states() == ["accepted"] * 12
