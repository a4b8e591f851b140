"""Check an issue's mail: when it is built, before it is sent, and whenever somebody asks.

`linting` hands a mail to the rules of `digest.render.lint`, with the settings it was built with,
and finds what has changed since an edition was frozen. `link_checker` requests the links of a mail
and runs only on demand.
"""

from digest.issues.checking.link_checker import check_link, unreachable
from digest.issues.checking.linting import (
    LintTerms,
    changed_since,
    edited_since,
    score_spam,
    spam_findings,
    untold_since,
    withdrawn_since,
)

__all__ = [
    "LintTerms",
    "changed_since",
    "check_link",
    "edited_since",
    "score_spam",
    "spam_findings",
    "unreachable",
    "untold_since",
    "withdrawn_since",
]
