"""TODO face."""

from digest.issues.content.compose import comparison_view
from digest.issues.content.copywriting import TRACKING
from digest.issues.content.view import ComparisonView, ContenderView, IssueView, SponsorView

__all__ = [
    "TRACKING",
    "ComparisonView",
    "ContenderView",
    "IssueView",
    "SponsorView",
    "comparison_view",
]
