"""Which JSON fields a stored comparison has in the output of commands.

They are the fields of the input model, and what follows from them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import BaseModel

from digest.comparisons.models import Comparison, Contender, Revision, Verdict
from digest.comparisons.schema import ComparisonContent, ContenderDraft, VerdictDraft
from digest.comparisons.score import lean, split
from digest.comparisons.store import ComparisonSummary


def facts_of(comparison: Comparison, revision: Revision) -> dict[str, Any]:
    """Return one revision as JSON types; the text it was parsed from is under ``source``."""
    left, right = revision.contenders
    return {
        "slug": comparison.slug,
        "revision": revision.number,
        "revisions": comparison.latest,
        "imported_at": revision.imported_at,
        "withdrawn_at": comparison.withdrawn_at,
        "withdrawn_why": comparison.withdrawn_why,
        "set_by_editors": comparison.set_by_editors,
        "editor": revision.editor or None,
        **fields_of(revision, ComparisonContent, but={"format", "slug", "contenders"}),
        "leans": lean(left.panel_share, right.panel_share),
        "contenders": [_contender(left, revision.seats), _contender(right, revision.seats)],
        "form": revision.form,
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
        "withdrawn": summary.withdrawn,
        "contenders": [summary.left._asdict(), summary.right._asdict()],
    }


def _contender(contender: Contender, seats: int) -> dict[str, Any]:
    seated = split(contender.panel_share, seats)
    return {
        "side": "right" if contender.side else "left",
        "tool": contender.tool.slug,
        **fields_of(contender, ContenderDraft, but={"verdicts"}),
        "ships": seated.ships if seated else None,
        "skips": seated.skips if seated else None,
        "verdicts": [fields_of(verdict, VerdictDraft) for verdict in contender.verdicts],
    }


def fields_of(
    row: Revision | Contender | Verdict, model: type[BaseModel], *, but: Collection[str] = ()
) -> dict[str, Any]:
    """Return the columns of *row* that are fields of *model*."""
    return {name: getattr(row, name) for name in model.model_fields if name not in but}
