"""What an issue says: comparisons as stored become the words and numbers templates print.

`compose` walks the revisions of an issue; `view` finishes the fields of each contender,
`reviewer_calls` says which call each reviewer made, and `quotes` chooses the passages to quote.
`standing` tells how a pair stands, from which `verdict` words its verdict and its story, and
`opening` what kind of week it is, after the `echo` of the votes on the last issue; `background` has
what those two are told besides. `copywriting` writes the lines around them, and `number_words` the
counts. `correction` finds what differs from an issue that was wrong, and puts it on top;
`verdict_changes` words what has changed since earlier issues. `branding` adds what the newsletter
shows of itself, and `unsaid_words` finds what templates left out. The result is the `IssueView` of
`view`, the only thing a mail template gets. All words are of `subscribers.locale`.
"""

from digest.issues.content.background import Background
from digest.issues.content.compose import comparison_view, contender_views
from digest.issues.content.copywriting import TRACKING
from digest.issues.content.correction import Correction, correct_view, difference
from digest.issues.content.quotes import (
    QuoteChoice,
    missing_quote,
    reviewer_names,
    reviewer_of_seat,
    shown_quote,
)
from digest.issues.content.reviewer_calls import known_calls
from digest.issues.content.unsaid_words import unsaid
from digest.issues.content.verdict import verdict_line
from digest.issues.content.verdict_changes import (
    OF_VERDICT,
    ChangeKind,
    ContentChange,
    VerdictChange,
    flips,
)
from digest.issues.content.view import (
    BlockView,
    ComparisonView,
    ContenderView,
    Depth,
    IssueView,
    SponsorView,
    VerdictChangeView,
)

__all__ = [
    "OF_VERDICT",
    "TRACKING",
    "Background",
    "BlockView",
    "ChangeKind",
    "ComparisonView",
    "ContenderView",
    "ContentChange",
    "Correction",
    "Depth",
    "IssueView",
    "QuoteChoice",
    "SponsorView",
    "VerdictChange",
    "VerdictChangeView",
    "comparison_view",
    "contender_views",
    "correct_view",
    "difference",
    "flips",
    "known_calls",
    "missing_quote",
    "reviewer_names",
    "reviewer_of_seat",
    "shown_quote",
    "unsaid",
    "verdict_line",
]
