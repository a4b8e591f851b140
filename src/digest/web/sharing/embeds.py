"""Answer for what other sites embed of a comparison: a badge of a tool, and a frame with both.

This module hides how an embedded part stays true: it is kept for minutes only, shows the newest
public revision, and says so where the comparison was withdrawn.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from urllib.parse import urlencode

from markupsafe import escape
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from digest.app.installation import App
from digest.comparisons import store as comparisons
from digest.comparisons.models import Contender, Revision
from digest.directory import public_revision
from digest.errors import ComparisonWithdrawn, NotFound
from digest.issues.content import comparison_view
from digest.render.accent import accent_of
from digest.render.escaping import one_line
from digest.render.filters import link
from digest.render.pages import EmbedCode, comparison_frame
from digest.web.comparison_page import comparison_path
from digest.web.conditional_requests import conditional
from digest.web.security_headers import IMAGE, cacheable_headers
from digest.web.sharing.badge import badge
from digest.web.theme import Theme
from subscribers.locale import percentage, short_date, translations
from subscribers.web import policy

_SECONDS = 300
#: A badge has a style of its own, and is shown by other sites.
_BADGE = IMAGE | {
    **cacheable_headers(_SECONDS, found=False),
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}
#: A frame is shown by other sites, too.
_FRAME = {
    **cacheable_headers(_SECONDS, found=False),
    "Content-Security-Policy": policy("*"),
    "Cross-Origin-Opener-Policy": "unsafe-none",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


class Embeds:
    """The handlers of badges and frames, in the language and the colour of the site."""

    def __init__(self, app: App, theme: Theme) -> None:
        self._app = app
        self._theme = theme

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/comparisons/{slug}/badge.svg", self.show_badge),
            Route("/comparisons/{slug}/frame", self.show_frame),
        ]

    def codes(self, revision: Revision) -> list[EmbedCode]:
        """Return the code of each badge and of the frame, for others to copy."""
        page = self._app.settings.base_url + comparison_path(revision.comparison.slug)
        sides = sorted(revision.contenders, key=lambda contender: contender.side)[:2]
        words, names = translations(self._language), [one_line(side.name) for side in sides]
        badges = [
            EmbedCode(
                label=words.gettext("Badge for %(tool)s") % {"tool": name},
                code=_badge_code(link(page), name, side.tool.slug),
            )
            for side, name in zip(sides, names, strict=True)
        ]
        frame = _frame_code(link(page), " vs ".join(names))
        return [*badges, EmbedCode(label=words.gettext("Frame with both tools"), code=frame)]

    def show_badge(self, request: Request) -> Response:
        """Return the badge of one tool; raises `NotFound` for a tool that isn't compared."""
        with self._app.database.read() as session:
            try:
                revision = self._public(session, request)
                told = self._told(_side(revision, request), revision)
            except ComparisonWithdrawn:
                comparison = comparisons.by_slug(session, request.path_params["slug"])
                revision = comparisons.latest(session, comparison)
                told = translations(self._language).gettext("withdrawn")
            name = one_line(_side(revision, request).name)
        first = self._theme.newsletters.first()
        drawn = badge(name, told, accent_of(first.accent if first else ""))
        media_type = "image/svg+xml; charset=utf-8"
        return conditional(request, drawn.encode(), media_type=media_type, headers=_BADGE)

    def show_frame(self, request: Request) -> Response:
        """Return a small page with both tools, which any site may show."""
        slug = request.path_params["slug"]
        with self._app.database.read() as session:
            try:
                revision = self._public(session, request)
            except ComparisonWithdrawn:
                view = None
            else:
                view = comparison_view(revision, base_url="", web_url="", language=self._language)
        page = comparison_frame(
            replace(self._theme.site(self._theme.newsletters.first()), language=self._language),
            view,
            url=self._app.settings.base_url + comparison_path(slug),
            folder=self._theme.folder,
        )
        return HTMLResponse(page, headers=_FRAME)

    @property
    def _language(self) -> str:
        first = self._theme.newsletters.first()
        return first.language if first else "en"

    def _public(self, session: Session, request: Request) -> Revision:
        terms = self._app.public_site.comparisons
        return public_revision(session, request.path_params["slug"], terms)

    def _told(self, side: Contender, revision: Revision) -> str:
        language = self._language
        words = translations(language)
        if side.panel_share is None:
            return words.gettext("No panel vote yet")
        share = percentage(side.panel_share, language)
        told = words.gettext("%(share)s would ship") % {"share": share}
        return f"{told} · {short_date(_as_of(revision), language)}"


def _as_of(revision: Revision) -> date:
    """Return the day a revision's shares are of: the published one, until they were revised."""
    stored, published = revision.imported_at.date(), revision.published_on
    if published is None:
        return stored
    return published if revision.number == 1 else max(published, stored)


def _side(revision: Revision, request: Request) -> Contender:
    """Return the tool that is asked for, by its slug; without one the left tool."""
    asked = request.query_params.get("tool")
    for side in sorted(revision.contenders, key=lambda contender: contender.side):
        if asked in (None, side.tool.slug):
            return side
    raise NotFound("no such tool is compared here")


def _badge_code(page: str, name: str, tool: str) -> str:
    source = f"{page}/badge.svg?{urlencode({'tool': tool})}"
    image = f'<img src="{source}" alt="{escape(name)}" height="24">'
    return f'<a href="{page}">{image}</a>'


def _frame_code(page: str, title: str) -> str:
    size = 'width="100%" height="400" frameborder="0"'
    return f'<iframe src="{page}/frame" title="{escape(title)}" {size}></iframe>'
