"""The status over the API: what `digest status --json` says of the service."""

from __future__ import annotations

from digest import webhooks
from digest.access import Scope
from digest.service import service_facts
from subscribers.announcements.models import EndpointState
from tests.api.conftest import Api
from tests.conftest import NOW


def test_the_status_names_the_hold_the_periods_and_the_jobs(api: Api) -> None:
    response = api.get("/status", headers=api.token(Scope.STATUS_READ))
    assert response.status_code == 200
    assert {"hold", "scheduled", "turns", "ticks"} <= response.json().keys()


def test_the_status_says_all_that_the_command_says(sqlite_api: Api) -> None:
    with sqlite_api.app.database.write() as session:
        webhooks.add(session, "https://hooks.example/in", [], now=NOW).state = EndpointState.GONE
    shown = sqlite_api.get("/status", headers=sqlite_api.token(Scope.STATUS_READ)).json()
    assert service_facts(sqlite_api.app, []).keys() | {"workers"} == shown.keys()
    assert [each["next_step"] for each in shown["webhooks"]] == ["digest webhooks resume 1"]


def test_the_status_of_an_unknown_newsletter_is_a_problem(sqlite_api: Api) -> None:
    response = sqlite_api.get(
        "/status?newsletter=daily", headers=sqlite_api.token(Scope.STATUS_READ)
    )
    assert sqlite_api.problem(response) == (404, "not-found")
    assert "daily" in response.json()["detail"]


def test_a_client_that_has_the_status_gets_no_body(sqlite_api: Api) -> None:
    shown = sqlite_api.token(Scope.STATUS_READ)
    tag = sqlite_api.get("/status", headers=shown).headers["etag"]
    again = sqlite_api.get("/status", headers={**shown, "If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
