"""Which comparisons an issue carries, and the reason for each of them.

`rule` scores the candidates of an issue and picks among them, `overrides` applies pins, drops,
order and words of the editors, and `evergreen` picks for a period without new comparisons. All
three return the `Pick` of `pick_result`; `backtest` runs the rule over past weeks.
"""

from digest.issues.picking.overrides import Decisions, Line, apply_words
from digest.issues.picking.pick_result import (
    ExclusionReason,
    PastIssueContent,
    Pick,
    PickPoints,
    PickRule,
)
from digest.issues.picking.rule import candidate

__all__ = [
    "Decisions",
    "ExclusionReason",
    "Line",
    "PastIssueContent",
    "Pick",
    "PickPoints",
    "PickRule",
    "apply_words",
    "candidate",
]
