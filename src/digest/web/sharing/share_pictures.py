"""Answer for the share pictures, and name the one of a comparison.

This module hides where a picture is kept: its address carries the hash of what it says, so that it
is drawn when it is first asked for, kept in memory, and kept by others for as long as they like.
"""

from __future__ import annotations

import threading
from dataclasses import astuple
from hashlib import sha256
from http import HTTPStatus

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.app.installation import App
from digest.directory import public_revision
from digest.issues.content import ComparisonView, comparison_view
from digest.render.accent import OWN
from digest.render.pages import ShareTags
from digest.render.share_picture import PictureSide, SharePicture, draw
from digest.web.comparison_page import comparison_path
from digest.web.conditional_requests import conditional
from digest.web.security_headers import IMAGE, cacheable_headers
from digest.web.theme import Theme
from subscribers.locale import percentage, translations

_MOST_KEPT = 200  # pictures of some 15 kB each
_RETRY_SECONDS = "5"
_FORMER = 3600  # seconds that the answer is kept at an address of what it said before
_DESIGN = 1  # of the picture; another one has other addresses


class SharePictures:
    """The pictures of public comparisons, in the name and colour of the site.

    *most_waiting* requests may wait for a drawing, so that a crawler can't take every thread.
    """

    def __init__(self, app: App, theme: Theme, *, most_waiting: int = 8) -> None:
        self._app = app
        self._theme = theme
        self._drawn: dict[str, bytes] = {}
        self._waiting = threading.BoundedSemaphore(most_waiting)
        self._drawing = threading.Lock()  # one at a time, since a drawing fills a processor

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [Route("/comparisons/{slug}/share-{picture}.png", self.show)]

    def show(self, request: Request) -> Response:
        """Return a comparison's picture, also for the address of what it said before."""
        language = self._language()
        with self._app.database.read() as session:
            terms = self._app.public_site.comparisons
            revision = public_revision(session, request.path_params["slug"], terms)
            view = comparison_view(revision, base_url="", web_url="", language=language)
        picture = self._picture(view)
        current = request.path_params["picture"] == _key(picture)
        headers = IMAGE if current else IMAGE | cacheable_headers(_FORMER)
        drawn = self._drawn.get(_key(picture)) or self._draw(picture)
        if drawn is None:
            busy = {"Retry-After": _RETRY_SECONDS}
            return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers=busy)
        return conditional(request, drawn, media_type="image/png", headers=headers)

    def tags(self, view: ComparisonView, title: str, description: str) -> ShareTags:
        """Return what other sites show of a page that is about this comparison."""
        picture = self._picture(view)
        return ShareTags(
            title=title,
            description=description,
            image=self._app.settings.base_url + _path(view, picture),
            alt=view.brief,
        )

    def _language(self) -> str:
        first = self._theme.newsletters.first()
        return first.language if first else "en"

    def _picture(self, view: ComparisonView) -> SharePicture:
        first = self._theme.newsletters.first()
        language = self._language()
        words = translations(language)
        return SharePicture(
            newsletter=self._theme.site().name,
            caption=words.pgettext("several", "would ship"),
            unknown=words.gettext("No panel vote yet"),
            accent=first.accent if first and first.accent else OWN.light,
            sides=[
                PictureSide(
                    name=side.name,
                    figure=_figure(side.panel_share, language),
                    share=side.panel_share,
                    ships=side.ships,
                    seats=side.seats,
                )
                for side in view.contenders
            ],
        )

    def _draw(self, picture: SharePicture) -> bytes | None:
        """Draw a picture and keep it; ``None`` where too many wait for theirs."""
        key = _key(picture)
        if not self._waiting.acquire(blocking=False):
            return None
        try:
            with self._drawing:
                if key not in self._drawn:
                    if len(self._drawn) >= _MOST_KEPT:
                        self._drawn.pop(next(iter(self._drawn)))
                    self._drawn[key] = draw(picture)
                return self._drawn[key]
        finally:
            self._waiting.release()


def _figure(share: float | None, language: str) -> str:
    return "" if share is None else percentage(share, language)


def _path(view: ComparisonView, picture: SharePicture) -> str:
    return f"{comparison_path(view.slug)}/share-{_key(picture)}.png"


def _key(picture: SharePicture) -> str:
    """Return the hash of what a picture says."""
    return sha256(orjson.dumps([_DESIGN, astuple(picture)])).hexdigest()[:16]
