"""Render the pages of votes: a page that only its reader's token tells from others is kept.

In the hours after an issue thousands see the same few pages, and rendering is most of their cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from digest.render.pages import Site
from digest.votes import vote_path
from digest.web.theme import Theme
from subscribers.web import EndpointRequest

_MOST = 500  # pages in memory at once, of about 3 KB each


class RenderVote(Protocol):
    """A function that renders the view of a vote page."""

    def __call__(self, site: Site, vote: object, *, folder: Path | None = None) -> str:
        """Return the page as HTML."""
        ...


class RenderedPages:
    """The pages that were rendered lately."""

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._kept: dict[tuple[object, ...], str] = {}
        self._stand_in = token_hex()  # stands where the reader's token belongs

    def render(
        self,
        request: EndpointRequest,
        render: RenderVote,
        facts: tuple[object, ...],
        make: Callable[[str], object],
    ) -> str:
        """Return the page of a request; *make* returns its view, for the path of the vote page.

        *facts* are all that the view is made of, apart from that path and the request's language:
        where they were rendered before, nothing is made.
        """
        site, language = self._theme.site(), request.language
        key = (render, site, language, facts)
        if key not in self._kept:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            view = make(vote_path(self._stand_in))
            own = replace(site, language=language)
            self._kept[key] = render(own, view, folder=self._theme.folder)
        return self._kept[key].replace(self._stand_in, escape(request.token))
