"""Reading comparisons and tools: what the public sees, what a token sees, and what is kept."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from digest.access import Scope
from digest.comparisons import editorial, store
from tests.api.conftest import BASE, Api
from tests.conftest import NOW
from tests.directory.conftest import make_draft

FIRST = date(2026, 1, 1)


def publish(api: Api, left: str, right: str = "Mortar", **fields: Any) -> str:
    with api.app.database.write() as session:
        return store.store_draft(session, make_draft(left, right, **fields), now=NOW).slug


def slugs(api: Api, path: str, **options: Any) -> list[str]:
    response = api.get(path, **options)
    assert response.status_code == 200, response.text
    return [item["slug"] for item in response.json()["items"]]


def test_anybody_reads_the_public_comparisons_the_newest_first(api: Api) -> None:
    publish(api, "Lathe", published_on=FIRST, shares=(25.0, None))
    publish(api, "Adze", published_on=FIRST + timedelta(days=1))
    publish(api, "Ahead", published_on=date(2027, 1, 1))
    response = api.get("/comparisons")
    assert [item["slug"] for item in response.json()["items"]] == [
        "adze-vs-mortar",
        "lathe-vs-mortar",
    ]
    assert response.json()["items"][1] == {
        "slug": "lathe-vs-mortar",
        "title": "Lathe vs Mortar",
        "revision": 1,
        "published_on": "2026-01-01",
        "imported_on": "2026-11-24",
        "page": f"{BASE}/comparisons/lathe-vs-mortar",
        "contenders": [
            {"tool": "lathe", "name": "Lathe", "category": "Tools", "panel_share": 25.0},
            {"tool": "mortar", "name": "Mortar", "category": "Tools", "panel_share": None},
        ],
    }
    assert response.json()["next"] is None
    assert response.headers["cache-control"] == "public, max-age=60"


def test_the_pages_of_a_list_follow_each_other_by_link_and_cursor(api: Api) -> None:
    for number in range(5):
        publish(api, f"Tool {number}", published_on=FIRST + timedelta(days=number))
    first = api.get("/comparisons?limit=2")
    link = f'<{BASE}/comparisons?limit=2&after={first.json()["next"]}>; rel="next"'
    assert first.headers["link"].replace("/api/v1", "") == link
    read, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/comparisons?limit=2&after={cursor}" if cursor else "/comparisons?limit=2")
        read += [item["title"] for item in page.json()["items"]]
        cursor = page.json()["next"]
    assert read == [f"Tool {number} vs Mortar" for number in reversed(range(5))]


def test_filters_are_those_of_the_site(api: Api) -> None:
    publish(api, "Lathe", published_on=FIRST, quote="Spins well.")
    publish(api, "Adze", published_on=date(2026, 3, 1), category="Hand Tools")
    assert slugs(api, "/comparisons?q=spins") == ["lathe-vs-mortar"]
    assert slugs(api, "/comparisons?category=hand-tools") == ["adze-vs-mortar"]
    assert slugs(api, "/comparisons?tool=lathe") == ["lathe-vs-mortar"]
    assert slugs(api, "/comparisons?since=2026-02-01") == ["adze-vs-mortar"]
    assert slugs(api, "/comparisons?tool=nobody&q=%21%21") == []


@pytest.mark.parametrize(
    "query",
    ["since=yesterday", "limit=0", "limit=9999", "after=x", "after=WzEsMl0", "q=" + "a" * 201],
)
def test_a_query_that_makes_no_sense_is_a_problem(sqlite_api: Api, query: str) -> None:
    response = sqlite_api.get(f"/comparisons?{query}")
    assert sqlite_api.problem(response) == (422, "invalid")


def test_a_comparison_has_every_verdict_and_nothing_private(api: Api) -> None:
    slug = publish(api, "Lathe", labels=("secret",), weight=2.0)
    response = api.get(f"/comparisons/{slug}")
    told = response.json()
    [left, right] = told["contenders"]
    assert (left["tool"], left["ships"], left["skips"]) == ("lathe", 3, 1)
    assert [verdict["seat"] for verdict in right["verdicts"]] == [1, 2, 3, 4]
    assert told["leans"] == "right"
    assert not told.keys() & {"source", "weight", "editor", "labels", "withdrawn_why"}
    assert response.headers["last-modified"] == "Tue, 24 Nov 2026 09:00:00 GMT"


def test_a_withdrawn_comparison_is_gone_at_once_and_back_at_once(api: Api) -> None:
    slug = publish(api, "Lathe")
    assert slugs(api, "/comparisons") == [slug]
    with api.app.database.write() as session:
        editorial.withdraw(session, slug, "wrong", NOW)
    assert api.problem(api.get(f"/comparisons/{slug}")) == (410, "gone")
    assert slugs(api, "/comparisons") == []
    with api.app.database.write() as session:
        editorial.restore(session, slug, NOW)
    assert slugs(api, "/comparisons") == [slug]


def test_a_client_that_has_it_gets_no_body_until_it_changes(api: Api) -> None:
    slug = publish(api, "Lathe")
    for path in ("/comparisons", f"/comparisons/{slug}", "/tools", "/tools/lathe"):
        tag = api.get(path).headers["etag"]
        again = api.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    publish(api, "Lathe", shares=(0.0, 0.0))
    changed = api.get("/tools/lathe", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["panel_share"]) == (200, 0.0)


def test_a_token_reads_what_is_not_out_or_was_withdrawn(api: Api) -> None:
    gone = publish(api, "Lathe", published_on=FIRST)
    ahead = publish(api, "Ahead", published_on=date(2027, 1, 1))
    with api.app.database.write() as session:
        editorial.withdraw(session, gone, "wrong", NOW)
    shown = api.token(Scope.COMPARISONS_READ)
    assert slugs(api, "/comparisons", headers=shown) == [ahead, gone]
    told = api.get(f"/comparisons/{gone}", headers=shown)
    assert told.json()["withdrawn_why"] == "wrong"
    assert "weight" in told.json()
    assert told.headers["cache-control"] == "private, no-cache"
    assert told.headers["vary"] == "Authorization"
    assert slugs(api, "/tools", headers=shown) == ["ahead", "lathe", "mortar"]


def test_a_token_without_the_scope_reads_what_the_public_reads(sqlite_api: Api) -> None:
    ahead = publish(sqlite_api, "Ahead", published_on=date(2027, 1, 1))
    shown = sqlite_api.token(Scope.STATUS_READ)
    assert slugs(sqlite_api, "/comparisons", headers=shown) == []
    response = sqlite_api.get(f"/comparisons/{ahead}", headers=shown)
    assert sqlite_api.problem(response) == (404, "not-found")


def test_a_tool_has_its_shares_over_time(api: Api) -> None:
    publish(api, "Lathe", published_on=FIRST, shares=(25.0, 50.0))
    publish(api, "Lathe", "Awl", published_on=date(2026, 2, 1), shares=(75.0, 0.0), tagline="Turns")
    told = api.get("/tools/lathe").json()
    assert told["shares"] == [
        {"day": "2026-01-01", "share": 25.0},
        {"day": "2026-02-01", "share": 75.0},
    ]
    assert (told["tagline"], told["newest"], told["comparisons"]) == ("Turns", "lathe-vs-awl", 2)
    assert (told["panel_share"], told["page"]) == (75.0, f"{BASE}/tools/lathe")


def test_tools_are_listed_by_slug_in_pages(api: Api) -> None:
    publish(api, "Lathe")
    publish(api, "Adze", "Lathe")
    first = api.get("/tools?limit=2").json()
    assert first["items"] == [
        {"slug": "adze", "name": "Adze", "comparisons": 1},
        {"slug": "lathe", "name": "Lathe", "comparisons": 2},
    ]
    assert slugs(api, f"/tools?limit=2&after={first['next']}") == ["mortar"]


@pytest.mark.parametrize("path", ["/comparisons/nobody", "/tools/nobody"])
def test_what_there_is_not_is_not_found(sqlite_api: Api, path: str) -> None:
    assert sqlite_api.problem(sqlite_api.get(path)) == (404, "not-found")
