"""One HTTP request and one answer as values, and the JSON forms of answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

JSON = ("Content-Type", "application/json")
TEXT = ("Content-Type", "text/plain; charset=utf-8")


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpRequest:
    """One complete request; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpResponse:
    """One answer, before it becomes bytes."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def json_response(value: Any, status: int = 200) -> HttpResponse:
    """Return an answer with *value* as JSON."""
    return HttpResponse(status=status, headers=(JSON,), body=orjson.dumps(value))


def error_response(
    status: int, message: str, field: str | None = None, help: str | None = None
) -> HttpResponse:
    """Return an answer with one error, in the provider's form."""
    return json_response({"errors": [{"message": message, "field": field, "help": help}]}, status)
