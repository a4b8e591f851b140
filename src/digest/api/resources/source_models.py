"""How a source, its pages and what it proposes are shown as JSON.

The fields are those of the commands' ``--json``, which come from the same functions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from digest.comparisons.editing import Change
from digest.sources import AcceptRule, PageOutcome, ProposalKind, SourceKind

_RULE = "What is accepted without an editor; a withdrawal never is."


class SourceEntry(BaseModel):
    """A site, feed, page or JSON address that is followed."""

    id: int
    url: str
    kind: SourceKind
    match: str | None = Field(description="The pattern of the pages that are followed.")
    newsletter: str | None = Field(description="The only newsletter that picks from it.")
    accept: AcceptRule = Field(description=_RULE)
    paused: bool
    added_at: datetime
    last_poll_at: datetime | None
    next_poll_at: datetime | None = Field(description="Null while it's paused.")
    under_way: bool = Field(description="Whether a poll is under way.")
    ok: bool = Field(description="Whether the last poll could do its work.")
    result: str = Field(description="The last poll in a line, for people.")
    pages: int
    refused: int = Field(description="Pages that no comparison could be read from.")
    waiting: int = Field(description="Proposals that wait for an editor.")


class SourceList(BaseModel):
    """The sources."""

    items: list[SourceEntry]


class SourcePageEntry(BaseModel):
    """A page of a source: what was found when, and why it was refused."""

    url: str
    outcome: PageOutcome | None = Field(description="Null for a page that wasn't read yet.")
    reason: str | None = Field(description="Why no comparison was read, for people.")
    line: int | None
    checked_at: datetime | None
    comparison: str | None = Field(description="The slug of its comparison.")


class SourceDetail(SourceEntry):
    """A source with its pages."""

    page_list: list[SourcePageEntry]


class AddedSource(SourceEntry):
    """A source that was just added."""

    found: int = Field(description="Pages that will be followed.")
    left_out: int = Field(description="Pages that are listed there, and won't.")


class RemovedSource(BaseModel):
    """A source that isn't followed any more."""

    id: int
    removed: bool
    proposals_deleted: int


class ProposalEntry(BaseModel):
    """What a source wants to change."""

    id: int
    source: int
    url: str = Field(description="The page.")
    kind: ProposalKind
    title: str
    comparison: str | None = Field(description="The slug of the stored comparison.")
    found_at: datetime
    warnings: list[str] = Field(description="What looks odd in it, for people.")
    changes: list[Change] = Field(description="Each field in which a revision differs.")


class ProposalDetail(ProposalEntry):
    """What a source wants to change, with the whole content."""

    content: dict[str, Any] | None = Field(
        description="What would be stored, in the comparison format; null for a withdrawal."
    )


class AcceptedAnswer(BaseModel):
    """What accepting a proposal did."""

    proposal: int
    kind: ProposalKind
    comparison: str = Field(description="The comparison's slug.")
    revision: int | None = Field(description="Its newest revision; null for a withdrawal.")
    warnings: list[str]


class DismissedAnswer(BaseModel):
    """A proposal that was dismissed."""

    proposal: int
    dismissed: bool
    why: str
