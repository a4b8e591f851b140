"""How far readers and the panel are apart on each comparison that an issue may carry.

Votes are read only where the rule gives points for them, so that they change no other pick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlmodel import Session, col, select

from digest.comparisons.models import Tool
from digest.comparisons.store import ComparisonSummary
from digest.issues.picking.pick_result import Candidate, PickRule
from digest.issues.picking.rule import candidate
from digest.votes import VoteCount, counts_of
from subscribers.sql import chunks


def candidates(
    session: Session, pool: Sequence[ComparisonSummary], rule: PickRule, *, votes_shown_from: int
) -> list[Candidate]:
    """Return comparisons as candidates; fewer votes on a tool than are shown don't count."""
    if not rule.points.gap:
        return [candidate(summary) for summary in pool]
    votes = _votes(session, pool)
    return [
        candidate(
            summary,
            readers_gap=_gap(summary, votes.get(summary.comparison_id, {}), votes_shown_from),
        )
        for summary in pool
    ]


def _votes(session: Session, pool: Sequence[ComparisonSummary]) -> dict[int, dict[str, VoteCount]]:
    """Return the votes as they stand, by comparison and by the slug of the tool."""
    counts = counts_of(session, [summary.comparison_id for summary in pool])
    voted_on = sorted({tool for tools in counts.values() for tool in tools})
    slugs: dict[int | None, str] = {}
    for part in chunks(voted_on):
        slugs |= dict(session.exec(select(Tool.id, Tool.slug).where(col(Tool.id).in_(part))).all())
    return {
        comparison: {slugs[tool]: count for tool, count in tools.items()}
        for comparison, tools in counts.items()
    }


def _gap(
    summary: ComparisonSummary, votes: Mapping[str, VoteCount], votes_shown_from: int
) -> float | None:
    """Return the percentage points between readers and panel where they differ most."""
    gaps = [
        abs(count.share - side.panel_share)
        for side in (summary.left, summary.right)
        if (count := votes.get(side.tool, VoteCount())).votes >= votes_shown_from
        and count.share is not None
        and side.panel_share is not None
    ]
    return max(gaps, default=None)
