"""Divide a list into pages by cursors.

This module hides what a cursor is: the sort values of the last item shown, so that a page stays
right while others add items. It is checked when it comes back, and holds nothing secret.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from digest.api.problems import PREFIX, ApiRefusal, FieldProblem, ProblemType

USUAL, MOST = 50, 200  #: items on a page
_LONGEST = 600  #: characters of a cursor
_MOST_INT = 2**63 - 1
T = TypeVar("T")


class ListPage(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T] = Field(description="The items of this page, in the order of the list.")
    next: str | None = Field(
        description="The cursor of the next page: give it as `after`. Null on the last page."
    )


@dataclass(frozen=True)
class PageWish:
    """Which page a client asks for."""

    limit: int
    after: str | None

    def position(self, *kinds: type[str | int]) -> tuple[str | int, ...] | None:
        """Return the sort values of the item that the page comes after; ``None`` for the first.

        Raises `ApiRefusal` for a cursor whose values aren't of these *kinds*.
        """
        if self.after is None:
            return None
        values = _decoded(self.after)
        fits = len(values) == len(kinds) and all(
            type(value) is kind for value, kind in zip(values, kinds, strict=True)
        )
        if not fits or any(isinstance(each, int) and abs(each) > _MOST_INT for each in values):
            raise _bad_cursor()
        return values


async def page_wish(
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many items, at most.")] = USUAL,
    after: Annotated[
        str | None,
        Query(max_length=_LONGEST, description="The `next` of the page before."),
    ] = None,
) -> PageWish:
    """Return the page that a request asks for."""
    return PageWish(limit, after)


def cursor_of(*values: str | int) -> str:
    """Return the cursor of an item with these sort values."""
    packed = json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode()
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def divided(found: Sequence[T], limit: int) -> tuple[list[T], bool]:
    """Return the items of a page, and whether more follow; *found* has one more than *limit*."""
    return list(found[:limit]), len(found) > limit


def next_link(request: Request, base_url: str, cursor: str | None) -> dict[str, str]:
    """Return the Link header (RFC 8288) to the next page; none on the last one."""
    if cursor is None:
        return {}
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
    path = PREFIX + request.scope["path"].removeprefix(request.scope["root_path"])
    url = f"{base_url}{path}?{urlencode([*query, ('after', cursor)])}"
    return {"Link": f'<{url}>; rel="next"'}


def _decoded(cursor: str) -> tuple[str | int, ...]:
    try:
        values = json.loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (UnicodeError, Base64Error, ValueError, RecursionError):
        raise _bad_cursor() from None
    if not isinstance(values, list) or any("\0" in each for each in values if type(each) is str):
        raise _bad_cursor()
    return tuple(values)


def _bad_cursor() -> ApiRefusal:
    return ApiRefusal(
        ProblemType.INVALID,
        "This cursor wasn't given by this list.",
        next_step="give the next of the page before, unchanged; or leave after out",
        errors=[FieldProblem(pointer="after", detail="is no cursor of this list")],
    )
