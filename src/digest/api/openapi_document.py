"""Describe the API to programs, as an OpenAPI document.

This module hides what the framework doesn't say by itself: that whatever fails is a problem
document, which headers tell the rate, and what is true of every operation.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from digest.api.problems import MEDIA_TYPE, PREFIX, PROBLEMS, FieldProblem, ProblemDocument
from digest.comparisons.schema import ComparisonContent

TITLE = "Digest API"
DESCRIPTION = """\
Comparisons, issues, subscribers and reports of one installation of Digest, as JSON.

**Tokens.** `digest tokens add NAME --scope SCOPE` makes one and shows it once. Send it as
`Authorization: Bearer dgt_…`. Each operation names the scope it needs; where it names none, it is
public.

**Changes.** Give every POST an `Idempotency-Key`: sent again within 24 hours, it gets the answer of
the first time, and nothing is done twice. Change an existing thing with the ETag you read, as
`If-Match`.

**Lists** come in pages: give the `next` of one page as `after` to get the next.

**Failures** are problem documents (RFC 9457): compare `type`, show `detail` and `next_step` to
people.

**Rates** are told by `RateLimit` and `RateLimit-Policy`; above them comes 429 with `Retry-After`.
"""
TAGS = [
    {"name": "comparisons", "description": "Comparisons of two tools, with their verdicts."},
    {"name": "tools", "description": "The tools, with every comparison of each."},
    {"name": "issues", "description": "The issues of a newsletter, from building to sending."},
    {"name": "subscribers", "description": "The readers, their consent, and their data."},
    {"name": "sources", "description": "The sites that are followed, and what they propose."},
    {"name": "reports", "description": "What became of an issue."},
    {"name": "status", "description": "How the service does."},
]
_LIST_PAGE = re.compile(r"\bListPage[_[](\w+?)(?:_\b|\])")
_METHODS = ("get", "put", "post", "patch", "delete")
_SUCCESS = {
    "200": "What was asked for.",
    "201": "What was added.",
    "202": "It was taken, and is done in a moment.",
    "204": "It was done; there is no body.",
}
_RATE_HEADERS = {
    "RateLimit": {
        "description": "What is left of the quota (`r`), and in how many seconds it is whole (`t`)",
        "schema": {"type": "string"},
        "example": '"token";r=598;t=31',
    },
    "RateLimit-Policy": {
        "description": "The quota (`q`) in a window of so many seconds (`w`).",
        "schema": {"type": "string"},
        "example": '"token";q=600;w=60',
    },
}


def openapi_document(api: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an API."""
    document = _plainly_named(
        get_openapi(
            title=TITLE,
            version=version("digest-engine"),
            openapi_version=api.openapi_version,
            summary="Content in, issues out, and what became of them.",
            description=DESCRIPTION,
            routes=api.routes,
            tags=TAGS,
            servers=[{"url": PREFIX}],
        )
    )
    used = {tag for each in _operations(document) for tag in each.get("tags", ())}
    document["tags"] = [tag for tag in TAGS if tag["name"] in used]
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for model in (FieldProblem, ProblemDocument, ComparisonContent):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= {**schema.pop("$defs", {}), model.__name__: schema}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["headers"] = _RATE_HEADERS
    components["responses"] = {"Problem": _problem_response()}
    for operation in _operations(document):
        _complete(operation)
    for item in document["paths"].values():
        if "get" in item:
            known = "You have it already, by the ETag in If-None-Match."
            item["get"]["responses"]["304"] = {"description": known}
    return document


def _plainly_named(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with ``IssuePage`` in place of ``ListPage_Issue_``."""
    text = orjson.dumps(document).decode()
    named: dict[str, Any] = orjson.loads(
        re.sub(r"\bListPage(?:_|\[)(\w+?)(?:_\b|\])", r"\1Page", text)
    )
    return named


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        item[method] for item in document["paths"].values() for method in _METHODS if method in item
    ]


def _complete(operation: dict[str, Any]) -> None:
    """Say of an operation what is true of all."""
    responses = operation["responses"]
    responses.pop("422", None)
    for status, response in responses.items():
        if response["description"] == "Successful Response":
            response["description"] = _SUCCESS[status]
    told = {name: {"$ref": f"#/components/headers/{name}"} for name in _RATE_HEADERS}
    for response in responses.values():
        response.setdefault("headers", {}).update(told)
    responses["default"] = {"$ref": "#/components/responses/Problem"}
    scopes = [scope for way in operation.get("security", ()) for scope in way.get("token", ())]
    if scopes:
        needs = f"Needs the scope `{scopes[0]}`."
        described = operation.get("description", "")
        operation["description"] = f"{described}\n\n{needs}".strip()


def _problem_response() -> dict[str, Any]:
    statuses = ", ".join(str(status) for status in sorted({s for s, _ in PROBLEMS.values()}))
    return {
        "description": f"It failed, and `type` says how: one of {statuses}.",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in _RATE_HEADERS},
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
    }
