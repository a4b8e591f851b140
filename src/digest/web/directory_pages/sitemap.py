"""Write every public address of the site for crawlers (sitemaps.org, 0.9), and robots.txt.

This module hides how a sitemap is cut: none may hold more than 50,000 addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.app.installation import App
from digest.directory import directory_map
from digest.errors import NotFound
from digest.issues import store
from digest.render.filters import link
from digest.web.comparison_page import comparison_path
from digest.web.conditional_requests import conditional
from digest.web.security_headers import cacheable_headers
from digest.web.theme import Theme

MOST = 50_000  #: addresses in one file
_HOUR = 3600
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_MOST_DIGITS = 4


class Place(NamedTuple):
    """An address of the site, and the day that its content changed, where that is known."""

    path: str
    changed: date | None


class Sitemap:
    """The handlers of sitemaps and robots.txt."""

    def __init__(self, app: App, theme: Theme, *, most: int = MOST) -> None:
        self._app = app
        self._theme = theme
        self._most = most

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/sitemap.xml", self.sitemap),
            Route("/sitemap-{part}.xml", self.sitemap),
            Route("/robots.txt", self.robots),
        ]

    def sitemap(self, request: Request) -> Response:
        """Return the sitemap, or the list of its parts where it is too long for one file."""
        base, places = self._app.settings.base_url, list(self._places())
        parts = [places[at : at + self._most] for at in range(0, len(places), self._most)]
        asked = request.path_params.get("part")
        if asked is None:
            text = url_set(base, places) if len(parts) <= 1 else sitemap_index(base, len(parts))
        else:
            text = url_set(base, parts[_part(asked, len(parts))])
        return _text(request, text, "application/xml")

    def robots(self, request: Request) -> Response:
        """Return robots.txt (RFC 9309), which keeps crawlers from the API and the webhook."""
        sitemap = f"{self._app.settings.base_url}/sitemap.xml"
        rules = f"User-agent: *\nDisallow: /api/\nDisallow: /webhooks/\n\nSitemap: {sitemap}\n"
        return _text(request, rules, "text/plain")

    def _places(self) -> Iterator[Place]:
        """Yield every address that search engines may list."""
        with self._app.database.read() as session:
            told = directory_map(session, self._app.public_site.comparisons)
            for path in ("/", "/comparisons", "/tools", "/categories"):
                yield Place(path, None)
            for entry in self._theme.newsletters.public():
                newsletter = store.newsletter(session, entry.slug)
                issues = store.published(session, newsletter, at_most=MOST)
                changes = store.last_changes(session, newsletter)
                if issues:
                    yield Place(f"/issues/{entry.slug}", issues[0].day)
                for issue in issues:
                    changed = max(issue.day, changes.get(issue.number, issue.day))
                    yield Place(f"/issues/{entry.slug}/{issue.number}", changed)
        for slug, at in told.comparisons.items():
            yield Place(comparison_path(slug), at.date())
        for slug, at in told.tools.items():
            yield Place(f"/tools/{slug}", at.date())
        for slug, at in told.categories.items():
            yield Place(f"/categories/{slug}", at.date())


def url_set(base_url: str, places: Sequence[Place]) -> str:
    """Return a sitemap of *places*."""
    urls = "".join(
        f"<url>{_location(base_url + place.path)}"
        f"{f'<lastmod>{place.changed}</lastmod>' if place.changed else ''}</url>\n"
        for place in places
    )
    return _document("urlset", urls)


def sitemap_index(base_url: str, parts: int) -> str:
    """Return the list of a sitemap's parts."""
    files = (f"{base_url}/sitemap-{part}.xml" for part in range(1, parts + 1))
    return _document(
        "sitemapindex", "".join(f"<sitemap>{_location(url)}</sitemap>\n" for url in files)
    )


def _location(url: str) -> str:
    return f"<loc>{escape(str(link(url)))}</loc>"


def _document(name: str, content: str) -> str:
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f'{head}\n<{name} xmlns="{_NAMESPACE}">\n{content}</{name}>\n'


def _part(text: str, parts: int) -> int:
    """Return the index of a part by its number in the address; raises `NotFound`."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise NotFound("there is no such sitemap")
    if not 1 <= int(text) <= parts:
        raise NotFound("there is no such sitemap")
    return int(text) - 1


def _text(request: Request, text: str, media_type: str) -> Response:
    return conditional(
        request,
        text.encode(),
        media_type=f"{media_type}; charset=utf-8",
        headers=cacheable_headers(_HOUR if media_type == "application/xml" else 300),
    )
