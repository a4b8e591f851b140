"""Turns a draft into the rows of one revision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from digest.comparisons.draft import ComparisonDraft, ContenderDraft
from digest.comparisons.models import Comparison, Contender, Revision, Tool, Verdict


def revision_row(
    draft: ComparisonDraft,
    comparison: Comparison,
    tools: Sequence[Tool],
    *,
    fingerprint: str,
    now: datetime,
) -> Revision:
    """Return the revision a draft makes, with its contenders and verdicts; *tools* by side."""
    sides = enumerate(zip(draft.contenders, tools, strict=True))
    return Revision(
        comparison=comparison,
        number=comparison.latest,
        fingerprint=fingerprint,
        title=draft.title,
        kicker=draft.kicker,
        question=draft.question,
        intro=draft.intro,
        closing=list(draft.closing),
        published_on=draft.published_on,
        url=draft.url,
        weight=draft.weight,
        labels=list(draft.labels),
        seats=draft.seats,
        form=draft.form,
        source=draft.source,
        imported_at=now,
        contenders=[_contender(contender, side, tool) for side, (contender, tool) in sides],
    )


def _contender(draft: ContenderDraft, side: int, tool: Tool) -> Contender:
    return Contender(
        side=side,
        tool=tool,
        name=draft.name,
        category=draft.category,
        tagline=draft.tagline,
        description=draft.description,
        entry=draft.entry,
        entry_text=draft.entry_text,
        panel_share=draft.panel_share,
        community_share=draft.community_share,
        url=draft.url,
        verdicts=[
            Verdict(seat=one.seat, quote=one.quote, call=one.call, reviewer=one.reviewer)
            for one in draft.verdicts
        ],
    )
