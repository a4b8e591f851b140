"""What an issue says: comparisons as stored become the words and numbers templates print.

`compose` walks the revisions of an issue; `view` finishes the fields of each contender, `quotes`
chooses the passages of reviewers to quote, and `copywriting` writes subject, preheader, opening
and headlines, as does `german_copywriting`; `mail_texts` has the fixed words around them, and
`correction` finds what differs from an issue that was wrong, and puts it on top. The result is the
`IssueView` of `view`, the only thing a mail template gets.
"""

from digest.issues.content.compose import comparison_view
from digest.issues.content.copywriting import TRACKING
from digest.issues.content.correction import Correction, correct_view, difference, unsaid
from digest.issues.content.quotes import without_quotation_marks
from digest.issues.content.view import (
    ComparisonView,
    ContenderView,
    IssueView,
    SponsorView,
    paragraphs,
)

__all__ = [
    "TRACKING",
    "ComparisonView",
    "ContenderView",
    "Correction",
    "IssueView",
    "SponsorView",
    "comparison_view",
    "correct_view",
    "difference",
    "paragraphs",
    "unsaid",
    "without_quotation_marks",
]
