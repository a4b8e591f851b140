"""When a comparison is public: from its own day, or only from the issue that carries it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, case, func, or_, true
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from digest.comparisons import store as comparisons
from digest.comparisons.models import Comparison, DirectoryEntry, Revision
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


class EditorsTerms(NamedTuple):
    """The terms on which editors and their programs see comparisons: every one there is."""


Terms = PublicTerms | EditorsTerms


class DirectoryState(NamedTuple):
    """What the public comparisons follow from: while it stays the same, so do they."""

    day: date
    revisions: int
    withdrawn: int
    withdrawn_ids: int  #: their sum
    last_withdrawn: datetime | None
    issues: int  #: whose audience was frozen
    last_issue: datetime | None


def directory_state(session: Session, terms: PublicTerms) -> DirectoryState:
    """Return what the public comparisons follow from at this moment, by one short statement.

    Revisions are counted by the numbers of the newest ones: ids may be committed out of order.
    """
    gone = col(Comparison.withdrawn_at)
    frozen = columns(func.count(), func.max(col(Issue.prepared_at)))
    issues = frozen.where(col(Issue.prepared_at).is_not(None)).subquery()
    asked = columns(
        func.coalesce(func.sum(col(Comparison.latest)), 0),
        func.count(gone),
        func.coalesce(func.sum(case((gone.is_not(None), col(Comparison.id)))), 0),
        func.max(gone),
    ).subquery()
    row = (
        session.connection().execute(columns(asked, issues).join_from(asked, issues, true())).one()
    )
    return DirectoryState(terms.day, *row)


def public_comparisons(terms: Terms) -> Select[Any]:
    """Return a query for the ids of the public comparisons, joined with their directory entries.

    A comparison is public once the audience of an issue that carries it was frozen, and unless
    ``terms.with_issue`` also from its own day on, or from its import where it has none. One that
    was withdrawn isn't public. To editors every one is.
    """
    if isinstance(terms, EditorsTerms):
        return _entries()
    return _came_out(terms).where(col(Comparison.withdrawn_at).is_(None))


def _came_out(terms: PublicTerms) -> Select[Any]:
    carried = col(Comparison.id).in_(
        columns(col(Placement.comparison_id))
        .join(Issue, col(Issue.id) == col(Placement.issue_id))
        .where(col(Issue.prepared_at).is_not(None))
    )
    due = col(DirectoryEntry.day) <= terms.day
    return _entries().where(carried if terms.with_issue else or_(due, carried))


def _entries() -> Select[Any]:
    return columns(col(Comparison.id)).join(
        DirectoryEntry, col(DirectoryEntry.comparison_id) == col(Comparison.id)
    )


def public_revision(session: Session, slug: str, terms: PublicTerms) -> Revision:
    """Return the newest revision of a public comparison.

    Raises `NotFound`, also for one that isn't public yet or was withdrawn before it was, and
    `ComparisonWithdrawn`.
    """
    if not slug.isprintable():  # PostgreSQL refuses a parameter that holds a NUL
        raise NotFound("no comparison has such a name")
    comparison = comparisons.by_slug(session, slug)
    withdrawn = comparison.withdrawn_at
    if withdrawn is not None:
        terms = replace(terms, now=min(terms.now, withdrawn.astimezone(UTC)))
    asked = _came_out(terms).where(col(Comparison.id) == comparison.id)
    if session.connection().execute(asked).first() is None:
        raise NotFound(f"{slug} isn't out yet")
    if withdrawn is not None:
        raise ComparisonWithdrawn
    return comparisons.latest(session, comparison)


def first_carried(session: Session, comparison: Comparison) -> datetime | None:
    """Return when the audience of the first issue that carries a comparison was frozen."""
    asked = (
        select(Issue.prepared_at)
        .join(Placement, col(Placement.issue_id) == col(Issue.id))
        .where(Placement.comparison_id == comparison.id, col(Issue.prepared_at).is_not(None))
        .order_by(col(Issue.prepared_at))
    )
    return session.exec(asked.limit(1)).first()
