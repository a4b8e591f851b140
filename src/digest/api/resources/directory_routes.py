"""Read comparisons and tools: what is public by anybody, the rest with a token.

This module hides that the public's answers are kept as bytes, which `PublicAnswers` makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from email.utils import format_datetime
from functools import partial
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from sqlmodel import Session
from starlette.responses import Response

from digest.access import Caller
from digest.api.dependencies import Installation, OptionalCaller, PageOf, SlugPath, shown
from digest.api.paging import ListPage, PageWish, cursor_of, divided, next_link
from digest.api.public_answers import VARIES, Found, Look, PublicAnswers, question, sees_all
from digest.api.resources.comparison_shapes import (
    ComparisonEntry,
    ComparisonFacts,
    PublicComparison,
    PublicEntry,
    ToolEntry,
    ToolFacts,
    comparison_facts,
    comparison_shown,
    entry_facts,
    tool_facts,
)
from digest.app.installation import App
from digest.directory import (
    EditorsTerms,
    Filters,
    ListPlace,
    Terms,
    part_of_list,
    part_of_tools,
    public_revision,
    tool_history,
)

router = APIRouter()
_LATEST_DAY = date.max.toordinal()


async def _kept(request: Request) -> PublicAnswers:
    answers: PublicAnswers = request.app.state.public_answers
    return answers


Answers = Annotated[PublicAnswers, Depends(_kept)]


async def _filters(
    q: Annotated[
        str, Query(max_length=200, description="Words that are in it, the last as it begins.")
    ] = "",
    category: Annotated[
        str, Query(max_length=100, description="The slug of a category of its tools.")
    ] = "",
    tool: Annotated[str, Query(max_length=200, description="The slug of one of its tools.")] = "",
    since: Annotated[
        date | None, Query(description="The earliest day it was published, else imported, on.")
    ] = None,
) -> Filters:
    return Filters(query=q, category=category, tool=tool, since=since)


@router.get(
    "/comparisons",
    operation_id="listComparisons",
    summary="List comparisons",
    response_model=ListPage[ComparisonEntry],
    tags=["comparisons"],
)
async def list_comparisons(
    request: Request,
    app: Installation,
    caller: OptionalCaller,
    answers: Answers,
    page: PageOf,
    filters: Annotated[Filters, Depends(_filters)],
) -> Response:
    """List the public comparisons, the newest first; those with the words of `q`, the best first.

    With a token of the scope `comparisons:read`, those that aren't out or were withdrawn as well.
    """
    look = partial(_comparisons, request=request, app=app, filters=filters, page=page)
    return await _answered(request, app, caller, answers, look)


@router.get(
    "/comparisons/{slug}",
    operation_id="getComparison",
    summary="Get a comparison",
    response_model=ComparisonFacts,
    tags=["comparisons"],
)
async def get_comparison(
    request: Request, app: Installation, caller: OptionalCaller, answers: Answers, slug: SlugPath
) -> Response:
    """Get a comparison with the verdict of each reviewer.

    With a token of the scope `comparisons:read`, one that isn't out or was withdrawn as well.
    """

    def look(session: Session, terms: Terms) -> Found:
        base_url = app.settings.base_url
        if isinstance(terms, EditorsTerms):
            return Found(comparison_shown(session, slug, base_url))
        revision = public_revision(session, slug, terms)
        facts = comparison_facts(revision.comparison, revision, base_url)
        at = format_datetime(revision.imported_at.astimezone(UTC), usegmt=True)
        return Found(PublicComparison.model_validate(facts), {"Last-Modified": at})

    return await _answered(request, app, caller, answers, look)


@router.get(
    "/tools",
    operation_id="listTools",
    summary="List tools",
    response_model=ListPage[ToolEntry],
    tags=["tools"],
)
async def list_tools(
    request: Request, app: Installation, caller: OptionalCaller, answers: Answers, page: PageOf
) -> Response:
    """List the tools that stand in public comparisons, by slug.

    With a token of the scope `comparisons:read`, those of the other comparisons as well.
    """

    def look(session: Session, terms: Terms) -> Found:
        [after] = page.position(str) or [""]
        found = part_of_tools(session, terms, after=str(after), at_most=page.limit + 1)
        items, more = divided([ToolEntry(**each._asdict()) for each in found], page.limit)
        cursor = cursor_of(items[-1].slug) if more else None
        link = next_link(request, app.settings.base_url, cursor)
        return Found(ListPage[ToolEntry](items=items, next=cursor), link)

    return await _answered(request, app, caller, answers, look)


@router.get(
    "/tools/{slug}",
    operation_id="getTool",
    summary="Get a tool",
    response_model=ToolFacts,
    tags=["tools"],
)
async def get_tool(
    request: Request, app: Installation, caller: OptionalCaller, answers: Answers, slug: SlugPath
) -> Response:
    """Get a tool with its panel shares; `GET /comparisons?tool=` lists its comparisons.

    With a token of the scope `comparisons:read`, what isn't out or was withdrawn counts as well.
    """

    def look(session: Session, terms: Terms) -> Found:
        return Found(tool_facts(slug, tool_history(session, terms, slug), app.settings.base_url))

    return await _answered(request, app, caller, answers, look)


def _comparisons(
    session: Session, terms: Terms, *, request: Request, app: App, filters: Filters, page: PageWish
) -> Found:
    part = part_of_list(
        session, terms, filters, at_most=page.limit, after=_place(page.position(int, int, int))
    )
    facts = [entry_facts(each, app.settings.base_url) for each in part.summaries]
    cursor = None
    if part.last is not None:
        cursor = cursor_of(part.last.rank, part.last.day.toordinal(), part.last.comparison_id)
    value: BaseModel
    if isinstance(terms, EditorsTerms):
        value = ListPage[ComparisonEntry](
            items=[ComparisonEntry.model_validate(each) for each in facts], next=cursor
        )
    else:
        value = ListPage[PublicEntry](
            items=[PublicEntry.model_validate(each) for each in facts], next=cursor
        )
    return Found(value, next_link(request, app.settings.base_url, cursor))


def _place(values: Sequence[Any] | None) -> ListPlace | None:
    """Return the place that a cursor names; a day that no calendar has becomes the nearest."""
    if values is None:
        return None
    rank, day, number = values
    return ListPlace(rank, date.fromordinal(min(max(1, day), _LATEST_DAY)), number)


async def _answered(
    request: Request, app: App, caller: Caller | None, answers: PublicAnswers, look: Look
) -> Response:
    if not sees_all(caller):
        return (await answers.get(question(request.scope), look)).response(request.headers)

    def read() -> Found:
        with app.database.read() as session:
            return look(session, EditorsTerms())

    found = await run_sync(read)
    return shown(request, found.value, headers={**found.headers, **VARIES})
