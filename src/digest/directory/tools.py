"""Which tools stand in public comparisons, and in which of them one stood, with its shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Select, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from digest.comparisons.models import Comparison, Contender, DirectoryEntry, Revision, Tool
from digest.comparisons.store import is_newest_revision
from digest.directory.listing import NEWEST, PER_PAGE, page_count
from digest.directory.publication import PublicTerms, Terms, public_comparisons
from digest.errors import NotFound

TOOLS_PER_PAGE = 96
MOST_POINTS = 60  #: of a chart; the newest ones


class ToolCount(NamedTuple):
    """A tool, and in how many public comparisons it stands."""

    slug: str
    name: str
    comparisons: int


@dataclass(frozen=True, kw_only=True)
class ToolList:
    """One page of the tools, by name."""

    tools: Sequence[ToolCount]
    number: int  #: of this page, from 1
    total: int  #: tools on all pages

    @property
    def pages(self) -> int:
        """The number of pages; an empty list has one."""
        return page_count(self.total, TOOLS_PER_PAGE)


class Appearance(NamedTuple):
    """A tool as it stood in one comparison, against *other*."""

    slug: str  #: of the comparison
    day: date
    published_on: date | None
    name: str
    tagline: str
    category: str
    url: str | None
    share: float | None  #: percent of the panel that would ship
    other: str
    other_share: float | None


class SharePoint(NamedTuple):
    """A panel share in percent, and the day it was published or imported on."""

    day: date
    share: float


@dataclass(frozen=True, kw_only=True)
class ToolHistory:
    """One page of the comparisons a tool stood in, the newest first, and its newest shares."""

    newest: Appearance
    appearances: Sequence[Appearance]
    shares: Sequence[SharePoint]  #: of all pages, the oldest first
    number: int  #: of this page, from 1
    total: int  #: comparisons on all pages

    @property
    def pages(self) -> int:
        """The number of pages."""
        return page_count(self.total, PER_PAGE)


def tool_list(session: Session, terms: PublicTerms, *, number: int = 1) -> ToolList:
    """Return a page of the tools that stand in public comparisons; past the last one it is empty.

    They are sorted by slug, that is by name without regard to case and accents.
    """
    counted = _counted(terms).add_columns(func.count().over().label("total"))
    page = counted.offset((number - 1) * TOOLS_PER_PAGE).limit(TOOLS_PER_PAGE)
    rows = session.connection().execute(page).all()
    tools = [ToolCount(slug, name, uses) for slug, name, uses, _ in rows]
    return ToolList(tools=tools, number=number, total=rows[0].total if rows else 0)


def part_of_tools(
    session: Session, terms: Terms, *, at_most: int, after: str = ""
) -> list[ToolCount]:
    """Return the tools that `tool_list` has, those whose slug comes *after*."""
    rows = _counted(terms).where(col(Tool.slug) > after).limit(at_most)
    return [ToolCount(*row) for row in session.connection().execute(rows)]


def _counted(terms: Terms) -> Select[Any]:
    """Return a query for the tools by slug, each with the number of its comparisons."""
    fields: Sequence[Any] = (col(Tool.slug), col(Tool.name), func.count())
    tools = _contenders(terms).join(Tool, col(Tool.id) == col(Contender.tool_id))
    grouped = tools.with_only_columns(*fields).group_by(col(Tool.id), *fields[:2])
    return grouped.order_by(col(Tool.slug))


def tool_history(session: Session, terms: Terms, slug: str, *, number: int = 1) -> ToolHistory:
    """Return a page of a tool's history; raises `NotFound` for a tool in no public comparison."""
    if not slug.isprintable():  # PostgreSQL refuses a parameter that holds a NUL
        raise NotFound("no tool has such a name")
    run = session.connection().execute
    chosen = (
        _contenders(terms)
        .join(Tool, col(Tool.id) == col(Contender.tool_id))
        .where(col(Tool.slug) == slug)
    )
    total = run(chosen.with_only_columns(func.count())).scalar_one()
    if not total:
        raise NotFound(f"no public comparison has a tool {slug}")
    rows = _appearances(chosen).order_by(*NEWEST)
    page = run(rows.offset((number - 1) * PER_PAGE).limit(PER_PAGE)).all()
    newest = page[0] if page and number == 1 else run(rows.limit(1)).one()
    points: Sequence[Any] = run(
        chosen.with_only_columns(col(DirectoryEntry.day), col(Contender.panel_share))
        .where(col(Contender.panel_share).is_not(None))
        .order_by(*NEWEST)
        .limit(MOST_POINTS)
    ).all()
    return ToolHistory(
        newest=Appearance(*newest),
        appearances=[Appearance(*row) for row in page],
        shares=[SharePoint(*row) for row in reversed(points)],
        number=number,
        total=total,
    )


def _contenders(terms: Terms) -> Select[Any]:
    """Return a query over the contenders of the public comparisons' newest revisions."""
    return (
        public_comparisons(terms)
        .join(Revision, is_newest_revision())
        .join(Contender, col(Contender.revision_id) == col(Revision.id))
    )


def _appearances(chosen: Select[Any]) -> Select[Any]:
    other = aliased(Contender)
    across = (col(other.revision_id) == col(Revision.id)) & (col(other.side) != col(Contender.side))
    fields: Sequence[Any] = (
        col(Comparison.slug),
        col(DirectoryEntry.day),
        col(Revision.published_on),
        col(Contender.name),
        col(Contender.tagline),
        col(Contender.category),
        col(Contender.url),
        col(Contender.panel_share),
        func.coalesce(col(other.name), ""),
        col(other.panel_share),
    )
    return chosen.join(other, across, isouter=True).with_only_columns(*fields)
