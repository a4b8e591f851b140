"""Decide on what sources propose: list, show, accept, dismiss."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field, StringConstraints
from sqlmodel import Session
from starlette.responses import Response

from digest import sources
from digest.access import Scope
from digest.api.dependencies import MAX_NUMBER, ChangeRequest, Installation, PageOf, require, shown
from digest.api.orders import Order
from digest.api.paging import ListPage, cursor_of, divided, next_link
from digest.api.resources.source_models import (
    AcceptedAnswer,
    DismissedAnswer,
    ProposalDetail,
    ProposalEntry,
)
from digest.api.unit_of_change import ChangeAnswer

router = APIRouter(prefix="/proposals", tags=["sources"])
reads, writes = require(Scope.SOURCES_READ), require(Scope.SOURCES_WRITE)
ProposalNumber = Annotated[int, Path(ge=1, le=MAX_NUMBER, description="The proposal's number.")]
OfSource = Annotated[
    int | None, Query(ge=1, le=MAX_NUMBER, description="Only what this source proposes.")
]


class DismissOrder(Order):
    """Why a proposal is dismissed."""

    why: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] = Field(
        default="", description="The reason, for the record."
    )


@router.get(
    "",
    operation_id="listProposals",
    summary="List what waits for an editor",
    response_model=ListPage[ProposalEntry],
    dependencies=[reads],
)
def list_proposals(
    request: Request, app: Installation, page: PageOf, source: OfSource = None
) -> Response:
    """List new comparisons, revisions with their difference, and withdrawals, the oldest first."""
    position = page.position(int)
    after = int(position[0]) if position else 0
    with app.database.read() as session:
        found = sources.waiting(session, source_id=source, after=after, at_most=page.limit + 1)
        rows, more = divided(found, page.limit)
        items = [ProposalEntry(**sources.proposal_facts(session, row)) for row in rows]
    cursor = cursor_of(items[-1].id) if more else None
    link = next_link(request, app.settings.base_url, cursor)
    return shown(request, ListPage[ProposalEntry](items=items, next=cursor), headers=link)


@router.get(
    "/{proposal}",
    operation_id="getProposal",
    summary="Show what a source proposes",
    response_model=ProposalDetail,
    dependencies=[reads],
)
def get_proposal(request: Request, app: Installation, proposal: ProposalNumber) -> Response:
    """Show a proposal that waits, with the whole content that would be stored."""
    with app.database.read() as session:
        row = sources.waiting_one(session, proposal)
        detail = ProposalDetail(**sources.proposal_facts(session, row), content=row.draft or None)
    return shown(request, detail)


@router.post(
    "/{proposal}/accept",
    operation_id="acceptProposal",
    summary="Accept a proposal",
    response_model=AcceptedAnswer,
    dependencies=[writes],
)
def accept(change: ChangeRequest, proposal: ProposalNumber) -> Response:
    """Store what is new or changed, or withdraw what is gone, in the token's name.

    A page that changes meanwhile has a proposal with another number.
    """

    def act(session: Session) -> ChangeAnswer:
        accepted = sources.accept(session, proposal, change.by, change.app.clock())
        answer = AcceptedAnswer(**sources.accepted_facts(proposal, accepted))
        return ChangeAnswer(shown=answer)

    return change.run(act)


@router.post(
    "/{proposal}/dismiss",
    operation_id="dismissProposal",
    summary="Dismiss a proposal",
    response_model=DismissedAnswer,
    dependencies=[writes],
)
def dismiss(
    change: ChangeRequest, proposal: ProposalNumber, order: DismissOrder | None = None
) -> Response:
    """Leave everything as it is; the page proposes the same again only after it has changed."""
    why = order.why if order else ""

    def act(session: Session) -> ChangeAnswer:
        sources.dismiss(session, proposal, change.by, why, change.app.clock())
        return ChangeAnswer(shown=DismissedAnswer(proposal=proposal, dismissed=True, why=why))

    return change.run(act)
