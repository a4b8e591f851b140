"""When a comparison is public: from its own day, or only from the issue that carries it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import Session, col, select

from digest.comparisons import store as comparisons
from digest.comparisons.models import Comparison, Revision
from digest.errors import ComparisonWithdrawn, NotFound
from digest.issues.models import Issue, Placement

_EARLIEST_ZONE = timedelta(hours=14)


@dataclass(frozen=True, kw_only=True)
class PublicTerms:
    """The terms on which an installation shows comparisons."""

    now: datetime
    with_issue: bool = False  #: only what an issue carried; else what has reached its day too

    @property
    def day(self) -> date:
        """Return the latest day that has begun anywhere on earth."""
        return (self.now + _EARLIEST_ZONE).date()


def is_public(terms: PublicTerms) -> ColumnElement[bool]:
    """Return the condition that a comparison, joined with its newest revision, is public.

    A comparison is public once the audience of an issue that carries it was frozen, and unless
    ``terms.with_issue`` also from its own day on, or from its import where it has none. One that
    was withdrawn isn't public.
    """
    carried = (
        select(Issue.id)
        .join(Placement, col(Placement.issue_id) == col(Issue.id))
        .where(
            col(Placement.comparison_id) == col(Comparison.id),
            col(Issue.prepared_at).is_not(None),
        )
        .correlate(Comparison)
        .exists()
    )
    published_on = col(Revision.published_on)
    due = or_(published_on.is_(None), published_on <= terms.day)
    return and_(
        col(Comparison.withdrawn_at).is_(None), carried if terms.with_issue else or_(due, carried)
    )


def public_revision(session: Session, slug: str, terms: PublicTerms) -> Revision:
    """Return the newest revision of a public comparison.

    Raises `NotFound`, also for one that isn't public yet, and `ComparisonWithdrawn`.
    """
    if not slug.isprintable():  # PostgreSQL refuses a parameter that holds a NUL
        raise NotFound("no comparison has such a name")
    comparison = comparisons.by_slug(session, slug)
    if comparison.withdrawn_at is not None:
        raise ComparisonWithdrawn
    revision = session.exec(
        select(Revision)
        .join(Comparison, comparisons.is_newest_revision())
        .where(col(Comparison.id) == comparison.id, is_public(terms))
    ).one_or_none()
    if revision is None:
        raise NotFound(f"{slug} isn't out yet")
    return revision


def newest_public(session: Session, terms: PublicTerms, *, at_most: int) -> Sequence[Revision]:
    """Return the newest revisions of public comparisons, those with the latest day first."""
    day = func.coalesce(col(Revision.published_on), func.date(Comparison.first_imported_at))
    chosen = (
        select(Revision)
        .join(Comparison, comparisons.is_newest_revision())
        .where(is_public(terms))
        .order_by(day.desc(), col(Comparison.id).desc())
    )
    return session.exec(chosen.limit(at_most)).all()
