"""Whatever fails is a problem document, which quotes nothing of a request and no traceback."""

from __future__ import annotations

import logging

import pytest

from digest.access import Scope
from digest.api.problems import PROBLEMS, ProblemType, problem_response
from digest.errors import BadSetting, ComparisonUnreadable, ComparisonWithdrawn, DigestError
from subscribers.errors import AddressFault, BadAddress, UnknownReader
from tests.api.conftest import Api
from tests.web.conftest import Running


def test_every_type_has_its_status_and_title() -> None:
    assert PROBLEMS.keys() == set(ProblemType)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nothing", (404, "not-found")),
        ("GET", "/status/", (404, "not-found")),
        ("DELETE", "/status", (405, "method-not-allowed")),
        ("PATCH", "/openapi.json", (405, "method-not-allowed")),
    ],
)
def test_a_wrong_path_or_method_leads_to_the_reference(
    sqlite_api: Api, method: str, path: str, expected: tuple[int, str]
) -> None:
    response = sqlite_api.call(method, path, headers=sqlite_api.token(Scope.STATUS_READ))
    assert sqlite_api.problem(response) == expected
    assert "/api/v1/docs" in response.json()["next_step"]
    assert expected[0] != 405 or response.headers["allow"] == "GET, HEAD"


def test_each_fault_of_a_body_is_named_and_none_of_its_values(sqlite_api: Api) -> None:
    shown = sqlite_api.token(Scope.COMPARISONS_WRITE)
    body = {"name": "ada@example.org, who lives here", "result": 7}
    response = sqlite_api.call("POST", "/notes", headers=shown, json=body)
    assert sqlite_api.problem(response) == (422, "invalid")
    assert [each["pointer"] for each in response.json()["errors"]] == ["#/name", "#/result"]
    assert "ada" not in response.text


@pytest.mark.parametrize("body", [b"{", b"", b"[" * 100_000, b"\xff", b'{"name": 1e999999}'])
def test_a_body_that_is_no_json_is_refused(sqlite_api: Api, body: bytes) -> None:
    headers = {**sqlite_api.token(Scope.COMPARISONS_WRITE), "Content-Type": "application/json"}
    response = sqlite_api.call("POST", "/notes", headers=headers, content=body)
    assert sqlite_api.problem(response)[0] in {400, 422}


@pytest.mark.parametrize("text", [r"a\u0000b", r"\ud800"])
def test_text_that_a_database_can_t_store_breaks_nothing(api: Api, text: str) -> None:
    headers = {**api.token(Scope.COMPARISONS_WRITE), "Content-Type": "application/json"}
    body = f'{{"name": "{text}", "result": ""}}'.encode()
    response = api.call("POST", "/notes", headers=headers, content=body)
    assert response.status_code in {201, 422}


def test_a_bug_shows_its_class_in_the_log_and_nothing_to_the_client(
    sqlite_api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = sqlite_api.get("/broken", headers=sqlite_api.token(Scope.STATUS_READ))
    assert sqlite_api.problem(response) == (500, "broken")
    assert "RuntimeError in notes.py, line " in caplog.text
    assert "ada" not in caplog.text + response.text


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        (ComparisonWithdrawn(), 410, "gone"),
        (ComparisonUnreadable("no title", line=7), 422, "invalid"),
        (DigestError("no"), 409, "conflict"),
        (BadSetting("DIGEST_SECRET is wrong"), 503, "unavailable"),
        (UnknownReader(), 404, "not-found"),
        (BadAddress(AddressFault.NO_AT), 422, "invalid"),
    ],
)
def test_errors_of_the_engine_have_their_own_status(
    fault: Exception, status: int, kind: str
) -> None:
    response = problem_response(fault, "https://news.example.com")
    assert response.status_code == status
    assert f'"https://news.example.com/api/v1/docs#{kind}"' in bytes(response.body).decode()
    assert b"DIGEST_SECRET" not in response.body


def test_a_path_with_the_end_of_a_line_is_the_api_s_too(site: Running) -> None:
    response = site.get("/api/v1/comparisons/one%0Atwo")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
