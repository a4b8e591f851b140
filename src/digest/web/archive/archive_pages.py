"""Answer for the archive: the list of sent issues, a page for each, and the frozen mail itself.

This module hides which issues have a page, and that one without a recipe shows its mail in a frame.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from digest.app.installation import App
from digest.errors import NotFound
from digest.issues import provenance, store
from digest.issues.content import ComparisonView, IssueView
from digest.issues.models import Newsletter
from digest.issues.store import PublishedIssue
from digest.render.pages import (
    CorrectionNote,
    IssueLink,
    ShareTags,
    archive_page,
    asset,
    issue_page,
)
from digest.web.archive.issue_article import IssueArticle, IssueArticles
from digest.web.archive.mail_copy import public_html, without_own_navigation
from digest.web.conditional_requests import conditional
from digest.web.newsletter_cache import NewsletterCache, NewsletterEntry
from digest.web.security_headers import FRAMING, MAIL, POLICY, cacheable_headers
from digest.web.signup_wiring import site_config
from digest.web.theme import Theme
from subscribers.locale import long_date, translations
from subscribers.web import SiteConfig

_LINK = re.compile(r"<link\b[^>]*>", re.IGNORECASE)
_HOUR = 3600
_FRAMED = "framed"  # the query that the frame of an issue's page asks with
_MOST_DIGITS = 9


class Archive:
    """The handlers of the archive's pages; a draft is not found."""

    def __init__(
        self,
        app: App,
        config: SiteConfig,
        theme: Theme,
        *,
        own_links: str,
        share_tags: Callable[[ComparisonView, str, str], ShareTags],
    ) -> None:
        self._app = app
        self._share_tags = share_tags
        self._config = config
        self._theme = theme
        self._own_links = own_links
        self._articles = IssueArticles()

    def routes(self) -> list[Route]:
        """Return the routes."""
        issue_path = "/issues/{newsletter}/{number}"
        return [
            Route("/issues", self.listing),
            Route("/issues/", self.listing),  # the slash that many people type
            Route("/issues/{newsletter}", self.listing),
            Route("/issues/{newsletter}/", self.listing),
            Route(issue_path, self.viewer),
            Route(f"{issue_path}/mail", self.mail),
        ]

    def listing(self, request: Request) -> Response:
        """List a newsletter's issues, the newest first."""
        entry = self._entry(request)
        with self._app.database.read() as session:
            newsletter = store.newsletter(session, entry.slug)
            issues = store.published(session, newsletter)
        page = archive_page(
            self._theme.site(entry, path=f"/issues/{entry.slug}"),
            [issue_link(issue, entry) for issue in issues],
            sign_up=self._theme.sign_up(self._config, entry, "archive"),
            folder=self._theme.folder,
        )
        return HTMLResponse(page, headers=self._theme.form_headers())

    def viewer(self, request: Request) -> Response:
        """Show one issue, with links to the older and the newer issue."""
        entry, number = self._entry(request), _number(request)
        with self._app.database.read() as session:
            newsletter = store.newsletter(session, entry.slug)
            issue = store.public_issue(session, newsletter, number)
            older = None if issue.corrects else store.before(session, newsletter, number)
            newer = None if issue.corrects else store.after(session, newsletter, number)
            notes = correction_notes(session, newsletter, issue, entry)
            article = self._articles.article(session, issue.id)
        link = issue_link(issue, entry)
        page = issue_page(
            replace(self._theme.site(entry, path=link.url), share=self._share(link, article)),
            link,
            article=article,
            beside=(
                issue_link(older, entry) if older else None,
                issue_link(newer, entry) if newer else None,
            ),
            corrected=f"/issues/{entry.slug}/{issue.corrects}" if issue.corrects else "",
            corrections=notes,
            sign_up=self._theme.sign_up(self._config, entry, "issue"),
            folder=self._theme.folder,
        )
        policy = POLICY if article else FRAMING
        return HTMLResponse(page, headers=self._theme.form_headers(policy))

    def _share(self, link: IssueLink, article: IssueArticle | None) -> ShareTags | None:
        if article is None or article.lead is None:
            return None
        return self._share_tags(article.lead, link.subject, article.view.preheader)

    def mail(self, request: Request) -> Response:
        """Show the frozen mail itself, without any reader's own links.

        In the frame of its page it shows no navigation of its own.
        """
        entry, number = self._entry(request), _number(request)
        with self._app.database.read() as session:
            issue = store.public_issue(session, store.newsletter(session, entry.slug), number)
            html = store.frozen_html(session, issue.id)
            article = self._articles.article(session, issue.id)
        shown = public_html(html, self._own_links, voting=article.voting if article else ())
        if request.url.query == _FRAMED:
            page = f"/issues/{entry.slug}/{number}"
            shown = without_own_navigation(shown, self._own_links, page)
        headers = cacheable_headers(_HOUR, found=False) | {"Content-Security-Policy": MAIL}
        return conditional(
            request, shown.encode(), media_type="text/html; charset=utf-8", headers=headers
        )

    def _entry(self, request: Request) -> NewsletterEntry:
        slug = request.path_params.get("newsletter")
        entry = (
            self._theme.newsletters.entries().get(slug) if slug else self._theme.newsletters.first()
        )
        if entry is None or not entry.public:
            raise NotFound("there is no such newsletter")
        return entry


def draft_page(
    app: App, slug: str, issue: PublishedIssue, *, view: IssueView | None, frame_url: str
) -> str:
    """Return the page that the archive will show of an issue which isn't out yet.

    Its style sheet is in it; without a *view* it loads *frame_url*, the path of its mail. Raises
    `BadSetting`, `TemplateBroken` and `NotFound`.
    """
    theme = Theme(app.settings, NewsletterCache(app.database))
    entry = theme.newsletters.entries().get(slug)
    if entry is None:
        raise NotFound("there is no such newsletter")
    with app.database.read() as session:
        older = store.before(session, store.newsletter(session, slug), issue.number)
    config = site_config(app, theme, lambda: None)
    link = replace(issue_link(issue, entry), mail_url=frame_url, frame_url=frame_url)
    sheets = [asset(name, folder=theme.folder) for name in ("style.css", "comparisons.css")]
    style = f"<style>{''.join(sheets)}</style>"
    page = issue_page(
        theme.site(entry),
        link,
        article=IssueArticle(view=view) if view else None,
        beside=(issue_link(older, entry) if older else None, None),
        sign_up=theme.sign_up(config, entry, "issue"),
        folder=theme.folder,
    )
    return _LINK.sub("", page).replace("</head>", f"{style}</head>", 1)


def _number(request: Request) -> int:
    """Return an issue's number; raises `NotFound` for other text, and for over nine digits."""
    text: str = request.path_params["number"]
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise NotFound("no issue has such a number")
    return int(text)


def issue_link(issue: PublishedIssue, newsletter: NewsletterEntry) -> IssueLink:
    """Return the link to an issue, with its number, date and subject."""
    path = f"/issues/{newsletter.slug}/{issue.number}"
    words = translations(newsletter.language)
    return IssueLink(
        number=issue.number,
        label=words.gettext("Correction to No. %(number)s") % {"number": issue.corrects}
        if issue.corrects
        else words.gettext("No. %(number)s") % {"number": issue.number},
        date=long_date(issue.day, newsletter.language),
        subject=issue.subject.replace(" %", "\u00a0%"),
        url=path,
        mail_url=f"{path}/mail",
        frame_url=f"{path}/mail?{_FRAMED}",
        corrects=issue.corrects,
    )


def correction_notes(
    session: Session, newsletter: Newsletter, issue: PublishedIssue, entry: NewsletterEntry
) -> list[CorrectionNote]:
    """Return a note for each published correction of an issue, the oldest first."""
    notes = []
    for correction, edition in store.published_corrections(session, newsletter, issue.id):
        told, link = provenance.correction_of(edition), issue_link(correction, entry)
        if told is not None:
            changes = [change.in_words(entry.language) for change in told.changes]
            note = CorrectionNote(date=link.date, url=link.url, why=told.why, changes=changes)
            notes.append(note)
    return notes
