"""What the template of a mail may read: the fields of an issue, all of them finished."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class QuoteView:
    """The passage of one reviewer's verdict on one tool that the mail shows."""

    text: str  #: whole sentences, or one cut short with an ellipsis
    seat: int
    reviewer: str | None  #: a name, where one is published
    about: str  #: the tool's name
    call: str | None  #: "ship", "skip", or ``None`` when it isn't published
    dissent: bool = False  #: the one call against all others on this tool


@dataclass(frozen=True, kw_only=True)
class ContenderView:
    """One side of a comparison."""

    name: str
    category: str
    tagline: str
    panel_share: float | None  #: percent
    ships: int | None  #: reviewers who would ship; ``None`` when it isn't known
    skips: int | None
    seats: int
    entry: str  #: "Free", "Paid", the published word, or empty
    community_share: float | None  #: percent; ``None`` is shown as a dash, never as 0
    url: str | None

    @property
    def split(self) -> str:
        """Return the split in words: "3 ship, 1 skip", "All 4 ship", or empty."""
        if self.ships is None or self.skips is None:
            return ""
        if self.skips == 0:
            return f"All {self.seats} ship"
        return f"{self.ships} ship, {self.skips} skip" if self.ships else f"All {self.seats} skip"


@dataclass(frozen=True, kw_only=True)
class ComparisonView:
    """One comparison as the mail shows it."""

    title: str
    slug: str
    url: str  #: of the full comparison
    category: str  #: both contenders', once where they share it
    labels: tuple[str, ...]
    headline: str  #: one sentence on how the panel leans
    contenders: tuple[ContenderView, ...]  #: two; fewer where a side is gone
    quotes: tuple[QuoteView, ...]  #: the sharpest for and against; any dissent among them
    quoted: int  #: how many quotes the full comparison has
    note: str = ""  #: a sentence on what wasn't published, or empty


@dataclass(frozen=True, kw_only=True)
class SponsorView:
    """A sponsored block, labelled as one; without a text it isn't shown."""

    name: str = ""
    text: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class IssueView:
    """One issue as the mail shows it."""

    newsletter: str
    description: str
    number: int
    period: str
    date: str  #: as a reader reads it: "24 November 2026"
    language: str
    subject: str
    preheader: str
    opening: str
    comparisons: tuple[ComparisonView, ...]
    base_url: str
    web_url: str  #: view in browser
    postal_address: str  #: line by line
    unsubscribe_url: str  #: ends in the reader's tag
    preferences_url: str  #: ends in the reader's tag
    tracking: str = ""  #: one sentence on what is recorded of opens and clicks
    tracked: bool = False  #: whether the provider rewrites links
    sponsor: SponsorView | None = None
