"""Which comparisons stand on one page of a list, the newest first, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, false, func, literal, or_, tuple_
from sqlalchemy import select as columns
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col, select

from digest.comparisons.models import Comparison, Contender, DirectoryEntry, Revision, Tool
from digest.comparisons.store import ComparisonSummary, is_newest_revision, summaries
from digest.directory.publication import PublicTerms, Terms, public_comparisons
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


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which comparisons are asked for; an empty one asks for all."""

    query: str = ""  #: words that are in them
    category: str = ""  #: the slug of a category that a tool of theirs is in
    tool: str = ""  #: the slug of a tool that stands in them
    since: date | None = None  #: the earliest day


class ListPlace(NamedTuple):
    """Where a comparison stands in a list: the next part of the list begins after it."""

    rank: int  #: how well it fits the query, the best first
    day: date
    comparison_id: int


@dataclass(frozen=True, kw_only=True)
class ListPart:
    """A part of a list of comparisons; *last* is ``None`` where nothing comes after it."""

    summaries: Sequence[ComparisonSummary]
    last: ListPlace | None


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
    chosen, rank = _chosen(session, terms, Filters(query=query, category=category))
    counted = chosen.with_only_columns(func.count())
    total = session.connection().execute(counted).scalar_one()
    first = [] if rank is None else [rank]
    page = chosen.order_by(*first, *NEWEST).offset((number - 1) * PER_PAGE).limit(PER_PAGE)
    return Listing(revisions=_revisions(session, page), number=number, total=total)


def part_of_list(
    session: Session,
    terms: Terms,
    filters: Filters,
    *,
    at_most: int,
    after: ListPlace | None = None,
) -> ListPart:
    """Return a part of the list that `find` has, from its beginning or from *after* a place on.

    What is added or withdrawn meanwhile moves nothing else from one part to another.
    """
    chosen, order = _chosen(session, terms, filters)
    rank = literal(0) if order is None else order
    day, number = col(DirectoryEntry.day), col(DirectoryEntry.comparison_id)
    if after is not None:
        older = tuple_(day, number) < tuple_(literal(after.day), literal(after.comparison_id))
        chosen = chosen.where(or_(rank > after.rank, (rank == after.rank) & older))
    page = chosen.with_only_columns(rank, day, number)
    if order is not None:
        page = page.order_by(order)
    rows = session.connection().execute(page.order_by(*NEWEST).limit(at_most + 1)).all()
    places = [ListPlace(*row) for row in rows[:at_most]]
    ids = [place.comparison_id for place in places]
    found = {each.comparison_id: each for each in summaries(session, ids)}
    return ListPart(
        summaries=[found[id_] for id_ in ids], last=places[-1] if len(rows) > at_most else None
    )


def _chosen(
    session: Session, terms: Terms, filters: Filters
) -> tuple[Select[Any], ColumnElement[int] | None]:
    """Return a query for the comparisons that are asked for, and how well each fits the words."""
    search = Search(session, filters.query) if filters.query.strip() else None
    chosen = public_comparisons(terms)
    if search:
        chosen = chosen.where(search.condition)
    if filters.category:
        chosen = chosen.where(_stands_in(filters.category))
    if filters.tool:
        chosen = chosen.where(_compares(filters.tool))
    if filters.since:
        chosen = chosen.where(col(DirectoryEntry.day) >= filters.since)
    return chosen, search.order if search and search.has_words else None


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


def _compares(tool: str) -> ColumnElement[bool]:
    if not tool.isprintable():
        return false()
    return col(Comparison.id).in_(
        columns(col(Revision.comparison_id))
        .join(Comparison, is_newest_revision())
        .join(Contender, col(Contender.revision_id) == col(Revision.id))
        .join(Tool, col(Tool.id) == col(Contender.tool_id))
        .where(col(Tool.slug) == tool)
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
