"""Decide on an issue: approve it, send it back, move it, stop it, let it go on, cancel it.

Hides which decisions name a version. What was read and found good or bad has to be what is
there now; a send that has to stop must not wait for a second look.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints
from sqlmodel import Session
from starlette.responses import Response

from digest.access import Scope
from digest.api.dependencies import ChangeRequest, IfMatch, IssueNumber, NewsletterPath, require
from digest.api.entity_tags import IfMatchTags
from digest.api.orders import Order
from digest.api.problems import ApiRefusal, FieldProblem, ProblemType
from digest.api.resources.issue_models import (
    ApprovalAnswer,
    IssueChange,
    MoveAnswer,
    ResumeAnswer,
    SentBackAnswer,
    issue_detail,
)
from digest.api.unit_of_change import ApiChange, ChangeAnswer
from digest.app.send_start import resume_send
from digest.issues import store
from digest.issues.approval import MOST_NOTE
from digest.issues.calendar import BadCadence, wall_time
from digest.issues.models import ApprovalChannel, Edition, Issue
from digest.service import (
    approve_issue,
    cancel_issue,
    move_issue,
    pause_issue,
    return_issue,
)

router = APIRouter(
    prefix="/newsletters/{newsletter}/issues/{number}",
    tags=["issues"],
    dependencies=[require(Scope.ISSUES_WRITE)],
)
Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=MOST_NOTE)
]  #: for the record
Decide = Callable[[Session, Issue, Edition], BaseModel]


class ApprovalOrder(Order):
    """Which warnings are accepted."""

    despite: list[Annotated[str, StringConstraints(max_length=60)]] = Field(
        default=[], max_length=100, description="The rules whose warnings are accepted."
    )
    accept_warnings: bool = Field(default=False, description="Accept all warnings.")


class SendBackOrder(Order):
    """Why an issue is sent back."""

    note: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_NOTE)
    ] = Field(description="What has to change, for the editors.")


class MoveOrder(Order):
    """When an issue comes out."""

    to: str = Field(
        max_length=32,
        description="A time in the newsletter's own time zone, between its neighbours.",
        examples=["2026-12-02T10:00"],
    )
    why: Reason = Field(default="", description="The reason, for the record.")


class StopOrder(Order):
    """Why an issue is stopped."""

    why: Reason = Field(default="", description="The reason, for the record.")


class ResumeOrder(Order):
    """How an issue goes on."""

    past_first_wave: bool = Field(
        default=False, description="Send the rest, whatever the wave shows."
    )


@router.post(
    "/approve",
    operation_id="approveIssue",
    summary="Approve an issue",
    response_model=ApprovalAnswer,
)
def approve(
    change: ChangeRequest,
    newsletter: NewsletterPath,
    number: IssueNumber,
    if_match: IfMatch,
    order: ApprovalOrder | None = None,
) -> Response:
    """Approve exactly the version that If-Match names, in the token's name.

    The service sends it when it's due. Any later change voids the approval.
    """
    wanted = order or ApprovalOrder()

    def decide(session: Session, issue: Issue, edition: Edition) -> ApprovalAnswer:
        if_match.require(issue_detail(issue, edition))
        approved = approve_issue(
            change.app,
            session,
            issue,
            by=change.by,
            channel=ApprovalChannel.API,
            findings=change.app.issues.findings(edition),
            despite=None if wanted.accept_warnings else wanted.despite,
            seen=edition.fingerprint,
        )
        return ApprovalAnswer(**approved.as_dict())

    return _decided(change, newsletter, number, decide)


@router.post(
    "/send-back",
    operation_id="sendIssueBack",
    summary="Send an issue back",
    response_model=SentBackAnswer,
)
def send_back(
    change: ChangeRequest,
    newsletter: NewsletterPath,
    number: IssueNumber,
    if_match: IfMatch,
    order: SendBackOrder,
) -> Response:
    """Refuse the version that If-Match names: it isn't sent until it's approved again."""

    def decide(session: Session, issue: Issue, edition: Edition) -> SentBackAnswer:
        if_match.require(issue_detail(issue, edition))
        back = return_issue(
            session,
            issue,
            by=change.by,
            note=order.note,
            channel=ApprovalChannel.API,
            now=change.app.clock(),
        )
        return SentBackAnswer(**back.as_dict())

    return _decided(change, newsletter, number, decide)


@router.post(
    "/schedule",
    operation_id="scheduleIssue",
    summary="Move an issue to another time",
    response_model=MoveAnswer,
)
def schedule(
    change: ChangeRequest,
    newsletter: NewsletterPath,
    number: IssueNumber,
    if_match: IfMatch,
    order: MoveOrder,
) -> Response:
    """Let the service send it at another time; on another day, it has to be built again."""
    try:
        wall = wall_time(order.to)
    except BadCadence as fault:
        place = FieldProblem(pointer="#/to", detail=str(fault))
        raise ApiRefusal(ProblemType.INVALID, str(fault), errors=[place]) from None

    def decide(session: Session, issue: Issue, edition: Edition) -> MoveAnswer:
        if_match.require(issue_detail(issue, edition))
        row = store.newsletter_of(session, issue)
        return MoveAnswer(**move_issue(session, row, issue.period, wall, order.why).as_dict())

    return _decided(change, newsletter, number, decide)


@router.post(
    "/pause", operation_id="pauseIssue", summary="Pause an issue", response_model=IssueChange
)
def pause(
    change: ChangeRequest,
    newsletter: NewsletterPath,
    number: IssueNumber,
    if_match: IfMatch,
    order: StopOrder | None = None,
) -> Response:
    """Finish the requests under way, and start no further batch. If-Match isn't required."""

    def decide(session: Session, issue: Issue, edition: Edition) -> IssueChange:
        _require_given(if_match, issue, edition)
        why = (order.why if order else "") or f"paused by {change.by}"
        return IssueChange(**pause_issue(session, issue, why, change.app.clock()))

    return _decided(change, newsletter, number, decide)


@router.post(
    "/resume", operation_id="resumeIssue", summary="Resume an issue", response_model=ResumeAnswer
)
def resume(
    change: ChangeRequest,
    newsletter: NewsletterPath,
    number: IssueNumber,
    if_match: IfMatch,
    order: ResumeOrder | None = None,
) -> Response:
    """Let the service go on with a paused issue, and retry its parked batches.

    If-Match isn't required.
    """
    past = order.past_first_wave if order else False

    def decide(session: Session, issue: Issue, edition: Edition) -> ResumeAnswer:
        _require_given(if_match, issue, edition)
        resumed = resume_send(change.app, session, issue, past_first_wave=past, by=change.by)
        return ResumeAnswer(**resumed.as_dict())

    return _decided(change, newsletter, number, decide)


@router.post(
    "/cancel",
    operation_id="cancelIssue",
    summary="Cancel an issue for good",
    response_model=IssueChange,
)
def cancel(
    change: ChangeRequest,
    newsletter: NewsletterPath,
    number: IssueNumber,
    if_match: IfMatch,
    order: StopOrder | None = None,
) -> Response:
    """Leave unsent what isn't sent; nothing brings it back. If-Match isn't required."""

    def decide(session: Session, issue: Issue, edition: Edition) -> IssueChange:
        _require_given(if_match, issue, edition)
        why = (order.why if order else "") or f"cancelled by {change.by}"
        return IssueChange(**cancel_issue(session, issue, why))

    return _decided(change, newsletter, number, decide)


def _require_given(if_match: IfMatchTags, issue: Issue, edition: Edition) -> None:
    """Raise `ApiRefusal` where the client names a version, and it is another one."""
    if if_match.header is not None:
        if_match.require(issue_detail(issue, edition))


def _decided(change: ApiChange, newsletter: str, number: int, decide: Decide) -> Response:
    """Answer a decision on an issue, whose row is locked while it's made."""

    def act(session: Session) -> ChangeAnswer:
        issue, edition = store.issue_and_edition(session, newsletter, number, lock=True)
        answer = decide(session, issue, edition)
        return ChangeAnswer(shown=answer, version=issue_detail(issue, edition))

    return change.run(act)
