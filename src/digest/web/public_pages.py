"""Answer for the front page, comparisons, images, and the style sheet and icon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from digest import images
from digest.app.installation import App
from digest.comparisons.models import Revision
from digest.directory import change_histories, public_revision
from digest.errors import NotFound
from digest.issues import store
from digest.issues.content import Background
from digest.render.accent import BadColour, accent_of, accent_style, parse_accent
from digest.render.brand import Font, font_style, fonts_of
from digest.render.pages import (
    IssueLink,
    NewsletterCard,
    Teaser,
    asset,
    comparison_page,
    home_page,
    newsletters_page,
)
from digest.votes import counts_of
from digest.web.archive import issue_link
from digest.web.comparison_page import comparison_path, history_line, page_of, teaser
from digest.web.conditional_requests import conditional
from digest.web.newsletter_cache import NewsletterEntry
from digest.web.security_headers import IMAGE, cacheable_headers
from digest.web.sharing import Embeds, SharePictures, structured_data
from digest.web.status_messages import StatusMessage, status_page
from digest.web.theme import Theme
from subscribers.locale import Translations, translations
from subscribers.web import SiteConfig

OWN_LINKS = "/own-links"
_FILE = 300
#: In templates/web.
_SHEETS = (
    "style",
    "comparisons",
    "directory",
    "lists",
    "page",
    "reference",
    "review",
    "tool",
    "vote",
)


def _card(session: Session, entry: NewsletterEntry) -> NewsletterCard:
    latest = store.latest(session, store.newsletter(session, entry.slug))
    words = translations(entry.language)
    return NewsletterCard(
        name=entry.name,
        description=entry.description,
        appears=_appears(entry, words),
        language=entry.language,
        archive=f"/issues/{entry.slug}",
        archive_label=words.gettext("All issues"),
        sign_up=f"/subscribe?newsletter={entry.slug}" if entry.open else "",
        sign_up_label=words.gettext("Subscribe to %(newsletter)s") % {"newsletter": entry.name},
        latest=issue_link(latest, entry) if latest else None,
        latest_label=words.gettext("Latest issue"),
    )


def _appears(entry: NewsletterEntry, words: Translations) -> str:
    if not entry.open:
        return words.gettext("This newsletter is no longer published.")
    return words.gettext("By email %(rhythm)s.") % {"rhythm": entry.comes} if entry.comes else ""


class PublicSite:
    """The handlers of pages that are the same for every visitor."""

    def __init__(
        self, app: App, config: SiteConfig, theme: Theme, pictures: SharePictures, embeds: Embeds
    ) -> None:
        self._app = app
        self._config = config
        self._theme = theme
        self._pictures = pictures
        self._embeds = embeds
        self._teasers: dict[int, list[Teaser]] = {}  # by issue id; an issue's content never changes

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", self.home),
            Route("/comparisons/{slug}", self.comparison),
            Route(OWN_LINKS, self.own_links),
            *(Route(f"/{name}.css", self.style) for name in _SHEETS),
            Route("/accent/{colour}.css", self.accent),
            Route("/font/{font}.css", self.font),
            Route(f"{images.FOLDER}/{{name}}", self.image),
            Route("/icon.svg", self.icon),
            Route("/favicon.ico", self.icon),  # asked for where no page was read
        ]

    def home(self, _request: Request) -> Response:
        """Show the front page: what the newsletter brings, when, and the latest issue.

        Of several newsletters it lists each, with its own.
        """
        entries = self._theme.newsletters.public()
        entry = _existing(next(iter(entries), None))
        if len(entries) > 1:
            return self._list(entries)
        with self._app.database.read() as session:
            issue, teasers = self._latest(session, entry)
        page = home_page(
            self._theme.site(entry, path="/"),
            sign_up=self._theme.sign_up(self._config, entry, "front"),
            issue=issue,
            teasers=teasers,
            folder=self._theme.folder,
        )
        return HTMLResponse(page, headers=self._theme.form_headers())

    def comparison(self, request: Request) -> Response:
        """Show one comparison in full; raises `NotFound` for one that isn't out yet."""
        entry = self._theme.newsletters.first()
        with self._app.database.read() as session:
            terms = self._app.public_site.comparisons
            revision = public_revision(session, request.path_params["slug"], terms)
            base_url = self._app.settings.base_url
            language = entry.language if entry else "en"
            background = self._votes_on(session, revision)
            shown = page_of(revision, base_url=base_url, language=language, background=background)
            embeds = self._embeds.codes(revision)
            changes = change_histories(session, revision, terms, language=language)
        tags = self._pictures.tags(shown, shown.title, shown.brief)
        site = replace(self._theme.site(entry, path=comparison_path(shown.slug)), share=tags)
        page = comparison_page(
            site,
            shown,
            data=structured_data(shown, address=site.address),
            sign_up=self._theme.sign_up(self._config, entry, "comparison"),
            history=[history_line(change, language) for change in changes],
            embeds=embeds,
            folder=self._theme.folder,
        )
        return HTMLResponse(page, headers=self._theme.form_headers())

    def _votes_on(self, session: Session, revision: Revision) -> Background:
        """Return the votes of our readers on a comparison as they stand."""
        counts = counts_of(session, [revision.comparison_id])
        return Background(counts=counts, shown_from=self._app.votes.shown_from)

    def _list(self, entries: Sequence[NewsletterEntry]) -> Response:
        with self._app.database.read() as session:
            cards = [_card(session, entry) for entry in entries]
        site = replace(self._theme.site(path="/"), language=entries[0].language)
        page = newsletters_page(site, cards, folder=self._theme.folder)
        return HTMLResponse(page, headers=cacheable_headers(60))

    def accent(self, request: Request) -> Response:
        """Return the style sheet of one accent, which is the same for ever."""
        try:
            colours = accent_of(parse_accent(request.path_params["colour"]))
        except BadColour:
            raise NotFound("there is no such accent") from None
        return _file(request, accent_style(colours), "text/css")

    def font(self, request: Request) -> Response:
        """Return the style sheet of one choice of fonts."""
        name = request.path_params["font"]
        if name not in list(Font):
            raise NotFound("there is no such font")
        text = font_style(fonts_of(Font(name)))
        return Response(
            text, headers=cacheable_headers(_FILE), media_type="text/css; charset=utf-8"
        )

    def _latest(
        self, session: Session, entry: NewsletterEntry
    ) -> tuple[IssueLink | None, Sequence[Teaser]]:
        issue = store.latest(session, store.newsletter(session, entry.slug))
        if issue is None:
            return None, []
        if issue.id not in self._teasers:
            carried = store.carried_comparisons(session, issue.id)
            teasers = [teaser(revision, entry.language) for revision in carried]
            self._teasers = {issue.id: [item for item in teasers if item is not None]}
        gone = {comparison_path(slug) for slug in store.withdrawals_in(session, issue.id)}
        shown = [item for item in self._teasers.get(issue.id, []) if item.url not in gone]
        return issue_link(issue, entry), shown

    def own_links(self, request: Request) -> Response:
        """Explain where a reader's own links are; links in archived mails lead to this page."""
        page = self._theme.message(status_page(StatusMessage.OWN_LINKS, request))
        return HTMLResponse(page, headers=cacheable_headers(_FILE) | {"Vary": "Accept-Language"})

    def style(self, request: Request) -> Response:
        """Return the style sheet of every page, or what a kind of page adds to it."""
        text = asset(request.url.path.removeprefix("/"), folder=self._theme.folder)
        return _file(request, text, "text/css")

    def image(self, request: Request) -> Response:
        """Return an image, which is the same for ever; mail on other sites may show it."""
        with self._app.database.read() as session:
            media_type, content = images.content_of(session, request.path_params["name"])
        return Response(content, headers=IMAGE, media_type=media_type)

    def icon(self, request: Request) -> Response:
        """Return the site's icon."""
        text = asset("icon.svg", folder=self._theme.folder)
        return _file(request, text, "image/svg+xml")


def _file(request: Request, text: str, media_type: str) -> Response:
    return conditional(
        request,
        text.encode(),
        media_type=f"{media_type}; charset=utf-8",
        headers=cacheable_headers(_FILE),
    )


def _existing(entry: NewsletterEntry | None) -> NewsletterEntry:
    if entry is None:
        raise NotFound("there is no newsletter", next_step="digest init")
    return entry
