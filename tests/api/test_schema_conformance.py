"""The API as a stranger's program calls it: schemathesis, by the OpenAPI document alone.

No answer is a 5xx, or one that the document doesn't tell of. The same examples come in every run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from digest.access import Scope, add_token
from tests.web.conftest import DRAFT, SLUG, MakeSite, Running

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
#: Examples for each operation; of all operations together, some hundred requests.
WITH_TOKEN, WITHOUT = 3, 2
TOOL = "ravelin-coder-2"
UNLIMITED = {"api_requests_per_token": 0, "api_requests_per_network": 0}


@pytest.mark.timeout(400)
def test_no_request_with_a_token_of_all_scopes_gets_an_undocumented_answer(
    make_running: MakeSite,
) -> None:
    site = make_running(**UNLIMITED)
    with site.app.database.write() as session:
        made = add_token(session, "all", Scope, hashes=site.app.hashes, now=site.clock())
    shown = {"Authorization": f"Bearer {made.text}"}

    def call(case: Any) -> None:
        case_answer(site, case, shown)
        case_answer(site, with_known_things(case), shown)

    assert each_operation(site, WITH_TOKEN, call) >= 10


def test_no_request_without_a_token_gets_past_an_operation_that_needs_one(
    make_running: MakeSite,
) -> None:
    site = make_running(**UNLIMITED)

    def call(case: Any) -> None:
        response = case_answer(site, case, {})
        needs_token = case.operation.definition.raw.get("security")
        assert not needs_token or response.status_code >= 400

    assert each_operation(site, WITHOUT, call) >= 10


def case_answer(site: Running, case: Any, headers: dict[str, str]) -> Any:
    """Send one request as it was made, and check its answer."""
    case.headers.pop("Authorization", None)
    response = case.call(base_url=f"{site.url}/api/v1", headers=headers)
    case.validate_response(response, checks=CHECKS)
    return response


def with_known_things(case: Any) -> Any:
    """Return the case with the names of things that there are; made-up ones lead to 404."""
    known = TOOL if case.path.startswith("/tools") else SLUG
    things = {"newsletter": "weekly", "number": DRAFT, "slug": known}
    for name in case.path_parameters or {}:
        case.path_parameters[name] = things.get(name, case.path_parameters[name])
    return case


def each_operation(site: Running, examples: int, call: Callable[[Any], object]) -> int:
    """Call every operation with valid and invalid requests; return how many there are."""
    document = site.get("/api/v1/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    results: list[Any] = list(schema.get_all_operations())
    operations = [result.ok() for result in results]
    for operation in operations:
        for mode in GenerationMode:
            strategy = operation.as_strategy(generation_mode=mode)
            run(strategy, examples, call)
    return len(operations)


def run(strategy: Any, examples: int, call: Callable[[Any], object]) -> None:
    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def check(case: Any) -> None:
        call(case)

    check()
