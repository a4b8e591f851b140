"""The values of a pick: candidates, those chosen, those left out, and every reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """The fields of a comparison that the rule reads; *tools* holds slugs."""

    slug: str
    title: str
    comparison_id: int
    revision_id: int
    tools: frozenset[str]
    categories: frozenset[str]
    published_on: date | None
    imported_on: date
    weight: float = 1.0
    split: float | None = None  #: percentage points between the two panel shares
    #: Percentage points between readers and panel on the tool where they differ most; ``None``
    #: where too few voted.
    readers_gap: float | None = None
    withdrawn: bool = False  #: no issue may carry it, not even pinned
    newsletter: str = ""  #: slug of the only newsletter that picks it; empty for any


@dataclass(frozen=True, kw_only=True)
class PastIssueContent:
    """The comparison slugs and tool slugs of one earlier issue; *period* is an ISO week."""

    period: str
    comparisons: frozenset[str]
    tools: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class PickPoints:
    """The points of each part of a score; docs/pick-rule.md lists the same numbers."""

    weight: float = 10.0  #: for each unit of the editor's weight
    freshness: float = 10.0  #: on the day of publishing, evenly down to 0
    split: float = 10.0  #: when the whole panel ships one tool and no reviewer the other
    variety: float = 6.0  #: taken off for each comparison chosen before it from the same category
    gap: float = 0.0  #: when all readers ship a tool that no reviewer would, or none what all would


@dataclass(frozen=True, kw_only=True)
class PickRule:
    """How many comparisons an issue has, for how many issues a tool rests, and what counts.

    Where fewer than *min_per_issue* can be chosen, none is.
    """

    max_per_issue: int = 5
    no_repeat: int = 2
    min_per_issue: int = 1
    points: PickPoints = PickPoints()
    newsletter: str = ""  #: slug of the newsletter that picks; empty leaves none out for it


@dataclass(frozen=True, kw_only=True)
class Score:
    """The points of one comparison by part; *variety* is 0 or negative."""

    weight: float
    freshness: float
    split: float
    variety: float = 0.0
    gap: float = 0.0

    @property
    def total(self) -> float:
        """Return the sum of the parts, rounded to two decimals."""
        return round(self.weight + self.freshness + self.split + self.variety + self.gap, 2)


@dataclass(frozen=True, kw_only=True)
class PickedComparison:
    """A comparison the issue carries; *position* counts from 1."""

    position: int
    candidate: Candidate
    score: Score
    reason: str


class ExclusionReason(StrEnum):
    """Why a comparison is left out."""

    WITHDRAWN = "withdrawn"  #: an editor took it back
    OTHER_NEWSLETTER = "other-newsletter"  #: its source is another newsletter's
    FEATURED = "featured"  #: this newsletter has carried it
    NOT_YET = "not-yet"  #: it's published after the issue's day
    TOOL_RESTS = "tool-rests"  #: one of its tools was in one of the last issues
    TOOL_TAKEN = "tool-taken"  #: one of its tools is in this issue already
    FULL = "full"  #: others had more points
    DROPPED = "dropped"  #: an editor took it out
    TOO_FEW = "too-few"  #: with it, the issue would be shorter than the rule allows


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """A comparison the issue doesn't carry; *score* is set when points decided."""

    candidate: Candidate
    why: ExclusionReason
    reason: str
    score: Score | None = None


@dataclass(frozen=True, kw_only=True)
class Pick:
    """The pick of one issue: every candidate is chosen or left out, with its reason."""

    period: str
    day: date
    rule: PickRule
    chosen: tuple[PickedComparison, ...]
    left_out: tuple[Exclusion, ...]  #: by slug
    note: str  #: the pick in one sentence
    count: int | None = None  #: comparisons an editor asked for; ``None`` leaves it to the rule

    def to_dict(self) -> dict[str, Any]:
        """Return the pick as JSON types, to be stored with the issue."""
        return {
            "period": self.period,
            "day": self.day.isoformat(),
            "note": self.note,
            "rule": asdict(self.rule),
            "count": self.count,
            "chosen": [
                {
                    "position": entry.position,
                    **_identity(entry.candidate),
                    "reason": entry.reason,
                    "points": _points(entry.score),
                }
                for entry in self.chosen
            ],
            "left_out": [
                {
                    **_identity(entry.candidate),
                    "why": entry.why.value,
                    "reason": entry.reason,
                    "points": _points(entry.score) if entry.score else None,
                }
                for entry in self.left_out
            ],
        }


def _identity(candidate: Candidate) -> dict[str, Any]:
    return {
        "slug": candidate.slug,
        "title": candidate.title,
        "comparison_id": candidate.comparison_id,
        "revision_id": candidate.revision_id,
    }


def _points(score: Score) -> dict[str, float]:
    return {**asdict(score), "total": score.total}
