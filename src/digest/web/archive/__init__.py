"""The archive: the list of a newsletter's issues, a page for each, and the mails as they were sent.

`archive_pages` reads an issue and answers; what an issue says comes from its recipe as an
`IssueArticle` of `issue_article`, and from its frozen mail where no recipe was kept. `mail_copy`
makes a frozen mail public.
"""

from digest.web.archive.archive_pages import Archive, correction_notes, draft_page, issue_link
from digest.web.archive.issue_article import IssueArticles
from digest.web.archive.mail_copy import public_html

__all__ = [
    "Archive",
    "IssueArticles",
    "correction_notes",
    "draft_page",
    "issue_link",
    "public_html",
]
