"""What the doctor says of the API's tokens."""

from __future__ import annotations

from datetime import timedelta

from digest.access import Scope, add_token
from digest.app.installation import App
from digest.db import Database
from digest.doctor import HealthLevel
from digest.doctor.api_checks import check_api
from digest.settings import load
from tests.web.conftest import SECRET, Clock


def test_a_token_that_ends_soon_is_named_while_it_works(sqlite_database: Database) -> None:
    clock = Clock()
    app = App(settings=load({}, secret=SECRET), database=sqlite_database, clock=clock)
    assert list(check_api(app)) == []
    with app.database.write() as session:
        for name, days in (("site", 15), ("ci", None)):
            ends = clock() + timedelta(days=days) if days else None
            scopes = [Scope.STATUS_READ]
            add_token(session, name, scopes, hashes=app.hashes, now=clock(), expires_at=ends)
    assert [(each.weight, each.says) for each in check_api(app)] == [
        (HealthLevel.FINE, "2 tokens may be used")
    ]
    clock.advance(days=2)
    assert [each.says for each in check_api(app)] == ["the token site ends on 2026-12-09"]
    clock.advance(days=20)
    assert [each.says for each in check_api(app)] == ["1 token may be used"]
