"""Tables of the sites that are followed: sources, the pages they list, and what is proposed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, String, Text, UniqueConstraint
from sqlmodel import Field

from digest.comparisons.models import SourceForm
from subscribers.sql import TableModel, closed_set, partial_index

MAX_URL = 2_000  #: characters
MAX_MATCH = 400  #: characters


class SourceKind(StrEnum):
    """What is read to learn which pages a source has."""

    SITEMAP = "sitemap"  #: a sitemap, or an index of sitemaps: all pages there are
    FEED = "feed"  #: an RSS or Atom feed: the newest pages only
    PAGE = "page"  #: a page: a comparison itself, or the links to others
    JSON = "json"  #: an address that answers a comparison in JSON


class AcceptRule(StrEnum):
    """Which proposals of a source are accepted without an editor; a withdrawal never is."""

    NONE = "none"  #: an editor decides on each
    CHANGES = "changes"  #: a page's changes of the comparison that it is already
    ALL = "all"  #: new comparisons as well


class PageOutcome(StrEnum):
    """What the last look at a page found."""

    NEW = "new"  #: a comparison that wasn't known
    CHANGED = "changed"  #: another content than before
    UNCHANGED = "unchanged"  #: the same content
    REFUSED = "refused"  #: no comparison can be read from it; tried again when it changes
    FAILED = "failed"  #: it couldn't be fetched; tried again at the next poll
    GONE = "gone"  #: it's no longer there


class ProposalKind(StrEnum):
    """What a source wants to change."""

    NEW = "new"  #: a comparison that isn't stored
    REVISION = "revision"  #: a stored comparison has other words on its page
    WITHDRAWAL = "withdrawal"  #: the page of a stored comparison is gone


class ProposalDecision(StrEnum):
    """What became of a proposal."""

    ACCEPTED = "accepted"
    DISMISSED = "dismissed"


class Source(TableModel, table=True):
    """A site, feed, page or JSON address that is followed."""

    id: int | None = Field(default=None, primary_key=True)
    url: str = Field(unique=True, sa_type=String(MAX_URL))
    kind: SourceKind = Field(sa_type=closed_set(SourceKind))
    #: A pattern of addresses; empty for all.
    match: str = Field(default="", sa_type=String(MAX_MATCH))
    #: Slug of the only newsletter that picks its comparisons; empty for any.
    newsletter: str = Field(default="", sa_type=String(64))
    accept: AcceptRule = Field(default=AcceptRule.NONE, sa_type=closed_set(AcceptRule))
    added_at: datetime
    paused_at: datetime | None = None
    next_poll_at: datetime
    #: Since when a poll is under way; a poll that was cut off goes on from the pages it has left.
    poll_began_at: datetime | None = None
    listed_at: datetime | None = None  #: when its pages were last listed
    listed_all: bool = False  #: whether that list had every page there is
    owner: str | None = Field(default=None, sa_type=String(200))  #: the process that polls it
    lease_until: datetime | None = None
    etag: str = Field(default="", sa_type=String(400))  #: of the listing
    last_modified: str = Field(default="", sa_type=String(100))
    last_poll_at: datetime | None = None  #: when the last poll ended
    ok: bool = True  #: whether the last poll could do its work
    result: str = Field(default="", sa_type=Text)  #: the last poll in a line


class SourcePage(TableModel, table=True):
    """One page of a source: how it was when it was last read, and what became of it."""

    __tablename__ = "source_page"
    __table_args__ = (UniqueConstraint("source_id", "url"),)

    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(foreign_key="source.id")
    url: str = Field(sa_type=String(MAX_URL))
    listed_at: datetime  #: when the source last listed it
    checked_at: datetime | None = None  #: when it was last asked for
    outcome: PageOutcome | None = Field(default=None, sa_type=closed_set(PageOutcome))
    refusal: str = Field(default="", sa_type=Text)  #: why no comparison was read
    line: int | None = None  #: on which line, from 1
    absent: int = 0  #: signs in a row that it's gone; two are enough
    etag: str = Field(default="", sa_type=String(400))
    last_modified: str = Field(default="", sa_type=String(100))
    body_hash: str = Field(default="", sa_type=String(64))  #: SHA-256 of the body
    fingerprint: str = Field(default="", sa_type=String(64))  #: of the content last read from it
    comparison_id: int | None = Field(default=None, foreign_key="comparison.id", index=True)


class Proposal(TableModel, table=True):
    """What a source wants to change; nothing of it is published before it is accepted."""

    __table_args__ = (
        partial_index(
            "ix_proposal_waiting",
            "page_id",
            unique=True,
            where="decided_at IS NULL",
        ),
        Index("ix_proposal_decided_at", "decided_at"),
        # No proposal gets the number of an earlier one, which an editor may still see.
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(foreign_key="source.id", index=True)
    page_id: int = Field(foreign_key="source_page.id", index=True)
    kind: ProposalKind = Field(sa_type=closed_set(ProposalKind))
    title: str = Field(sa_type=String(400))
    found_at: datetime
    comparison_id: int | None = Field(default=None, foreign_key="comparison.id", index=True)
    form: SourceForm | None = Field(default=None, sa_type=closed_set(SourceForm))
    #: The keys and values of the comparison's file; empty once decided, and for a withdrawal.
    draft: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    source_text: str = Field(default="", sa_type=Text)  #: what it was read from, until decided
    warnings: list[str] = Field(default_factory=list, sa_type=JSON)
    decision: ProposalDecision | None = Field(default=None, sa_type=closed_set(ProposalDecision))
    decided_at: datetime | None = None
    by: str = Field(default="", sa_type=String(200))  #: who decided
    by_rule: bool = False  #: whether the source's rule did, without a person
    why: str = Field(default="", sa_type=Text)
