"""The JSON of comparisons and tools, and what of it the public is shown.

The fields are those of `digest comparisons show --json`. What the public may read is named one by
one in the classes whose names begin with Public: a new column stays private until it is added.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field
from sqlmodel import Session

from digest.comparisons import store
from digest.comparisons.models import Call, Comparison, Entry, Revision, SourceForm
from digest.comparisons.serialize import facts_of, summary_of
from digest.comparisons.store import ComparisonSummary
from digest.directory import ToolHistory

_PANEL = "Percent of the panel that would ship; null where no vote was published."
_VISITORS = "Percent of the page's visitors who would ship; null for no votes."
_PAGE = "The address of its page on this site."


class ContenderEntry(BaseModel):
    """One side of a comparison in a list."""

    tool: str = Field(description="The tool's slug.", examples=["ravelin-coder-2"])
    name: str
    category: str
    panel_share: float | None = Field(description=_PANEL)


class PublicEntry(BaseModel):
    """A comparison in a list."""

    slug: str = Field(examples=["lintwick-vs-ravelin-coder-2"])
    title: str
    revision: int = Field(description="The number of the newest revision.")
    published_on: date | None
    imported_on: date = Field(description="When it was first read, in UTC.")
    page: str = Field(description=_PAGE)
    contenders: list[ContenderEntry] = Field(description="The left one, then the right one.")


class ComparisonEntry(PublicEntry):
    """A comparison in a list; what only a token is shown is missing without one."""

    weight: float = Field(1.0, description="The editors' weight. Only with a token.")
    withdrawn: bool = Field(False, description="Whether it was withdrawn. Only with a token.")


class ReviewerVerdict(BaseModel):
    """What one reviewer says of one tool."""

    seat: int = Field(description="The reviewer's seat on the panel, from 1.")
    quote: str
    call: Call | None = Field(description="Null where none was published.")
    reviewer: str | None = Field(description="The reviewer's name, where it was published.")


class ContenderFacts(BaseModel):
    """One side of a comparison."""

    side: str = Field(examples=["left"])
    tool: str = Field(description="The tool's slug.")
    category: str
    name: str
    tagline: str
    panel_share: float | None = Field(description=_PANEL)
    community_share: float | None = Field(description=_VISITORS)
    entry: Entry | None = Field(description="What it costs to start.")
    entry_text: str = Field(description="The published word for it.")
    description: str
    url: str | None
    ships: int | None = Field(description="Reviewers who would ship, by the panel share.")
    skips: int | None
    verdicts: list[ReviewerVerdict]


class PublicComparison(BaseModel):
    """A comparison with its verdicts."""

    slug: str = Field(examples=["lintwick-vs-ravelin-coder-2"])
    revision: int = Field(description="The number of the revision that is shown, the newest.")
    imported_at: datetime = Field(description="When that revision was stored.")
    kicker: str
    title: str
    question: str
    intro: str
    published_on: date | None
    url: str | None = Field(description="The full comparison, where it was published.")
    page: str = Field(description=_PAGE)
    seats: int = Field(description="Reviewers on the panel.")
    closing: list[str]
    leans: str | None = Field(description="The side that more of the panel would ship.")
    contenders: list[ContenderFacts] = Field(description="The left one, then the right one.")


class ComparisonFacts(PublicComparison):
    """A comparison with its verdicts; what only a token is shown is missing without one."""

    revisions: int = Field(0, description="How many there are. Only with a token.")
    withdrawn_at: datetime | None = Field(None, description="Only with a token.")
    withdrawn_why: str = Field("", description="Only with a token.")
    set_by_editors: dict[str, Any] = Field(
        {}, description="Values that an import leaves alone. Only with a token."
    )
    editor: str | None = Field(None, description="Who edited it last. Only with a token.")
    weight: float = Field(1.0, description="The editors' weight. Only with a token.")
    labels: list[str] = Field([], description="Only with a token.")
    form: SourceForm = Field(SourceForm.PAGE, description="Only with a token.")
    source: str = Field("", description="The text it was read from. Only with a token.")


class ToolEntry(BaseModel):
    """A tool in a list."""

    slug: str
    name: str
    comparisons: int = Field(description="How many it stands in.")


class ToolShare(BaseModel):
    """A tool's panel share on one day."""

    day: date
    share: float = Field(description="Percent of the panel that would ship.")


class ToolFacts(BaseModel):
    """A tool as its newest comparison shows it, with its panel shares over time."""

    slug: str
    name: str
    tagline: str
    category: str
    url: str | None
    page: str = Field(description=_PAGE)
    panel_share: float | None = Field(description=_PANEL)
    newest: str = Field(description="The slug of its newest comparison.")
    comparisons: int = Field(description="How many it stands in: `GET /comparisons?tool=` it.")
    shares: list[ToolShare] = Field(description="The oldest first; the newest 60.")


def entry_facts(summary: ComparisonSummary, base_url: str) -> dict[str, Any]:
    """Return a comparison in a list, as `ComparisonEntry` and `PublicEntry` take it."""
    return {**summary_of(summary), "page": _page_of(base_url, summary.slug)}


def comparison_facts(comparison: Comparison, revision: Revision, base_url: str) -> dict[str, Any]:
    """Return one revision, as `ComparisonFacts` and `PublicComparison` take it."""
    return {**facts_of(comparison, revision), "page": _page_of(base_url, comparison.slug)}


def comparison_shown(session: Session, slug: str, base_url: str) -> ComparisonFacts:
    """Return a comparison as a token is shown it, whose ETag a change names; raises `NotFound`."""
    comparison = store.by_slug(session, slug)
    newest = store.latest(session, comparison)
    return ComparisonFacts.model_validate(comparison_facts(comparison, newest, base_url))


def tool_facts(slug: str, history: ToolHistory, base_url: str) -> ToolFacts:
    """Return a tool as its history shows it."""
    newest = history.newest
    return ToolFacts(
        slug=slug,
        name=newest.name,
        tagline=newest.tagline,
        category=newest.category,
        url=newest.url,
        page=f"{base_url}/tools/{slug}",
        panel_share=newest.share,
        newest=newest.slug,
        comparisons=history.total,
        shares=[ToolShare(day=point.day, share=point.share) for point in history.shares],
    )


def _page_of(base_url: str, slug: str) -> str:
    return f"{base_url}/comparisons/{slug}"
