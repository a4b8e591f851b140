"""What a template may know of an issue: finished words and numbers, nothing to look up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class QuoteView:
    """What one reviewer said of one tool."""

    text: str
    seat: int
    call: str | None  #: "ship", "skip", or ``None`` where the page doesn't say
    reviewer: str | None
    about: str  #: the tool's name


@dataclass(frozen=True, kw_only=True)
class ContenderView:
    """One side of a comparison."""

    name: str
    category: str
    tagline: str
    panel_share: float | None  #: percent
    ships: int | None  #: reviewers who would ship, when the share falls on whole seats
    skips: int | None
    seats: int
    entry: str  #: "Free", "Paid", or the published word
    community_share: float | None  #: percent; ``None`` is shown as a dash, never as 0
    url: str | None


@dataclass(frozen=True, kw_only=True)
class ComparisonView:
    """One comparison as the mail shows it."""

    title: str
    slug: str
    url: str  #: the full comparison
    question: str
    category: str
    left: ContenderView
    right: ContenderView
    quotes: tuple[QuoteView, ...]  #: the sharpest for and against; dissent always among them
    headline: str  #: one line that says how the panel leans
    labels: tuple[str, ...] = ()


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
    postal_address: str
    unsubscribe_url: str  #: ends in the reader's tag
    preferences_url: str  #: ends in the reader's tag
