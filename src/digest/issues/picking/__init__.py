"""Which comparisons an issue carries, and the reason for each of them.

`readers_gap` adds readers' votes to the candidates, `rule` scores them and picks among them,
`overrides` applies pins, drops, order, number and words of the editors, with their `blocks` around
the comparisons, and `evergreen` picks for a period without new comparisons. All three return the
`Pick` of `pick_result`; `embargo` warns of what is dated after the issue, and `backtest` runs the
rule over past weeks.
"""

from digest.issues.picking.blocks import MOST_BLOCKS, Block, BlockKind, BlockPlace
from digest.issues.picking.overrides import (
    MOST,
    Decisions,
    Line,
    about_comparisons,
    apply_words,
    set_count,
)
from digest.issues.picking.pick_result import (
    Candidate,
    ExclusionReason,
    PastIssueContent,
    Pick,
    PickedComparison,
    PickPoints,
    PickRule,
    Score,
)
from digest.issues.picking.readers_gap import candidates
from digest.issues.picking.rule import candidate

__all__ = [
    "MOST",
    "MOST_BLOCKS",
    "Block",
    "BlockKind",
    "BlockPlace",
    "Candidate",
    "Decisions",
    "ExclusionReason",
    "Line",
    "PastIssueContent",
    "Pick",
    "PickPoints",
    "PickRule",
    "PickedComparison",
    "Score",
    "about_comparisons",
    "apply_words",
    "candidate",
    "candidates",
    "set_count",
]
