"""Newsletters, issues and editions as statements."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from digest.comparisons.models import Comparison, Contender, Revision, Tool
from digest.errors import NotFound
from digest.issues.choice import Featured
from digest.issues.models import Edition, Issue, IssueState, Newsletter, Placement

_CARRIED = (IssueState.BUILT, IssueState.PREPARED, IssueState.PAUSED, IssueState.SENT)


def newsletter(session: Session, slug: str) -> Newsletter:
    """Return the newsletter of that slug; raises `NotFound`."""
    found = session.exec(select(Newsletter).where(Newsletter.slug == slug)).one_or_none()
    if found is None:
        there = session.exec(select(Newsletter.slug).order_by(Newsletter.slug)).all()
        step = f"--newsletter takes: {', '.join(there)}" if there else "digest init"
        raise NotFound(f"no newsletter is called {slug}", next_step=step)
    return found


def newsletter_of(session: Session, issue: Issue) -> Newsletter:
    """Return the newsletter an issue belongs to."""
    return session.get_one(Newsletter, issue.newsletter_id)


def by_number(
    session: Session, newsletter_id: int | None, number: int, *, lock: bool = False
) -> Issue:
    """Return the issue of that number; raises `NotFound`.

    *lock* keeps it from others until the caller commits.
    """
    chosen = select(Issue).where(Issue.newsletter_id == newsletter_id, Issue.number == number)
    found = session.exec(chosen.with_for_update() if lock else chosen).one_or_none()
    if found is None:
        raise NotFound(f"there is no issue {number}", next_step="digest build")
    return found


def by_period(
    session: Session, newsletter_id: int | None, period: str, *, lock: bool = False
) -> Issue | None:
    """Return the issue of that period; *lock* keeps it from others until the caller commits."""
    chosen = select(Issue).where(Issue.newsletter_id == newsletter_id, Issue.period == period)
    return session.exec(chosen.with_for_update() if lock else chosen).one_or_none()


def issues(session: Session, newsletter_id: int | None) -> Sequence[Issue]:
    """Return every issue of a newsletter, the oldest first."""
    chosen = select(Issue).where(Issue.newsletter_id == newsletter_id)
    return session.exec(chosen.order_by(col(Issue.period))).all()


def next_number(session: Session, newsletter_id: int | None) -> int:
    """Return the number the next issue gets; numbers are never used twice."""
    highest = session.exec(
        select(func.max(col(Issue.number))).where(Issue.newsletter_id == newsletter_id)
    ).one()
    return (highest or 0) + 1


def editions(session: Session, issue: Issue) -> Sequence[Edition]:
    """Return every edition of an issue, the oldest first."""
    chosen = select(Edition).where(Edition.issue_id == issue.id)
    return session.exec(chosen.order_by(col(Edition.revision))).all()


def edition_of(session: Session, issue: Issue) -> Edition:
    """Return the issue's newest edition; raises `NotFound` when it carries nothing."""
    found = session.exec(
        select(Edition)
        .where(Edition.issue_id == issue.id)
        .order_by(col(Edition.revision).desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NotFound(f"the issue of {issue.period} carries nothing ({issue.state})")
    return found


def placements(session: Session, issue: Issue) -> Sequence[Placement]:
    """Return what an issue carries, in order."""
    chosen = select(Placement).where(Placement.issue_id == issue.id)
    return session.exec(chosen.order_by(col(Placement.position))).all()


def topics(session: Session, issue: Issue) -> list[str] | None:
    """Return the categories of what an issue carries, as they read then; ``None`` is for everybody.

    They come casefolded. It is for everybody as soon as one comparison has no category.
    """
    rows = session.exec(
        select(Placement.id, Contender.category)
        .join(Contender, col(Contender.revision_id) == col(Placement.revision_id))
        .where(Placement.issue_id == issue.id)
    ).all()
    found: dict[int | None, set[str]] = {}
    for placement, category in rows:
        found.setdefault(placement, set()).update([category.casefold()] if category else [])
    return sorted(set().union(*found.values())) if found and all(found.values()) else None


def history(session: Session, newsletter_id: int | None) -> list[Featured]:
    """Return what each issue of a newsletter carried, the oldest first."""
    rows = session.exec(
        select(Issue.period, Comparison.slug, Tool.slug)
        .join(Placement, col(Placement.issue_id) == col(Issue.id))
        .join(Comparison, col(Comparison.id) == col(Placement.comparison_id))
        .join(Revision, col(Revision.id) == col(Placement.revision_id))
        .join(Contender, col(Contender.revision_id) == col(Revision.id))
        .join(Tool, col(Tool.id) == col(Contender.tool_id))
        .where(Issue.newsletter_id == newsletter_id, col(Issue.state).in_(_CARRIED))
        .order_by(col(Issue.period))
    ).all()
    periods: dict[str, tuple[set[str], set[str]]] = {}
    for period, comparison, tool in rows:
        carried = periods.setdefault(period, (set(), set()))
        carried[0].add(comparison)
        carried[1].add(tool)
    return [
        Featured(period=period, comparisons=frozenset(carried), tools=frozenset(tools))
        for period, (carried, tools) in periods.items()
    ]
