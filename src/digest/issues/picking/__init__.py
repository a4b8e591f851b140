"""TODO face."""

from digest.issues.picking.overrides import Decisions, Line, apply_words
from digest.issues.picking.pick_result import ExclusionReason, PastIssueContent, Pick, PickRule
from digest.issues.picking.rule import candidate

__all__ = [
    "Decisions",
    "ExclusionReason",
    "Line",
    "PastIssueContent",
    "Pick",
    "PickRule",
    "apply_words",
    "candidate",
]
