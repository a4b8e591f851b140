"""Show issues, and build them.

Hides which version of an issue a change names: the issue as it's shown alone, so that building it
again, or a change of its state, makes the tag stale.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from sqlmodel import Session
from starlette.responses import Response

from digest.access import Scope
from digest.api.dependencies import (
    ChangeRequest,
    IfMatch,
    Installation,
    IssueNumber,
    NewsletterPath,
    PageOf,
    require,
    shown,
)
from digest.api.entity_tags import IfMatchTags
from digest.api.orders import Order
from digest.api.paging import ListPage, cursor_of, divided, next_link
from digest.api.problems import PREFIX, ApiRefusal, FieldProblem, ProblemType
from digest.api.resources.issue_models import (
    BuiltAnswer,
    IssueCheck,
    IssueDetail,
    IssueStatusAnswer,
    IssueSummary,
    issue_detail,
    issue_summary,
)
from digest.api.turns import Turns
from digest.api.unit_of_change import ChangeAnswer
from digest.app.installation import App
from digest.issues import store
from digest.issues.calendar import BadPeriod, issue_day
from digest.issues.calendar.next_issue import next_issue
from digest.issues.issue_facts import chosen_facts
from digest.issues.models import IssueState, Newsletter
from digest.issues.picking import MOST
from digest.issues.variants import variant_of
from digest.service import hold_facts, issue_status_of, status_facts

router = APIRouter(prefix="/newsletters/{newsletter}/issues", tags=["issues"])
reads, writes = require(Scope.ISSUES_READ), require(Scope.ISSUES_WRITE)
#: A mail is shown as it is, and nothing of it runs.
_MAIL = {
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
}
Reviewer = Annotated[
    int | None,
    Query(ge=1, le=1000, description="As readers get it who agree with the reviewer of this seat."),
]


async def _builds(request: Request) -> Turns:
    builds: Turns = request.app.state.builds
    return builds


Builds = Annotated[Turns, Depends(_builds)]


class BuildOrder(Order):
    """What to build; by default, the next issue that is due."""

    period: str | None = Field(
        default=None, max_length=16, description="The ISO week.", examples=["2026-W49"]
    )
    count: int | None = Field(
        default=None,
        ge=1,
        le=MOST,
        description="How many comparisons; by default, the rule's number.",
    )
    again: bool = Field(
        default=False, description="Build an issue anew that isn't sent. Give its ETag as If-Match."
    )


@router.get(
    "",
    operation_id="listIssues",
    summary="List the issues of a newsletter",
    response_model=ListPage[IssueSummary],
    dependencies=[reads],
)
def list_issues(
    request: Request, app: Installation, newsletter: NewsletterPath, page: PageOf
) -> Response:
    """List what was built, the newest first, corrections included."""
    position = page.position(int)
    before = int(position[0]) if position else None
    with app.database.read() as session:
        row = store.newsletter(session, newsletter)
        found = store.built_issues(session, row.id, before=before, at_most=page.limit + 1)
        rows, more = divided(found, page.limit)
        items = [issue_summary(issue, edition) for issue, edition in rows]
        cursor = cursor_of(rows[-1][0].id or 0) if more else None
    link = next_link(request, app.settings.base_url, cursor)
    return shown(request, ListPage[IssueSummary](items=items, next=cursor), headers=link)


@router.post(
    "",
    operation_id="buildIssue",
    summary="Build an issue",
    response_model=BuiltAnswer,
    responses={201: {"model": BuiltAnswer, "description": "An issue that wasn't there."}},
    dependencies=[writes],
)
def build_issue(
    change: ChangeRequest,
    builds: Builds,
    newsletter: NewsletterPath,
    if_match: IfMatch,
    order: BuildOrder | None = None,
) -> Response:
    """Pick, compose, render, check and freeze the issue; this takes a second or two."""
    wanted = order or BuildOrder()
    _require_period(wanted.period)

    def act(session: Session) -> ChangeAnswer:
        row = store.newsletter(session, newsletter)
        period = wanted.period or next_issue(session, row, change.app.clock()).period
        again = _require_version(session, row, period, if_match, again=wanted.again)
        issue, built = change.app.issues.build(
            session, row, period, count=wanted.count, again=wanted.again
        )
        edition = store.edition_of(session, issue)
        answer = BuiltAnswer(**chosen_facts(issue, edition), findings=list(built.findings))
        path = f"{PREFIX}/newsletters/{row.slug}/issues/{issue.number}"
        status, location = (200, "") if again else (201, path)
        version = issue_detail(issue, edition)
        return ChangeAnswer(shown=answer, version=version, status=status, location=location)

    with builds.one():
        return change.run(act)


@router.get(
    "/{number}",
    operation_id="getIssue",
    summary="Show an issue",
    response_model=IssueDetail,
    dependencies=[reads],
)
def get_issue(
    request: Request, app: Installation, newsletter: NewsletterPath, number: IssueNumber
) -> Response:
    """Show what an issue carries, and why. Its ETag is what a change gives as If-Match."""
    with app.database.read() as session:
        detail = issue_detail(*store.issue_and_edition(session, newsletter, number))
    return shown(request, detail)


@router.get(
    "/{number}/html",
    operation_id="getIssueHtml",
    summary="Show the HTML part of an issue's mail",
    response_class=Response,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
    dependencies=[reads],
)
def get_html(
    app: Installation, newsletter: NewsletterPath, number: IssueNumber, reviewer: Reviewer = None
) -> Response:
    """Show the mail as it is stored: each reader's own links are still tags in it."""
    html, _ = _mail(app, newsletter, number, reviewer)
    return Response(html, headers=_MAIL, media_type="text/html")


@router.get(
    "/{number}/text",
    operation_id="getIssueText",
    summary="Show the text part of an issue's mail",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    dependencies=[reads],
)
def get_text(
    app: Installation, newsletter: NewsletterPath, number: IssueNumber, reviewer: Reviewer = None
) -> Response:
    """Show the mail as it is stored: each reader's own links are still tags in it."""
    _, text = _mail(app, newsletter, number, reviewer)
    return Response(text, headers=_MAIL, media_type="text/plain")


@router.get(
    "/{number}/check",
    operation_id="checkIssue",
    summary="Check an issue again",
    response_model=IssueCheck,
    dependencies=[reads],
)
def check_issue(
    request: Request, app: Installation, newsletter: NewsletterPath, number: IssueNumber
) -> Response:
    """Check the mail by today's settings, and what has changed since it was built."""
    with app.database.read() as session:
        findings = app.issues.check(*store.issue_and_edition(session, newsletter, number))
    return shown(request, IssueCheck(issue=number, findings=findings))


@router.get(
    "/{number}/status",
    operation_id="getIssueStatus",
    summary="Show where an issue stands",
    response_model=IssueStatusAnswer,
    dependencies=[reads],
)
def get_issue_status(
    request: Request, app: Installation, newsletter: NewsletterPath, number: IssueNumber
) -> Response:
    """Show its approval, when it leaves, who would get it, and what became of each copy."""
    with app.database.read() as session:
        issue, edition = store.issue_and_edition(session, newsletter, number)
        facts = status_facts(*issue_status_of(app, session, issue, edition))
    return shown(request, IssueStatusAnswer(**facts, **hold_facts(app)))


def _mail(app: App, newsletter: str, number: int, reviewer: int | None) -> tuple[str, str]:
    """Return the HTML and the text of an issue's mail, or of its variant for a reviewer."""
    with app.database.read() as session:
        issue, edition = store.issue_and_edition(session, newsletter, number)
        mail = edition if reviewer is None else variant_of(session, issue, edition, reviewer)
        return mail.html, mail.text


def _require_period(period: str | None) -> None:
    """Raise `ApiRefusal` for a week that isn't in the calendar."""
    try:
        if period is not None:
            issue_day(period, 0)
    except BadPeriod as fault:
        place = FieldProblem(pointer="#/period", detail=str(fault))
        raise ApiRefusal(ProblemType.INVALID, str(fault), errors=[place]) from None


def _require_version(
    session: Session, newsletter: Newsletter, period: str, if_match: IfMatchTags, *, again: bool
) -> bool:
    """Return whether an issue will be built anew, of which the client has seen this version."""
    before = store.by_period(session, newsletter.id, period, lock=True)
    if before is None:
        if_match.require_absent()
    if before is None or before.state is not IssueState.BUILT:
        return False
    if again:
        if_match.require(issue_detail(before, store.edition_of(session, before)))
    return True
