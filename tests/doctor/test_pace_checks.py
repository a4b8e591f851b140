"""What `digest doctor` says of the limits: whether an issue is out before the next one is due."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from digest.app.installation import App, open_app
from digest.db import Database
from digest.delivery.pace import active_warm_up, start_warm_up
from digest.doctor.health_check import HealthLevel
from digest.doctor.pace_checks import check_pace
from digest.issues.models import Newsletter
from digest.settings import load
from subscribers import store
from subscribers.address.syntax import parse
from subscribers.models import Standing
from tests.conftest import NOW


def installed(database: Database, folder: Path, **settings: Any) -> App:
    """Return an installation with 400 readers of a weekly newsletter, half of them at Gmail."""
    with database.write() as session:
        session.add(Newsletter(slug="weekly", name="Weekly"))
        for number in range(400):
            domain = "gmail.com" if number % 2 else "example.org"
            reader = store.add(session, parse(f"reader{number}@{domain}"), NOW)
            store.join(session, reader, "weekly", Standing.CONFIRMED, NOW, source="form")
    url = database.url.render_as_string(hide_password=False)
    files = {"epoch_file": folder / "digest.epoch", "outbox": folder / "outbox"}
    return open_app(load({}, database_url=url, **files, **settings), clock=lambda: NOW)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, None),
        ({"max_per_hour": 100}, "at these limits, each issue is out before the next one is due"),
        (
            {"max_per_hour": 2},
            "400 readers of weekly take 200 hours at 2 an hour, and the next issue is due after"
            " 168",
        ),
        (
            {"max_per_hour_by_domain": "googlemail.com=1"},
            "200 readers of weekly at Gmail take 200 hours at 1 an hour, and the next issue is due"
            " after 168",
        ),
    ],
)
def test_a_limit_that_is_too_low_for_the_list_is_warned_of(
    database: Database, tmp_path: Path, settings: dict[str, Any], says: str | None
) -> None:
    app = installed(database, tmp_path, **settings)
    assert [each.says for each in check_pace(app)] == ([says] if says else [])
    app.database.close()


def test_a_warm_up_that_stopped_is_warned_of(database: Database, tmp_path: Path) -> None:
    app = installed(database, tmp_path)
    with database.write() as session:
        start_warm_up(session, now=NOW, days=30, first=10, last=400)
    [fine] = check_pace(app)
    assert (fine.weight, fine.says) == (
        HealthLevel.FINE,
        "day 1 of 30: 10 readers, 400 on the last",
    )
    with database.write() as session:
        plan = active_warm_up(session)
        assert plan is not None
        plan.stopped_at, plan.note = NOW, "of 10 readers 5 bounced"
    [stopped] = check_pace(app)
    assert (stopped.weight, stopped.says) == (
        HealthLevel.WARNING,
        "it stopped, and nothing is sent: of 10 readers 5 bounced",
    )
    app.database.close()
