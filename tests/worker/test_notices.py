"""What a worker is told by NOTIFY, with a pool between and without."""

from __future__ import annotations

from contextlib import closing

import pytest
from sqlalchemy import URL

from digest.db import Database
from digest.worker.notices import passes_notices
from tests.pgbouncer import pooled

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
