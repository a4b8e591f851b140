"""Which JSON fields a stored comparison has in the output of commands."""

from __future__ import annotations

from typing import Any

from digest.comparisons.models import Comparison, Contender, Revision
from digest.comparisons.score import lean, split
from digest.comparisons.store import ComparisonSummary, SummarySide


def facts_of(comparison: Comparison, revision: Revision) -> dict[str, Any]:
    """Return one revision as JSON types; the text it was parsed from is under ``source``."""
    left, right = revision.contenders
    return {
        "slug": comparison.slug,
        "revision": revision.number,
        "revisions": comparison.latest,
        "kicker": revision.kicker,
        "title": revision.title,
        "question": revision.question,
        "intro": revision.intro,
        "published_on": revision.published_on,
        "imported_at": revision.imported_at,
        "url": revision.url,
        "weight": revision.weight,
        "labels": revision.labels,
        "seats": revision.seats,
        "leans": lean(left.panel_share, right.panel_share).value,
        "contenders": [_contender(left, revision.seats), _contender(right, revision.seats)],
        "closing": revision.closing,
        "form": revision.form.value,
        "source": revision.source,
    }


def summary_of(summary: ComparisonSummary) -> dict[str, Any]:
    """Return a comparison as one entry of a list, in JSON types."""
    return {
        "slug": summary.slug,
        "title": summary.title,
        "revision": summary.revision,
        "published_on": summary.published_on,
        "imported_on": summary.imported_on,
        "weight": summary.weight,
        "contenders": [_side(summary.left), _side(summary.right)],
    }


def _side(side: SummarySide) -> dict[str, Any]:
    return side._asdict()


def _contender(contender: Contender, seats: int) -> dict[str, Any]:
    seated = split(contender.panel_share, seats)
    return {
        "side": "right" if contender.side else "left",
        "tool": contender.tool.slug,
        "category": contender.category,
        "name": contender.name,
        "tagline": contender.tagline,
        "panel_share": contender.panel_share,
        "ships": seated.ships if seated else None,
        "skips": seated.skips if seated else None,
        "community_share": contender.community_share,
        "entry": contender.entry.value if contender.entry else None,
        "entry_text": contender.entry_text,
        "description": contender.description,
        "url": contender.url,
        "verdicts": [
            {
                "seat": verdict.seat,
                "quote": verdict.quote,
                "call": verdict.call.value if verdict.call else None,
                "reviewer": verdict.reviewer,
            }
            for verdict in contender.verdicts
        ],
    }
