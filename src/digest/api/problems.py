"""Say what went wrong as a problem document (RFC 9457).

This module hides which error becomes which type of problem, and what of an error is told: its own
words where it is an error of ours, never those of a library, which may quote an address.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from traceback import extract_tb
from typing import Any

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError, StatementError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import Response

from digest import errors as ours
from digest.access import BadApiToken
from digest.api.command_calls import as_calls
from subscribers import errors as of_subscribers

log = logging.getLogger(__name__)

PREFIX = "/api/v1"  #: where the API is mounted
MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 60
_MOST_FAULTS = 20  #: faults of one request that are listed


class ProblemType(StrEnum):
    """What can go wrong, as the end of a problem's ``type``."""

    BAD_REQUEST = "bad-request"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    TOO_SLOW = "too-slow"
    CONFLICT = "conflict"
    UNDER_WAY = "under-way"
    GONE = "gone"
    STALE = "stale"
    TOO_LARGE = "too-large"
    MEDIA_TYPE = "media-type"
    INVALID = "invalid"
    KEY_REUSED = "key-reused"
    UNCONDITIONAL = "unconditional"
    RATE_LIMITED = "rate-limited"
    BROKEN = "broken"
    UNAVAILABLE = "unavailable"


#: The HTTP status and the title of each type.
PROBLEMS = {
    ProblemType.BAD_REQUEST: (400, "The request can't be read"),
    ProblemType.UNAUTHENTICATED: (401, "A valid token is needed"),
    ProblemType.FORBIDDEN: (403, "The token may not do this"),
    ProblemType.NOT_FOUND: (404, "There is nothing here"),
    ProblemType.METHOD_NOT_ALLOWED: (405, "This can't be done here"),
    ProblemType.TOO_SLOW: (408, "The request came too slowly"),
    ProblemType.CONFLICT: (409, "The present state doesn't allow this"),
    ProblemType.UNDER_WAY: (409, "The same request is still under way"),
    ProblemType.GONE: (410, "This was withdrawn"),
    ProblemType.STALE: (412, "It has changed since you read it"),
    ProblemType.TOO_LARGE: (413, "The request is too large"),
    ProblemType.MEDIA_TYPE: (415, "The body isn't JSON"),
    ProblemType.INVALID: (422, "The request isn't valid"),
    ProblemType.KEY_REUSED: (422, "The idempotency key belongs to another request"),
    ProblemType.UNCONDITIONAL: (428, "If-Match is missing"),
    ProblemType.RATE_LIMITED: (429, "Too many requests"),
    ProblemType.BROKEN: (500, "Something broke here"),
    ProblemType.UNAVAILABLE: (503, "This can't be done right now"),
}


class FieldProblem(BaseModel):
    """One fault of a request."""

    pointer: str = Field(
        description="Where the fault is: a JSON pointer into the body, or the name of a parameter.",
        examples=["#/name", "limit"],
    )
    detail: str = Field(description="What is wrong there, for people.")


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457), and what to do next."""

    type: str = Field(
        description="The kind of problem, as a URL that explains it. Compare this.",
        examples=["https://news.example.com/api/v1/docs#not-found"],
    )
    title: str = Field(description="The kind of problem, for people.")
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What went wrong this time, for people.")
    next_step: str | None = Field(None, description="What to do about it, for people.")
    errors: list[FieldProblem] | None = Field(None, description="Each fault of the request.")


class ApiRefusal(HTTPException):
    """A request is refused; what is told of it is in its fields."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        *,
        next_step: str | None = None,
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(PROBLEMS[kind][0], detail, dict(headers or {}))
        self.kind, self.next_step, self.errors = kind, next_step, list(errors)


def _in_the_log(fault: Exception) -> str:
    """Return what may be logged of an error: our words, else where it arose, and no value."""
    if isinstance(fault, ours.DigestError):
        return str(fault)
    places = extract_tb(fault.__traceback__)
    return f"in {Path(places[-1].filename).name}, line {places[-1].lineno}" if places else ""


def problem_response(fault: Exception, base_url: str) -> Response:
    """Return the problem document of any error; one that is a fault of ours is logged."""
    refusal = _refusal_of(fault)
    status, title = PROBLEMS[refusal.kind]
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("an API request failed: %s %s", type(fault).__name__, _in_the_log(fault))
    document = ProblemDocument(
        type=f"{base_url}{PREFIX}/docs#{refusal.kind}",
        title=title,
        status=status,
        detail=str(refusal.detail),
        next_step=refusal.next_step,
        errors=refusal.errors or None,
    )
    return Response(
        document.model_dump_json(exclude_none=True),
        status,
        {"Cache-Control": "no-store", **(refusal.headers or {})},
        MEDIA_TYPE,
    )


#: The problem of each error of ours; the first class that fits counts.
_KINDS: tuple[tuple[type[Exception], ProblemType], ...] = (
    (BadApiToken, ProblemType.UNAUTHENTICATED),
    (ours.ComparisonWithdrawn, ProblemType.GONE),
    (ours.NotFound, ProblemType.NOT_FOUND),
    (ours.ComparisonUnreadable, ProblemType.INVALID),
    (ours.DatabaseUnfit, ProblemType.UNAVAILABLE),
    (ours.SpoolFull, ProblemType.UNAVAILABLE),
    (ours.BadSetting, ProblemType.UNAVAILABLE),
    (ours.TemplateBroken, ProblemType.UNAVAILABLE),
    (ours.DigestError, ProblemType.CONFLICT),
    (of_subscribers.UnknownReader, ProblemType.NOT_FOUND),
    (of_subscribers.SubscribersError, ProblemType.INVALID),
)
_OF_STATUS = {status: kind for kind, (status, _) in reversed(PROBLEMS.items())}
_JSON_STEP = "send one JSON document, in UTF-8"
_PATHS_STEP = f"the reference lists every path and method: {PREFIX}/docs"


def _refusal_of(fault: Exception) -> ApiRefusal:
    if isinstance(fault, ApiRefusal):
        return fault
    if isinstance(fault, RequestValidationError):
        return _invalid(fault)
    if isinstance(fault, StarletteHTTPException):
        return _of_http(fault)
    kind = next((kind for error, kind in _KINDS if isinstance(fault, error)), None)
    return _of_others(fault) if kind is None else _of_ours(fault, kind)


def _of_others(fault: Exception) -> ApiRefusal:
    cause = fault.orig if isinstance(fault, StatementError) else fault
    if isinstance(fault, DataError) or isinstance(cause, OverflowError):
        # a NUL in a text, a number too large, or a time before year 1
        return ApiRefusal(ProblemType.INVALID, "A value in it can't be stored.")
    if isinstance(fault, IntegrityError):
        words = "Another request stored the same at the same time."
        return ApiRefusal(ProblemType.CONFLICT, words, next_step="send it again")
    if isinstance(fault, SQLAlchemyError):
        return _later("The database can't be reached.")
    return ApiRefusal(
        ProblemType.BROKEN,
        "It wasn't your fault, and nothing of the request was kept.",
        next_step="try again; if it stays, the log of the site says more",
    )


def _of_ours(fault: Exception, kind: ProblemType) -> ApiRefusal:
    if isinstance(fault, (ours.BadSetting, ours.TemplateBroken)):
        log.error("an API request failed: %s", fault)
        return _later("A setting or a template of this installation is wrong: digest doctor.")
    words = str(fault)
    headers = {}
    if kind is ProblemType.UNAUTHENTICATED:
        headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    if kind is ProblemType.UNAVAILABLE:
        return _later(words)
    step = getattr(fault, "next_step", None)
    return ApiRefusal(kind, words, next_step=as_calls(step) if step else step, headers=headers)


def _later(words: str) -> ApiRefusal:
    return ApiRefusal(
        ProblemType.UNAVAILABLE,
        words,
        next_step=f"try again in {RETRY_SECONDS} seconds",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


def _of_http(fault: StarletteHTTPException) -> ApiRefusal:
    kind = _OF_STATUS.get(fault.status_code, ProblemType.BAD_REQUEST)
    step = _JSON_STEP if kind is ProblemType.BAD_REQUEST else None
    if kind in {ProblemType.NOT_FOUND, ProblemType.METHOD_NOT_ALLOWED}:
        step = _PATHS_STEP
    words = PROBLEMS[kind][1] + "."
    headers = dict(fault.headers or {})
    if headers.get("Allow") == "GET":
        headers["Allow"] = "GET, HEAD"
    return ApiRefusal(kind, words, next_step=step, headers=headers)


def _invalid(fault: RequestValidationError) -> ApiRefusal:
    faults: Sequence[Any] = fault.errors()
    if any(each["type"] == "json_invalid" for each in faults):
        return ApiRefusal(ProblemType.BAD_REQUEST, "The body isn't JSON.", next_step=_JSON_STEP)
    return invalid(
        [
            FieldProblem(
                pointer=_pointer(each["loc"]), detail=each["msg"].removeprefix("Value error, ")
            )
            for each in faults[:_MOST_FAULTS]
        ]
    )


def invalid(errors: Sequence[FieldProblem]) -> ApiRefusal:
    """Return the refusal of a request with these faults."""
    return ApiRefusal(
        ProblemType.INVALID,
        "Something in it isn't as it should be: see errors.",
        next_step="correct what errors lists",
        errors=errors,
    )


def _pointer(place: Sequence[str | int]) -> str:
    """Return a place as a JSON pointer (RFC 6901), or the name of a parameter."""
    kind, *rest = place
    if kind != "body":
        return str(rest[0]) if rest else str(kind)
    return pointer_of(rest)


def pointer_of(location: Sequence[str | int]) -> str:
    """Return a place in a body as a JSON pointer (RFC 6901)."""
    parts = (str(part).replace("~", "~0").replace("/", "~1")[:64] for part in location)
    return "#" + "".join(f"/{part}" for part in parts)
