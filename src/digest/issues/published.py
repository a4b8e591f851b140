"""What the public may see of issues: those whose audience was frozen, never a draft."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func
from sqlalchemy import select as columns
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from digest.comparisons.models import Comparison, Revision
from digest.errors import NotFound
from digest.issues.models import Edition, Issue, IssueState, Newsletter, Placement
from digest.issues.period import day_of

#: A cancelled issue has a page for those who got it before, and is shown to nobody else.
_SHOWN = (IssueState.PREPARED, IssueState.PAUSED, IssueState.SENT)


class PublishedIssue(NamedTuple):
    """One issue in short."""

    id: int
    number: int
    day: date
    subject: str


def newsletters(session: Session) -> Sequence[Newsletter]:
    """Return every newsletter, the oldest first."""
    return session.exec(select(Newsletter).order_by(col(Newsletter.id))).all()


def published(
    session: Session, newsletter: Newsletter, *, at_most: int = 1000
) -> list[PublishedIssue]:
    """Return a newsletter's issues, the newest first."""
    found = _editions(newsletter).where(col(Issue.state).in_(_SHOWN)).limit(at_most)
    return [_in_short(row, newsletter) for row in session.connection().execute(found)]


def latest(session: Session, newsletter: Newsletter) -> PublishedIssue | None:
    """Return the newest issue there is to read."""
    return next(iter(published(session, newsletter, at_most=1)), None)


def public(session: Session, newsletter: Newsletter, number: int) -> PublishedIssue:
    """Return an issue one may look at; raises `NotFound` for a draft as for none."""
    found = _editions(newsletter).where(col(Issue.number) == number)
    row = session.connection().execute(found).first()
    if row is None:
        raise NotFound(f"no issue {number} has been sent")
    return _in_short(row, newsletter)


def around(
    session: Session, newsletter: Newsletter, number: int
) -> tuple[PublishedIssue | None, PublishedIssue | None]:
    """Return the issues before and after one, as far as there are any."""
    shown = _editions(newsletter).where(col(Issue.state).in_(_SHOWN))
    connection = session.connection()
    before = connection.execute(shown.where(col(Issue.number) < number).limit(1)).first()
    upwards = shown.where(col(Issue.number) > number).order_by(None).order_by(col(Issue.number))
    after = connection.execute(upwards.limit(1)).first()
    older = _in_short(before, newsletter) if before else None
    return older, _in_short(after, newsletter) if after else None


def frozen_html(session: Session, issue_id: int) -> str:
    """Return the mail of an issue that `public` has let through, with the readers' tags in it."""
    found = select(Edition.html).where(Edition.issue_id == issue_id, _newest())
    return session.exec(found).one()


def carried(session: Session, issue_id: int) -> Sequence[Revision]:
    """Return what an issue carries, as it read then, in order."""
    found = (
        select(Revision)
        .join(Placement, col(Placement.revision_id) == col(Revision.id))
        .where(Placement.issue_id == issue_id)
        .order_by(col(Placement.position))
    )
    return session.exec(found).all()


def was_carried(session: Session, comparison: Comparison) -> bool:
    """Tell whether an issue that went out carries a comparison."""
    found = (
        select(Issue.id)
        .join(Placement, col(Placement.issue_id) == col(Issue.id))
        .where(Placement.comparison_id == comparison.id, col(Issue.prepared_at).is_not(None))
    )
    return session.exec(found.limit(1)).first() is not None


def _editions(newsletter: Newsletter) -> Select[*tuple[Any, ...]]:
    return (
        columns(
            col(Issue.id),
            col(Issue.number),
            col(Issue.period),
            col(Issue.pick)["day"].as_string().label("day"),
            col(Edition.subject),
        )
        .join(Edition, (col(Edition.issue_id) == col(Issue.id)) & _newest())
        .where(
            col(Issue.newsletter_id) == newsletter.id,
            col(Issue.prepared_at).is_not(None),
            col(Issue.number).is_not(None),
        )
        .order_by(col(Issue.number).desc())
    )


def _newest() -> ColumnElement[bool]:
    """Hold for the edition that was sent: the last one made."""
    other = aliased(Edition)
    last = columns(func.max(col(other.id))).where(col(other.issue_id) == col(Edition.issue_id))
    return col(Edition.id) == last.correlate(Edition).scalar_subquery()


def _in_short(row: Any, newsletter: Newsletter) -> PublishedIssue:
    day = date.fromisoformat(row.day) if row.day else day_of(row.period, newsletter.weekday)
    return PublishedIssue(row.id, row.number, day, row.subject)
