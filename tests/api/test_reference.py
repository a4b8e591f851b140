"""The reference of the API: an OpenAPI document for programs, and a page for people."""

from __future__ import annotations

import re
from typing import Any

import pytest

from digest.api.problems import PROBLEMS
from digest.api.reference_page import type_words
from tests.api.conftest import Api
from tests.web.conftest import Running

METHODS = {"get", "put", "post", "patch", "delete"}


@pytest.fixture
def document(sqlite_api: Api) -> dict[str, Any]:
    found: dict[str, Any] = sqlite_api.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS and "notes" not in path and path not in {"/tallies", "/broken"}
    }


def test_every_operation_has_a_name_of_its_own_a_sentence_and_a_group(
    document: dict[str, Any],
) -> None:
    found = operations(document)
    names = [operation["operationId"] for operation in found.values()]
    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", name)] == []
    bare = [
        name
        for name, operation in found.items()
        if not (operation.get("summary") and operation.get("description") and operation["tags"])
    ]
    assert bare == []


def test_every_parameter_says_what_it_is(document: dict[str, Any]) -> None:
    silent = [
        (name, parameter["name"])
        for name, operation in operations(document).items()
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
    ]
    assert silent == []


def test_every_post_takes_an_idempotency_key_and_needs_a_scope(document: dict[str, Any]) -> None:
    wrong = [
        name
        for name, operation in operations(document).items()
        if name.startswith("POST")
        and (
            "Idempotency-Key" not in {each["name"] for each in operation["parameters"]}
            or not operation["security"][0]["token"]
        )
    ]
    assert wrong == []


def test_whatever_fails_is_documented_as_a_problem(document: dict[str, Any]) -> None:
    missing = [
        name
        for name, operation in operations(document).items()
        if operation["responses"].get("default") != {"$ref": "#/components/responses/Problem"}
    ]
    assert missing == []
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_the_page_shows_every_operation_schema_and_problem(site: Running) -> None:
    document = site.get("/api/v1/openapi.json").json()
    page = site.get("/api/v1/docs")
    places = set(re.findall(r'id="([^"]+)"', page.text))
    assert {each["operationId"] for each in operations(document).values()} <= places
    assert {f"schema-{name}" for name in document["components"]["schemas"]} <= places
    assert {kind.value for kind in PROBLEMS} <= places
    assert set(re.findall(r'href="#([^"]+)"', page.text)) <= places


def test_the_page_needs_no_script_and_no_other_host(site: Running) -> None:
    page = site.get("/api/v1/docs")
    assert "<script" not in page.text
    assert re.findall(r'(?:src|href)="(?:https?:)?//', page.text) == []
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_what_fails_below_the_api_is_a_problem_with_the_headers_of_the_site(site: Running) -> None:
    for path in ("nothing", "comparisons/%0Aa", "%0A"):
        response = site.get(f"/api/v1/{path}")
        assert response.json()["status"] in {404, 422}
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string", "format": "date-time"}, ("date-time", "", "")),
        ({"type": "array", "items": {"$ref": "#/x/Issue"}}, ("list of ", "Issue", "")),
        ({"anyOf": [{"$ref": "#/x/Issue"}, {"type": "null"}]}, ("", "Issue", " or null")),
        ({"enum": ["a", "b"]}, ("a, b", "", "")),
        ({"type": "integer", "minimum": 1, "maximum": 200}, ("integer from 1 to 200", "", "")),
        ({"type": "integer", "minimum": 1.0, "maximum": 12.0}, ("integer from 1 to 12", "", "")),
        (
            {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
            ("integer from 1 to 200; 50 by default", "", ""),
        ),
    ],
)
def test_a_schema_is_said_in_words(schema: dict[str, Any], words: tuple[str, str, str]) -> None:
    found = type_words(schema)
    assert (found.before, found.schema, found.after) == words
