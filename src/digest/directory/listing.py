"""Which comparisons stand on one page of a list, the newest first, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, false, func, or_, true
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col, select

from digest.comparisons.models import Comparison, DirectoryEntry, Revision
from digest.comparisons.store import is_newest_revision
from digest.directory.publication import PublicTerms, public_comparisons
from digest.directory.search import Search

PER_PAGE = 24
NEWEST = (col(DirectoryEntry.day).desc(), col(DirectoryEntry.comparison_id).desc())


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One page of a list of comparisons."""

    revisions: Sequence[Revision]  #: the newest of each comparison, with contenders and verdicts
    number: int  #: of this page, from 1
    total: int  #: comparisons on all pages

    @property
    def pages(self) -> int:
        """The number of pages; an empty list has one."""
        return page_count(self.total, PER_PAGE)


def page_count(total: int, per_page: int) -> int:
    """Return how many pages a list of *total* has, at least one."""
    return max(1, -(-total // per_page))


def find(
    session: Session, terms: PublicTerms, *, query: str = "", category: str = "", number: int = 1
) -> Listing:
    """Return a page of the public comparisons, those with *query* in them and of *category*.

    *category* is a slug. Without a query the newest come first, else as `Search` orders them. A
    page past the last one is empty.
    """
    search = Search(session, query) if query.strip() else None
    chosen = public_comparisons(terms).where(
        search.condition if search else true(), _stands_in(category) if category else true()
    )
    counted = chosen.with_only_columns(func.count())
    total = session.connection().execute(counted).scalar_one()
    first = [search.order] if search and total else []
    page = chosen.order_by(*first, *NEWEST).offset((number - 1) * PER_PAGE).limit(PER_PAGE)
    return Listing(revisions=_revisions(session, page), number=number, total=total)


def newest_public(session: Session, terms: PublicTerms, *, at_most: int) -> Sequence[Revision]:
    """Return the newest revisions of public comparisons, those with the latest day first."""
    return _revisions(session, public_comparisons(terms).order_by(*NEWEST).limit(at_most))


def _stands_in(category: str) -> ColumnElement[bool]:
    if not category.isprintable():  # PostgreSQL refuses a parameter that holds a NUL
        return false()
    return or_(
        col(DirectoryEntry.left_category) == category,
        col(DirectoryEntry.right_category) == category,
    )


def _revisions(session: Session, chosen: Select[Any]) -> list[Revision]:
    """Return the newest revisions of the comparisons that *chosen* names, in its order."""
    ids = session.connection().execute(chosen).scalars().all()
    rows = session.exec(
        select(Revision, Comparison)
        .join(Comparison, is_newest_revision())
        .where(col(Comparison.id).in_(ids))
    ).all()
    for revision, comparison in rows:
        set_committed_value(revision, "comparison", comparison)  # else it is read again for each
    by_id = {comparison.id: revision for revision, comparison in rows}
    return [by_id[id_] for id_ in ids]
