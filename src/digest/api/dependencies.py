"""What a route may ask for in its signature.

This module hides where each value comes from: the request, the token, the headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Query, Request, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.responses import Response

from digest.access import AnswerKey, Caller, Scope
from digest.api.entity_tags import IfMatchTags, is_known, tag_of
from digest.api.paging import PageWish, page_wish
from digest.api.problems import ApiRefusal, ProblemType
from digest.api.unit_of_change import ApiChange, read_key
from digest.app.installation import App

MAX_NUMBER = 1_000_000_000  #: no table has more rows, and every database stores it
_SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_BEARER = HTTPBearer(
    scheme_name="token",
    description="A token that `digest tokens add` made: `Authorization: Bearer dgt_…`.",
    auto_error=False,
)


async def _installation(request: Request) -> App:
    app: App = request.app.state.installation
    return app


async def _caller(request: Request) -> Caller | None:
    caller: Caller | None = request.state.caller
    return caller


def require(scope: Scope) -> Any:
    """Return the dependency that lets in only a caller with *scope*, and is that `Caller`."""
    security = Security(_BEARER, scopes=[scope.value])

    async def allowed(request: Request, _shown: Any = security) -> Caller:
        return _allowed(request, scope)

    return Depends(allowed)


def _allowed(request: Request, scope: Scope) -> Caller:
    caller: Caller | None = request.state.caller
    if caller is None:
        raise ApiRefusal(
            ProblemType.UNAUTHENTICATED,
            "This needs a token.",
            next_step=f"make one: digest tokens add NAME --scope {scope}; and send it with each"
            " request: Authorization: Bearer TOKEN",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if not caller.may(scope):
        raise ApiRefusal(
            ProblemType.FORBIDDEN,
            f"The token {caller.name} hasn't got the scope {scope}.",
            next_step=f"digest tokens add NAME --scope {scope} makes one that has",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        )
    return caller


async def _change(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="A random text of yours for this one change, such as a UUID. Sent again"
            " with the same key within 24 hours, the request isn't done twice: it gets the first"
            " answer.",
            examples=["0d1f7c52-5d43-4f2e-9a35-2f4b9a4f1c11"],
        ),
    ] = None,
) -> ApiChange:
    caller = request.state.caller
    if caller is None:  # a route asks for a scope before
        raise ApiRefusal(ProblemType.UNAUTHENTICATED, "This needs a token.")
    app: App = request.app.state.installation
    text = read_key(idempotency_key)
    key = None
    if text is not None:
        where = f"{request.method} {request.url.path}?{request.url.query}\n"
        body = (await request.body()).decode("latin-1")
        key = AnswerKey.of(caller.token_id, text, where + body, app.hashes)
    return ApiChange(app=app, caller=caller, under_way=request.app.state.under_way, key=key)


async def _if_match(
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            max_length=2_000,
            description="The ETag of the version that you want to change; * for any.",
        ),
    ] = None,
) -> IfMatchTags:
    return IfMatchTags(if_match)


Installation = Annotated[App, Depends(_installation)]
#: Who calls, where a token was shown; ``None`` for the public.
OptionalCaller = Annotated[Caller | None, Depends(_caller)]
ChangeRequest = Annotated[ApiChange, Depends(_change)]
IfMatch = Annotated[IfMatchTags, Depends(_if_match)]
PageOf = Annotated[PageWish, Depends(page_wish)]
IssueNumber = Annotated[int, Path(ge=1, le=MAX_NUMBER, description="The issue's number.")]
NewsletterPath = Annotated[
    str, Path(max_length=64, pattern=_SLUG, description="The newsletter's slug.")
]
#: A slug may have letters of any script; who asks for what no slug has, finds nothing.
SlugPath = Annotated[str, Path(max_length=400, description="The slug, as lists show it.")]
NewsletterFilter = Annotated[
    str | None,
    Query(max_length=64, pattern=_SLUG, description="The newsletter's slug; by default, all."),
]


def shown(
    request: Request,
    value: BaseModel,
    *,
    headers: Mapping[str, str] | None = None,
    cache: str = "private, no-cache",
) -> Response:
    """Return *value* as JSON with its ETag, or 304 to a client that has it already.

    *cache* is its Cache-Control: by default a client may keep it, and asks each time.
    """
    body = value.model_dump_json().encode()
    tag = tag_of(body)
    told = {"Cache-Control": cache, "ETag": tag, **(headers or {})}
    known = request.headers.get("if-none-match")
    if known is not None and is_known(known, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=told)
    return Response(body, headers=told, media_type="application/json")
