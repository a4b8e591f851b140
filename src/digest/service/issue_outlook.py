"""What is ahead of an issue: whether it is approved, when it leaves by itself, who would get it.

Hides what the service has to find for an issue to leave, and the sentence that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import Session

from digest.app.installation import App
from digest.delivery.pace import Pace
from digest.delivery.reporting import NEWEST, IssueStatus, issue_status, listed_issues
from digest.delivery.sending import count_audience
from digest.errors import WrongState
from digest.issues import approval, draft_history, provenance, store
from digest.issues.approval import EditorialStanding
from digest.issues.calendar.next_issue import leaves_at
from digest.issues.issue_commands import build_again, named
from digest.issues.models import Edition, Issue, IssueState, JobRun, Newsletter
from digest.process_id import alive
from digest.service.overview import job_facts
from subscribers.locale import long_date


@dataclass(frozen=True, kw_only=True)
class IssueOutlook:
    """What is ahead of one issue; *says* and *next_step* are empty for one that has left."""

    dated: date  #: the day its mail is dated
    editorial: EditorialStanding
    would_get: int | None = None  #: how many readers would get it now; ``None`` once it is planned
    leaves_at: datetime | None = None  #: when the service sends it by itself
    says: str = ""
    next_step: str = ""
    goes_on: bool = False  #: whether the service sends what waits of it, with nobody's help

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "dated": self.dated,
            "approved": self.editorial.approved,
            "approved_by": list(self.editorial.by),
            "approved_at": self.editorial.at,
            "approval_void": list(self.editorial.void),
            "would_get": self.would_get,
            "leaves_at": self.leaves_at,
            "next_step": self.next_step,
        }


def issue_status_of(
    app: App,
    session: Session,
    issue: Issue,
    edition: Edition,
    is_alive: Callable[[str], bool | None] = alive,
    *,
    templates: str | None = None,
    pace: Pace | None = None,
) -> tuple[IssueStatus, IssueOutlook]:
    """Return where an issue stands, and what is ahead of it, by the installation's clock.

    *templates* is the hash of the templates in use, and *pace* how fast mail may leave now, where
    they are known already.
    """
    now, pace = app.clock(), pace or app.sending.pace(session)
    report = issue_status(session, issue, edition, now, is_alive=is_alive, pace=pace)
    return report, issue_outlook(app, session, issue, templates=templates)


def newest_statuses(
    app: App, session: Session, newsletter: Newsletter, newest: int = NEWEST
) -> tuple[list[tuple[IssueStatus, IssueOutlook]], int]:
    """Return `issue_status_of` the *newest* issues and of all that aren't over, the oldest first.

    With them comes the number of earlier issues that are left out.
    """
    listed = listed_issues(session, newsletter.id, newest)
    templates, pace = _templates(app, listed.issues), app.sending.pace(session)
    statuses = [
        issue_status_of(
            app,
            session,
            issue,
            store.edition_of(session, issue),
            templates=templates,
            pace=pace,
        )
        for issue in listed.issues
    ]
    return statuses, listed.earlier


def status_facts(report: IssueStatus, outlook: IssueOutlook) -> dict[str, Any]:
    """Return an issue's status as plain values."""
    step = step_ahead(report, outlook)
    return {**report.as_dict(), **outlook.as_dict(), "next_step": step}


def step_ahead(report: IssueStatus, outlook: IssueOutlook) -> str:
    """Return the next step of an issue that stands so, in words; empty where there is none."""
    if report.next_step and outlook.goes_on:
        return "nothing: it goes on by itself"
    return report.next_step or outlook.next_step


def issue_outlook(
    app: App, session: Session, issue: Issue, *, templates: str | None = None
) -> IssueOutlook:
    """Return what is ahead of an issue, by the clock of the installation.

    *templates* is the hash of the templates in use, where it is known already.
    """
    newsletter, now = store.newsletter_of(session, issue), app.clock()
    templates = _templates(app, [issue]) if templates is None else templates
    editorial = approval.editorial_standing(session, issue, templates=templates)
    dated = store.dated(issue, newsletter)
    if issue.state is not IssueState.BUILT:
        goes_on = issue.state is IssueState.PREPARED and service_is_up(session, now)
        return IssueOutlook(dated=dated, editorial=editorial, goes_on=goes_on)
    is_correction = issue.corrects_issue_id is not None
    leaves = None if is_correction else leaves_at(session, newsletter, issue.period, now)
    says = "It doesn't go out by itself, because a correction has no place in the schedule."
    if not is_correction:
        says = _says(session, newsletter, leaves, now, approved=editorial.approved)
    return IssueOutlook(
        dated=dated,
        editorial=editorial,
        would_get=_would_get(session, issue, newsletter, now),
        leaves_at=leaves,
        says=says,
        next_step=_next_step(session, issue, leaves, now, approved=editorial.approved),
    )


def _templates(app: App, issues: Sequence[Issue]) -> str:
    """Return the hash of the templates in use, which an approval of a built issue is bound to.

    It is empty where no issue is only built: the templates, and all that reads them, aren't needed.
    """
    if not any(issue.state is IssueState.BUILT for issue in issues):
        return ""
    return provenance.template_hash(app.issues.template_sources())


def _would_get(session: Session, issue: Issue, newsletter: Newsletter, now: datetime) -> int | None:
    try:
        return count_audience(session, issue, newsletter.slug, now).readers
    except WrongState:  # a correction of what is on its way again
        return None


def moment_words(newsletter: Newsletter, at: datetime) -> str:
    """Return a moment in the newsletter's time zone: "Tuesday, 1 December 2026 at 09:00 (UTC)"."""
    local = newsletter.cadence().local(at)
    return f"{local:%A}, {long_date(local.date(), 'en')} at {local:%H:%M} ({newsletter.timezone})"


def _says(
    session: Session,
    newsletter: Newsletter,
    leaves: datetime | None,
    now: datetime,
    *,
    approved: bool,
) -> str:
    if leaves is None:
        why = "its due time has passed" if newsletter.running else "the schedule is paused"
        return f"It doesn't go out by itself: {why}."
    it = "It goes out" if approved else "Once approved, it goes out"
    if leaves <= now:
        return f"{it} by itself within a minute, if digest run is running."
    there = "it is" if service_is_up(session, now) else "it isn't"
    when = moment_words(newsletter, leaves)
    return f"{it} by itself on {when}, if digest run is running then ({there} now)."


def _next_step(
    session: Session, issue: Issue, leaves: datetime | None, now: datetime, *, approved: bool
) -> str:
    if not approved and draft_history.went_on(session, issue):
        return f"{build_again(issue)}; then digest approve {named(issue)}"
    if not approved:
        return f"digest approve {named(issue)}"
    if leaves is None:
        return f"digest send {named(issue)}"
    if not service_is_up(session, now):
        return f"digest run; or to send it now: digest send {named(issue)}"
    return f"nothing; to send it now: digest send {named(issue)}"


def service_is_up(session: Session, now: datetime) -> bool:
    """Return whether `digest run` has looked at the schedule lately."""
    row = session.get(JobRun, "issues")
    return row is not None and not job_facts(row, now)["overdue"]
