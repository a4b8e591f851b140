"""Follow sites: add, list, show, poll, pause, resume and remove sources.

Hides how little another site can hold up: it's looked at for some seconds in all, by few requests
at once, and its pages are polled by the service.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import Field, StringConstraints
from sqlmodel import Session
from starlette.responses import Response

from digest import sources
from digest.access import Scope
from digest.api.dependencies import MAX_NUMBER, ChangeRequest, Installation, require, shown
from digest.api.orders import Order
from digest.api.problems import PREFIX, ApiRefusal, FieldProblem, ProblemType
from digest.api.resources.source_models import (
    AddedSource,
    RemovedSource,
    SourceDetail,
    SourceEntry,
    SourceList,
)
from digest.api.turns import Turns
from digest.api.unit_of_change import ApiChange, ChangeAnswer
from digest.errors import DigestError, WrongState
from digest.issues import store as issues
from digest.sources import AcceptRule, SourceKind

if TYPE_CHECKING:
    from digest.sources.following import FoundSource
    from digest.sources.models import Source

SECONDS = 30.0  #: that one site is looked at when it's added

router = APIRouter(prefix="/sources", tags=["sources"])
reads, writes = require(Scope.SOURCES_READ), require(Scope.SOURCES_WRITE)
SourceNumber = Annotated[int, Path(ge=1, le=MAX_NUMBER, description="The source's number.")]


async def _looks(request: Request) -> Turns:
    looks: Turns = request.app.state.site_looks
    return looks


Looks = Annotated[Turns, Depends(_looks)]


class SourceOrder(Order):
    """What to follow."""

    url: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)] = (
        Field(
            description="A site, sitemap, feed, page or JSON address.",
            examples=["https://tools.example.com/sitemap.xml"],
        )
    )
    kind: SourceKind | None = Field(
        default=None, description="What is at the address; by default, Digest looks."
    )
    match: str = Field(
        default="",
        max_length=400,
        description="Follow only pages with this path.",
        examples=["/compare/*"],
    )
    newsletter: str = Field(
        default="", max_length=64, description="The only newsletter that picks from this source."
    )
    accept: AcceptRule = Field(
        default=AcceptRule.NONE, description="What is accepted without an editor."
    )


@router.get(
    "",
    operation_id="listSources",
    summary="List the sources",
    response_model=SourceList,
    dependencies=[reads],
)
def list_sources(request: Request, app: Installation) -> Response:
    """List what is followed, with the last and the next poll of each."""
    with app.database.read() as session:
        items = [SourceEntry(**facts) for facts in sources.all_facts(session)]
    return shown(request, SourceList(items=items))


@router.post(
    "",
    operation_id="addSource",
    summary="Follow a site",
    response_model=AddedSource,
    status_code=201,
    dependencies=[writes],
)
def add_source(change: ChangeRequest, looks: Looks, order: SourceOrder) -> Response:
    """Look at the address, and follow what is there: its comparisons are proposed to the editors.

    This takes some seconds, since the site is asked what it has.
    """
    found: list[FoundSource] = []

    def look() -> None:
        with looks.one():
            found.append(_found(change, order))

    def act(session: Session) -> ChangeAnswer:
        newsletter = order.newsletter and issues.newsletter(session, order.newsletter).slug
        facts = change.app.sources.follow(
            session, found[0], match=order.match, newsletter=newsletter, accept=order.accept
        )
        listing = found[0].listing
        answer = AddedSource(**facts, found=len(found[0].pages), left_out=listing.left_out)
        return ChangeAnswer(shown=answer, status=201, location=f"{PREFIX}/sources/{answer.id}")

    return change.run(act, before=look)


@router.get(
    "/{source}",
    operation_id="getSource",
    summary="Show a source",
    response_model=SourceDetail,
    dependencies=[reads],
)
def get_source(request: Request, app: Installation, source: SourceNumber) -> Response:
    """Show what was read and when, and what was refused and why."""
    with app.database.read() as session:
        facts = sources.source_facts(session, sources.by_id(session, source))
        pages = sources.page_facts(session, sources.pages_of(session, source))
    return shown(request, SourceDetail(**{**facts, "page_list": pages}))


@router.post(
    "/{source}/poll",
    operation_id="pollSource",
    summary="Poll a source",
    response_model=SourceEntry,
    status_code=202,
    dependencies=[writes],
)
def poll(change: ChangeRequest, source: SourceNumber) -> Response:
    """Let the service poll it within a minute, though it isn't due."""
    now = change.app.clock()
    return _changed(change, lambda session: sources.poll_soon(session, source, now), status=202)


@router.post(
    "/{source}/pause",
    operation_id="pauseSource",
    summary="Pause a source",
    response_model=SourceEntry,
    dependencies=[writes],
)
def pause(change: ChangeRequest, source: SourceNumber) -> Response:
    """Poll it no more; what it proposed stays."""
    now = change.app.clock()
    return _changed(change, lambda session: sources.pause_source(session, source, now))


@router.post(
    "/{source}/resume",
    operation_id="resumeSource",
    summary="Resume a source",
    response_model=SourceEntry,
    dependencies=[writes],
)
def resume(change: ChangeRequest, source: SourceNumber) -> Response:
    """Poll a paused source again, within a minute."""
    now = change.app.clock()
    return _changed(change, lambda session: sources.resume_source(session, source, now))


@router.delete(
    "/{source}",
    operation_id="removeSource",
    summary="Follow a source no more",
    response_model=RemovedSource,
    dependencies=[writes],
)
def remove(
    change: ChangeRequest,
    source: SourceNumber,
    discard: Annotated[bool, Query(description="Delete what it proposes, too.")] = False,
) -> Response:
    """Forget a source and its pages; the comparisons that came of it stay."""

    def act(session: Session) -> ChangeAnswer:
        row = sources.by_id(session, source, lock=True)
        waiting = sources.count_waiting(session, source)
        if waiting and not discard:
            words = "proposal waits" if waiting == 1 else "proposals wait"
            step = f"decide on them, or DELETE {PREFIX}/sources/{source}?discard=true"
            raise WrongState(f"{waiting:,} {words} for an editor", next_step=step)
        deleted = sources.remove(session, row)
        answer = RemovedSource(id=source, removed=True, proposals_deleted=deleted)
        return ChangeAnswer(shown=answer)

    return change.run(act)


def _found(change: ApiChange, order: SourceOrder) -> FoundSource:
    """Return what is at the address; raises `ApiRefusal` where nothing can be followed."""
    try:
        return change.app.sources.find(
            order.url, kind=order.kind, match=order.match, seconds=SECONDS
        )
    except DigestError as fault:
        place = FieldProblem(pointer="#/url", detail=str(fault))
        raise ApiRefusal(
            ProblemType.INVALID, str(fault), next_step=fault.next_step, errors=[place]
        ) from None


def _changed(change: ApiChange, do: Callable[[Session], Source], *, status: int = 200) -> Response:
    """Answer a change with the source as it is then."""

    def act(session: Session) -> ChangeAnswer:
        facts = sources.source_facts(session, do(session))
        return ChangeAnswer(shown=SourceEntry(**facts), status=status)

    return change.run(act)
