"""Two machines that bring one database up at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier

import pytest
from sqlalchemy import URL

from digest.db import Database
from digest.migrations.revision import current, newest
from digest.migrations.upgrade import upgrade
from tests.postgres import own_database

pytestmark = pytest.mark.postgres


def test_of_two_upgrades_at_once_one_does_it_and_the_other_finds_it_done(postgres: URL) -> None:
    together = Barrier(2)
    with own_database(postgres) as url:
        database = Database(url.render_as_string(hide_password=False))

        def act(_: int) -> bool:
            with database.write() as session:
                connection = session.connection()
                together.wait(60)
                return upgrade(connection)

        with closing(database), ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(act, range(2))) == [False, True]
            with database.read() as session:
                assert current(session.connection()) == newest()
