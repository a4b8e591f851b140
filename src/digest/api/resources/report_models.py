"""How an issue's numbers, and the votes on a comparison, are shown as JSON.

The fields are those of `digest report --json` and `digest votes --json`; docs/numbers.md says what
each number means.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from pydantic import BaseModel, Field

from digest.delivery.reporting import LinkStatistics, ProviderStatistics
from digest.issues.models import Tracking
from digest.reports import EditionRow, LinkRow, SectionRow
from digest.votes import HeldReason, ScanSign
from subscribers.list_statistics import AudienceCounts

_SURELY = "Surely by a reader: not by a program that follows links."


class IssueNumbers(BaseModel):
    """What became of the copies of one issue: readers, unless a field says otherwise."""

    accepted: int
    delivered: int
    failures_only: bool = Field(
        description="The mail server tells of failures only, so delivered is what didn't return."
    )
    deferred: int
    bounced: int
    blocked: int
    dropped: int
    complained: int
    left: int = Field(description="Readers who left by the mail program's own button.")
    late_bounces: int
    opened_people: int
    opened_machines: int
    clicked_surely: int = Field(description=_SURELY)
    clicked_all: int
    clicks_surely: int = Field(description=f"Clicks, not readers. {_SURELY}")
    clicks_all: int
    links: list[LinkStatistics]
    providers: list[ProviderStatistics]
    causes: Mapping[str, int] = Field(description="Readers by the cause of a failure.")
    timeline: list[tuple[int, int]] = Field(
        description="Minutes since 1970, each with the mails that were delivered in it."
    )
    unheard: int
    complaint_rate: float | None = Field(description="From 0 to 1; null for nothing delivered.")


class VotesOfADay(BaseModel):
    """The votes on a tool as they stood at the end of a day, in UTC."""

    day: date
    ships: int
    skips: int
    share: float | None = Field(description="Percent that would ship; null for no vote.")


class VoteInterval(BaseModel):
    """The interval that holds the true share with 95% certainty, in percent."""

    low: float
    high: float


class ToolVotes(BaseModel):
    """The votes on one tool of a comparison."""

    tool: str = Field(description="The tool's slug.")
    name: str
    ships: int
    skips: int
    share: float | None = Field(description="Percent that would ship; null for no vote.")
    interval: VoteInterval | None
    panel_share: float | None = Field(description="Percent of the panel that would ship.")
    community_share: float | None = Field(description="Percent of the page's visitors.")
    days: list[VotesOfADay]


class ComparisonVotes(BaseModel):
    """What readers voted on a comparison."""

    slug: str
    title: str
    since: date | None = Field(description="The first day with a vote that counts.")
    turnout: int = Field(description="Readers with a vote that counts.")
    tools: list[ToolVotes]
    held: dict[HeldReason, int] = Field(description="Votes that aren't counted, by reason.")
    taken_back: int


class ScannedCopies(BaseModel):
    """Copies whose links a program followed."""

    copies: int
    signs: dict[ScanSign, int]
    pressed: int


class VotesAnswer(ComparisonVotes):
    """What readers voted on a comparison, and what isn't counted."""

    scans: ScannedCopies


class VotesOfAnIssue(BaseModel):
    """What readers voted on the comparisons of an issue."""

    turnout: int = Field(description="Readers who voted by a link in this issue.")
    comparisons: list[ComparisonVotes]
    scans: ScannedCopies


class ReportAnswer(BaseModel):
    """What became of an issue."""

    newsletter: str = Field(description="The newsletter's name.")
    number: int
    period: str
    subject: str
    sent_at: datetime | None
    dated: date
    tracking: Tracking
    numbers: IssueNumbers
    sections: list[SectionRow]
    links: list[LinkRow]
    unsubscribed: int
    growth: AudienceCounts
    editions: list[EditionRow]
    corrects: int | None
    in_folder: bool = Field(description="Copies went to the outbox folder, and reached nobody.")
    votes: VotesOfAnIssue
