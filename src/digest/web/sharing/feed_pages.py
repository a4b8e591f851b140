"""Answer for the feeds: a newsletter's issues, and the comparisons of the whole site.

This module hides what counts as a change of an entry: a correction, another revision, a withdrawal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.app.installation import App
from digest.comparisons.models import Revision
from digest.directory import newest_public
from digest.errors import NotFound
from digest.issues import store
from digest.issues.content import comparison_view
from digest.issues.store import PublishedIssue
from digest.render.escaping import one_line
from digest.render.filters import link
from digest.render.pages import feed_content
from digest.web.archive import IssueArticles, correction_notes, issue_link
from digest.web.comparison_page import comparison_path
from digest.web.conditional_requests import conditional
from digest.web.newsletter_cache import NewsletterEntry
from digest.web.security_headers import cacheable_headers
from digest.web.sharing.feed_formats import ATOM_TYPE, JSON_TYPE, Feed, FeedEntry, atom, json
from digest.web.theme import Theme
from subscribers.locale import translations

MOST_ENTRIES = 20
_SECONDS = 600  # readers of feeds ask every hour, many of them more often
_Form = tuple[str, Callable[[Feed], bytes]]
_FORMS: Mapping[str, _Form] = {".atom": (ATOM_TYPE, atom), ".json": (JSON_TYPE, json)}


class FeedPages:
    """The handlers of feeds."""

    def __init__(self, app: App, theme: Theme) -> None:
        self._app = app
        self._theme = theme
        self._articles = IssueArticles()

    def routes(self) -> list[Route]:
        """Return the routes."""
        paths = [f"/feed{ending}" for ending in _FORMS]
        return [
            *(Route(f"/issues/{{newsletter}}{path}", self.issues) for path in paths),
            *(Route(f"/comparisons{path}", self.comparisons) for path in paths),
        ]

    def issues(self, request: Request) -> Response:
        """Return the newest issues of a newsletter that the site shows; raises `NotFound`."""
        entry = self._theme.newsletters.entries().get(request.path_params["newsletter"])
        if entry is None or not entry.public:
            raise NotFound("there is no such newsletter")
        with self._app.database.read() as session:
            newsletter = store.newsletter(session, entry.slug)
            shown = store.published(session, newsletter, at_most=MOST_ENTRIES)
            entries = [self._issue(session, issue, entry) for issue in shown]
        return _answer(request, self._feed(f"/issues/{entry.slug}", entry, entry.name, entries))

    def comparisons(self, request: Request) -> Response:
        """Return the newest public comparisons."""
        first = self._theme.newsletters.first()
        language = first.language if first else "en"
        with self._app.database.read() as session:
            terms = self._app.public_site.comparisons
            shown = newest_public(session, terms, at_most=MOST_ENTRIES)
            entries = [self._comparison(revision, language) for revision in shown]
        words = translations(language)
        title = words.gettext("%(site)s: comparisons") % {"site": self._theme.site().name}
        return _answer(request, self._feed("/comparisons", first, title, entries))

    def _feed(
        self, path: str, entry: NewsletterEntry | None, title: str, entries: list[FeedEntry]
    ) -> Feed:
        page = self._app.settings.base_url + path
        return Feed(
            title=title,
            subtitle=entry.description if entry and entry.name == title else "",
            language=entry.language if entry else "en",
            author=self._theme.site().name,
            page=page,
            atom=f"{page}/feed.atom",
            json=f"{page}/feed.json",
            entries=entries,
        )

    def _issue(self, session: Session, issue: PublishedIssue, entry: NewsletterEntry) -> FeedEntry:
        newsletter = store.newsletter(session, entry.slug)
        corrections = store.published_corrections(session, newsletter, issue.id)
        sent = [each.prepared_at for each, _ in corrections] + [issue.prepared_at]
        withdrawn = store.withdrawals_in(session, issue.id)
        article = self._articles.article(session, issue.id)
        view = article.view if article else None
        return FeedEntry(
            url=link(self._app.settings.base_url + issue_link(issue, entry).url),
            title=one_line(issue.subject),
            published=issue.prepared_at,
            updated=max([*sent, *withdrawn.values()]),
            summary=view.preheader if view else "",
            html=feed_content(
                entry.language,
                base_url=self._app.settings.base_url,
                corrections=correction_notes(session, newsletter, issue, entry),
                opening=view.opening if view else "",
                comparisons=view.comparisons if view else (),
                withdrawn=withdrawn,
                folder=self._theme.folder,
            ),
        )

    def _comparison(self, revision: Revision, language: str) -> FeedEntry:
        base_url = self._app.settings.base_url
        view = comparison_view(revision, base_url=base_url, web_url="", language=language)
        imported = revision.comparison.first_imported_at.astimezone(UTC)
        day = revision.published_on
        published = datetime.combine(day, time(), tzinfo=UTC) if day else imported
        return FeedEntry(
            url=link(base_url + comparison_path(view.slug)),
            title=view.title,
            published=published,
            updated=max(published, revision.imported_at.astimezone(UTC)),
            summary=view.brief,
            category=view.category,
            html=feed_content(
                language, base_url=base_url, comparisons=[view], folder=self._theme.folder
            ),
        )


def _answer(request: Request, feed: Feed) -> Response:
    media_type, write = _FORMS[request.url.path[-len(".atom") :]]
    return conditional(
        request,
        write(feed),
        media_type=media_type,
        headers=cacheable_headers(_SECONDS, found=False),
        modified=feed.updated,
    )
