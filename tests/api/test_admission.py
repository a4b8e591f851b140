"""Who is let into the API, how often, and with how large a body."""

from __future__ import annotations

from collections.abc import AsyncIterator, MutableMapping
from datetime import timedelta
from typing import Any

import anyio
import anyio.from_thread
import pytest

from digest.access import Scope, add_token, revoke_token, token_facts
from digest.api.admission import MAX_BODY, Admission
from digest.api.rate_budget import MOST_CALLERS, RateBudget
from digest.db import Database
from tests.api.conftest import Api, api_of

READER = Scope.STATUS_READ


def test_without_a_token_the_answer_says_how_to_make_one(sqlite_api: Api) -> None:
    response = sqlite_api.get("/status")
    assert sqlite_api.problem(response) == (401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"
    assert "digest tokens add NAME --scope status:read" in response.json()["next_step"]


@pytest.mark.parametrize(
    "shown",
    [
        "Bearer dgt_0000000000000000000000000000000000000000",
        "Bearer dgt_short",
        "Bearer",
        "Basic YWRhOmFkYQ==",
        "Bearer dgt_\u00e9",
    ],
)
def test_what_is_no_token_of_ours_is_refused_also_where_none_is_needed(
    sqlite_api: Api, shown: str
) -> None:
    headers = {"Authorization": shown.encode("latin-1")}
    for path in ("/status", "/openapi.json"):
        response = sqlite_api.get(path, headers=headers)
        assert sqlite_api.problem(response) == (401, "unauthenticated")
        assert "dgt_0000" not in response.text
        assert "invalid_token" in response.headers["www-authenticate"]


def test_a_scope_that_is_missing_is_named(api: Api) -> None:
    response = api.get("/status", headers=api.token(Scope.REPORTS_READ))
    assert api.problem(response) == (403, "forbidden")
    assert "status:read" in response.json()["detail"]
    assert 'scope="status:read"' in response.headers["www-authenticate"]


def test_who_may_write_may_not_read_for_that(sqlite_api: Api) -> None:
    shown = sqlite_api.token(Scope.COMPARISONS_WRITE)
    assert sqlite_api.get("/notes", headers=shown).status_code == 403


def test_an_expired_and_a_revoked_token_open_nothing(api: Api) -> None:
    with api.app.database.write() as session:
        made = add_token(
            session,
            "ci",
            [READER],
            hashes=api.app.hashes,
            now=api.clock(),
            expires_at=api.clock() + timedelta(days=1),
        )
    shown = {"Authorization": f"Bearer {made.text}"}
    assert api.get("/status", headers=shown).status_code == 200
    api.clock.advance(days=1)
    assert "expired" in api.get("/status", headers=shown).json()["detail"]
    with api.app.database.write() as session:
        revoke_token(session, "ci", api.clock())
    assert "revoked" in api.get("/status", headers=shown).json()["detail"]


def test_the_last_use_is_written_once_a_minute(api: Api) -> None:
    def last_used() -> object:
        with api.app.database.read() as session:
            return token_facts(session)[0].last_used_at

    shown, first = api.token(READER), api.clock()
    api.get("/status", headers=shown)
    api.clock.advance(seconds=59)
    api.get("/status", headers=shown)
    assert last_used() == first
    api.clock.advance(seconds=1)
    api.get("/status", headers=shown)
    assert last_used() == first + timedelta(minutes=1)


def test_what_is_left_of_the_rate_is_told_and_what_is_beyond_it_refused(
    sqlite_database: Database, portal: anyio.from_thread.BlockingPortal
) -> None:
    api = api_of(sqlite_database, portal, api_requests_per_token=2, api_requests_per_network=0)
    shown = api.token(READER)
    first, _, third = (api.get("/status", headers=shown) for _ in range(3))
    assert first.headers["ratelimit-policy"] == '"token";q=2;w=60'
    assert first.headers["ratelimit"].startswith('"token";r=1;t=')
    assert api.problem(third) == (429, "rate-limited")
    assert 1 <= int(third.headers["retry-after"]) <= 60
    assert "ratelimit" not in api.get("/openapi.json").headers
    assert api.get("/status", headers=api.token(READER, name="other")).status_code == 200


def test_the_rate_is_whole_again_in_the_next_minute_and_forgets_who_called() -> None:
    now = [0.0]
    budget = RateBudget(lambda: now[0])
    assert [budget.take("token", "a", 2).left for _ in range(3)] == [1, 0, -1]
    for number in range(MOST_CALLERS + 5):
        budget.take("network", f"n{number}", 10**6)
    assert len(budget._used) == MOST_CALLERS + 1
    now[0] = 60.0
    assert budget.take("token", "a", 2).left == 1
    assert len(budget._used) == 1


def test_a_body_is_bounded_and_is_json(sqlite_api: Api) -> None:
    shown = sqlite_api.token(Scope.COMPARISONS_WRITE)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * (MAX_BODY // 2)

    json = {**shown, "Content-Type": "application/json"}
    large = sqlite_api.call("POST", "/notes", headers=json, content=b" " * (MAX_BODY + 1))
    assert sqlite_api.problem(large) == (413, "too-large")
    unannounced = sqlite_api.call("POST", "/notes", headers=json, content=pieces())
    assert sqlite_api.problem(unannounced) == (413, "too-large")
    form = sqlite_api.call("POST", "/notes", headers=shown, data={"name": "a"})
    assert sqlite_api.problem(form) == (415, "media-type")


def test_a_body_that_doesn_t_come_is_not_waited_for(
    sqlite_api: Api, portal: anyio.from_thread.BlockingPortal
) -> None:
    headers = {**sqlite_api.token(Scope.COMPARISONS_WRITE), "Content-Type": "application/json"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/notes",
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        + [(b"content-length", b"2")],
    }
    statuses: list[int] = []

    async def never() -> MutableMapping[str, Any]:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    impatient = Admission(sqlite_api.asgi, installation=sqlite_api.app, body_seconds=0)
    portal.call(impatient, scope, never, send)
    assert statuses == [408]


@pytest.mark.parametrize("path", ["/status?newsletter=%00", "/notes/%00"])
def test_a_nul_in_a_url_is_refused(api: Api, path: str) -> None:
    response = api.get(path, headers=api.token(READER))
    assert api.problem(response) == (400, "bad-request")


def test_other_origins_are_told_nothing_unless_the_setting_names_them(
    sqlite_database: Database, portal: anyio.from_thread.BlockingPortal, sqlite_api: Api
) -> None:
    from_page = {"Origin": "https://www.example.com"}
    asked = {**from_page, "Access-Control-Request-Method": "GET"}
    allowed = "access-control-allow-origin"
    assert allowed not in sqlite_api.get("/openapi.json", headers=from_page).headers
    assert allowed not in sqlite_api.call("OPTIONS", "/status", headers=asked).headers
    with sqlite_database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM newsletter")
    named = api_of(sqlite_database, portal, api_origins="https://www.example.com")
    for response in (
        named.get("/status", headers=from_page),
        named.call("OPTIONS", "/status", headers=asked),
    ):
        assert response.headers[allowed] == "https://www.example.com"
    other = named.get("/status", headers={"Origin": "https://evil.example"})
    assert allowed not in other.headers
