"""Show what became of an issue, and what readers voted on a comparison."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from digest.access import Scope
from digest.api.dependencies import (
    Installation,
    IssueNumber,
    NewsletterPath,
    SlugPath,
    require,
    shown,
)
from digest.api.resources.report_models import ReportAnswer, VotesAnswer
from digest.issues import store
from digest.reports import report, votes_on

router = APIRouter(tags=["reports"], dependencies=[require(Scope.REPORTS_READ)])


@router.get(
    "/newsletters/{newsletter}/issues/{number}/report",
    operation_id="getReport",
    summary="Show what became of an issue",
    response_model=ReportAnswer,
)
def get_report(
    request: Request, app: Installation, newsletter: NewsletterPath, number: IssueNumber
) -> Response:
    """Show deliveries, opens, clicks, who left, complaints, and votes."""
    with app.database.read() as session:
        issue, _ = store.issue_and_edition(session, newsletter, number)
        facts = report(session, issue, app.clock()).as_dict()
    return shown(request, ReportAnswer(**facts))


@router.get(
    "/comparisons/{slug}/votes",
    operation_id="getVotes",
    summary="Show the votes on a comparison",
    response_model=VotesAnswer,
)
def get_votes(request: Request, app: Installation, slug: SlugPath) -> Response:
    """Show the readers' shares beside the panel's, turnout, and what isn't counted."""
    with app.database.read() as session:
        numbers, scans = votes_on(session, slug)
    return shown(request, VotesAnswer(**{**numbers.as_dict(), "scans": scans.as_dict()}))
