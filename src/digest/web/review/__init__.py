"""Answer the page where an editor without a shell approves an issue, or sends it back.

A letter to an editor links here. `review_pages` reads the link's token, which names the issue and
the editor, and shows what `review_view` gathers: the mail as it will go, what the checks found, who
gets it and when, and what was decided before. Opening the page changes nothing. A code is asked for
by a POST and comes by a letter to that editor's own address; with it, `review_decision` records the
decision in one transaction, by the use cases that the command line and the desk call too.
"""

from digest.web.review.review_pages import ReviewPages

__all__ = ["ReviewPages"]
