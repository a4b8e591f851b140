"""Lists come in pages that stay right while others add items."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from digest.access import Scope
from tests.api.conftest import BASE, Api
from tests.api.notes import Note, row_of


def add(api: Api, *names: str) -> None:
    with api.app.database.write() as session:
        session.add_all([row_of(Note(name=name, result="")) for name in names])


def test_every_item_is_on_one_page_though_others_are_added(api: Api) -> None:
    shown = api.token(Scope.STATUS_READ)
    add(api, *"abcde")
    first = api.get("/notes?limit=2", headers=shown)
    cursor = first.json()["next"]
    assert first.headers["link"] == f'<{BASE}/api/v1/notes?limit=2&after={cursor}>; rel="next"'
    add(api, "aa")
    seen = [note["name"] for note in first.json()["items"]]
    while cursor:
        page = api.get("/notes", headers=shown, params={"limit": 2, "after": cursor})
        seen += [note["name"] for note in page.json()["items"]]
        cursor = page.json()["next"]
    assert seen == list("abcde")
    assert "link" not in page.headers


def packed(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "a",
        "\u00e9",
        packed({"a": 1}),
        packed([1]),
        packed([True]),
        packed(["a", "b"]),
        packed(["a\0"]),
        packed(None),
        "W1tb" * 100,
    ],
)
def test_a_cursor_that_isn_t_of_this_list_is_refused(api: Api, cursor: str) -> None:
    shown = api.token(Scope.STATUS_READ)
    response = api.get("/notes", headers=shown, params={"after": cursor})
    assert api.problem(response) == (422, "invalid")
    assert [each["pointer"] for each in response.json()["errors"]] == ["after"]


@pytest.mark.parametrize("limit", ["0", "201", "-1", "many"])
def test_a_page_is_bounded(sqlite_api: Api, limit: str) -> None:
    shown = sqlite_api.token(Scope.STATUS_READ)
    response = sqlite_api.get("/notes", headers=shown, params={"limit": limit})
    assert sqlite_api.problem(response) == (422, "invalid")
