"""What comes in over HTTP, and what goes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

JSON = ("Content-Type", "application/json")
TEXT = ("Content-Type", "text/plain; charset=utf-8")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One complete request; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """One answer, before it becomes bytes."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def facts(value: Any, status: int = 200) -> Reply:
    """Answer with *value* as JSON."""
    return Reply(status=status, headers=(JSON,), body=orjson.dumps(value))


def errors(status: int, message: str, field: str | None = None, help: str | None = None) -> Reply:
    """Answer with one error, in the provider's form."""
    return facts({"errors": [{"message": message, "field": field, "help": help}]}, status)
