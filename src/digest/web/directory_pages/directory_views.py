"""What the templates of lists, tools and categories may read, and how it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from digest.comparisons.directory_entry import category_slug
from digest.comparisons.models import Revision
from digest.directory import Appearance, Listing, SharePoint, ToolHistory
from digest.issues.content import ContenderView, contender_views, verdict_line
from digest.render.escaping import one_line
from digest.render.filters import is_web_link
from digest.web.comparison_page import comparison_path
from subscribers.locale import short_date

_STEPS = 20  #: of a small bar, which the style sheet has a class for each


@dataclass(frozen=True, kw_only=True)
class Paging:
    """Where a page stands among those of its list, with the paths of its neighbours, or empty."""

    number: int
    pages: int
    newer: str
    older: str


@dataclass(frozen=True, kw_only=True)
class EntrySideView:
    """One tool of a comparison in a list; *bar* is the class of its small bar, or empty."""

    name: str
    share: float | None  #: percent
    bar: str


@dataclass(frozen=True, kw_only=True)
class EntryView:
    """A comparison in a list."""

    url: str
    sides: Sequence[EntrySideView]
    verdict: str
    category: str
    date: str  #: of publishing, empty when it isn't known


@dataclass(frozen=True, kw_only=True)
class ListView:
    """A page of comparisons: all of them, those of a category, or those that were searched for."""

    entries: Sequence[EntryView]
    total: int
    paging: Paging
    query: str = ""
    category: str = ""  #: its name
    category_slug: str = ""


@dataclass(frozen=True, kw_only=True)
class AppearanceView:
    """A comparison that a tool stood in."""

    url: str
    date: str  #: of publishing, else of the import
    other: str
    share: float | None  #: percent, of the tool


@dataclass(frozen=True, kw_only=True)
class ShareChart:
    """The line through panel shares over time, in a box of 100 by 100."""

    line: str  #: the path of an SVG
    dots: str  #: the same for its points
    first: str  #: the day at its left end
    last: str


@dataclass(frozen=True, kw_only=True)
class ToolPage:
    """What the site knows of a tool."""

    name: str
    tagline: str
    category: str
    category_slug: str
    url: str  #: the tool's own page, or empty
    total: int  #: comparisons
    appearances: Sequence[AppearanceView]
    chart: ShareChart | None
    paging: Paging


def paging(path: str, number: int, pages: int, **asked: str) -> Paging:
    """Return a page's place; *asked* is the rest of the query of each page's address."""

    def at(other: int) -> str:
        if not 1 <= other <= pages:
            return ""
        told = {**asked, "page": str(other) if other > 1 else ""}
        query = urlencode({name: value for name, value in told.items() if value})
        return f"{path}?{query}" if query else path

    return Paging(number=number, pages=pages, newer=at(number - 1), older=at(number + 1))


def list_view(
    found: Listing, path: str, language: str, *, query: str = "", category: str = ""
) -> ListView:
    """Return the view of a page of comparisons; *category* is a slug."""
    sides = (side for revision in found.revisions for side in revision.contenders)
    names = (side.category for side in sides if category_slug(side.category) == category)
    asked = {"q": query, "category": category} if path == "/comparisons" else {}
    return ListView(
        entries=[entry_view(revision, language) for revision in found.revisions],
        total=found.total,
        paging=paging(path, found.number, found.pages, **asked),
        query=query,
        category=one_line(next(names, "")) if category else "",
        category_slug=category,
    )


def entry_view(revision: Revision, language: str) -> EntryView:
    """Return a comparison as it stands in a list."""
    contenders = contender_views(revision, language)
    line = verdict_line(contenders, language)
    categories = dict.fromkeys(side.category for side in contenders if side.category)
    return EntryView(
        url=comparison_path(revision.comparison.slug),
        sides=[_side(contender) for contender in contenders],
        verdict=" ".join(filter(None, line)),
        category=" / ".join(categories),
        date=short_date(revision.published_on, language) if revision.published_on else "",
    )


def _side(contender: ContenderView) -> EntrySideView:
    share = contender.panel_share
    return EntrySideView(
        name=contender.name, share=share, bar="" if share is None else f"w{bar_steps(share)}"
    )


def bar_steps(share: float) -> int:
    """Return a share in steps of a small bar, which is only empty at 0 and only full at 100."""
    if share in (0, 100):
        return round(share / 100 * _STEPS)
    return min(_STEPS - 1, max(1, round(share / 100 * _STEPS)))


def tool_page_view(history: ToolHistory, slug: str, language: str) -> ToolPage:
    """Return the page of a tool, its dates in *language*."""
    newest = history.newest
    return ToolPage(
        name=one_line(newest.name),
        tagline=one_line(newest.tagline),
        category=one_line(newest.category),
        category_slug=category_slug(newest.category),
        url=newest.url if newest.url and is_web_link(newest.url) else "",
        total=history.total,
        appearances=[_appearance(row, language) for row in history.appearances],
        chart=share_chart(history.shares, language),
        paging=paging(f"/tools/{slug}", history.number, history.pages),
    )


def _appearance(row: Appearance, language: str) -> AppearanceView:
    return AppearanceView(
        url=comparison_path(row.slug),
        date=short_date(row.day, language),
        other=one_line(row.other),
        share=row.share,
    )


def share_chart(shares: Sequence[SharePoint], language: str) -> ShareChart | None:
    """Return the chart of shares, the oldest first; ``None`` unless they are of several days."""
    if not shares or shares[0].day == shares[-1].day:
        return None
    first, last = shares[0].day, shares[-1].day
    days = (last - first).days
    points = [
        f"{100 * (point.day - first).days / days:.4g} {100 - point.share:.4g}" for point in shares
    ]
    return ShareChart(
        line="M" + "L".join(points),
        dots="".join(f"M{point}h0" for point in points),
        first=short_date(first, language),
        last=short_date(last, language),
    )
