"""What the fields for an editor's own words show: blocks, and which verdict of each is quoted."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from digest.comparisons.models import Contender
from digest.issues.content import Depth, QuoteChoice, shown_quote
from digest.issues.picking import BlockPlace, Decisions
from digest.render.graphemes import truncate

if TYPE_CHECKING:
    from digest.preview.snapshot import Snapshot

_SHOWN = 160  # characters, by which an editor knows a verdict


def block_fields(decisions: Decisions) -> list[dict[str, Any]]:
    """Return the blocks of an issue, each with its position, from 1, among those of its place."""
    places = [block.place for block in decisions.blocks]
    return [
        {
            **asdict(block),
            "at": places[: index + 1].count(block.place),
            "last": int(block.place not in places[index + 1 :]),
            "other": next(place for place in BlockPlace if place is not block.place),
        }
        for index, block in enumerate(decisions.blocks)
    ]


def verdict_choices(snapshot: Snapshot, slug: str) -> list[dict[str, Any]]:
    """Return what may be quoted of a comparison; nothing of a brief, since that quotes nobody."""
    if snapshot.built is None:
        return []
    pairs = zip(snapshot.built.view.comparisons, snapshot.built.revisions, strict=True)
    sides = [
        side
        for view, revision in pairs
        if view.slug == slug and view.depth is not Depth.BRIEF
        for side in revision.contenders
    ]
    chosen = snapshot.decisions.quotes.get(slug)
    return [
        {**choice, "chosen": int(chosen is not None and choice["key"] == _key(chosen))}
        for side in sides
        for choice in _of_side(side)
    ]


def chosen_passage(snapshot: Snapshot, slug: str) -> str:
    """Return the passage that an editor chose; empty where there is none."""
    chosen = snapshot.decisions.quotes.get(slug)
    return chosen.passage if chosen else ""


def _key(choice: QuoteChoice) -> str:
    return f"{choice.side}.{choice.seat}"


def _of_side(side: Contender) -> list[dict[str, Any]]:
    return [
        {
            "key": f"{side.side}.{verdict.seat}",
            "by": f"{verdict.reviewer or f'Reviewer {verdict.seat}'} on {side.name}",
            "call": verdict.call.value if verdict.call else "",
            "words": truncate(shown_quote(verdict.quote), _SHOWN),
        }
        for verdict in side.verdicts
        if verdict.quote.strip()
    ]
