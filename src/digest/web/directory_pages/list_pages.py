"""Answer for the lists of comparisons, categories and tools, and for the page of one of these."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.app.installation import App
from digest.directory import category_list, find, tool_history, tool_list
from digest.errors import NotFound
from digest.render.pages import directory_page
from digest.web.conditional_requests import conditional
from digest.web.directory_pages.directory_views import (
    ListView,
    list_view,
    paging,
    tool_page_view,
)
from digest.web.security_headers import cacheable_headers
from digest.web.theme import Theme

_MINUTE = 60
_MOST_DIGITS = 6
_LONGEST_QUERY = 200  #: characters that are shown again


class DirectoryPages:
    """The handlers of the pages that lead to comparisons."""

    def __init__(self, app: App, theme: Theme) -> None:
        self._app = app
        self._theme = theme

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/comparisons", self.comparisons),
            Route("/categories", self.categories),
            Route("/categories/{slug}", self.category),
            Route("/tools", self.tools),
            Route("/tools/{slug}", self.tool),
        ]

    def comparisons(self, request: Request) -> Response:
        """List the comparisons, the newest first, or those that a visitor searches for.

        Raises `NotFound` for a category alone that none stands in.
        """
        query = request.query_params.get("q", "").strip()[:_LONGEST_QUERY]
        category = request.query_params.get("category", "")
        shown = self._listed(request, "/comparisons", query=query, category=category)
        if category and not (query or shown.total):
            raise NotFound("no public comparison stands in such a category")
        return self._page(request, "comparisons", shown, listed=not (query or category))

    def category(self, request: Request) -> Response:
        """List the comparisons of a category; raises `NotFound` for one that none stands in."""
        slug = request.path_params["slug"]
        shown = self._listed(request, f"/categories/{slug}", category=slug)
        if not shown.total:
            raise NotFound("no public comparison stands in such a category")
        return self._page(request, "comparisons", shown)

    def categories(self, request: Request) -> Response:
        """List the categories, each with the number of its comparisons."""
        with self._app.database.read() as session:
            shown = category_list(session, self._app.public_site.comparisons)
        return self._page(request, "categories", shown)

    def tools(self, request: Request) -> Response:
        """List the tools by name, each with the number of its comparisons."""
        with self._app.database.read() as session:
            terms, number = self._app.public_site.comparisons, _page_number(request)
            shown = tool_list(session, terms, number=number)
        place = paging("/tools", number, shown.pages)
        _require(place.number, shown.pages)
        return self._page(request, "tools", {"tools": shown.tools, "paging": place})

    def tool(self, request: Request) -> Response:
        """Show a tool with every comparison it stood in; raises `NotFound` for one in none."""
        slug, number = request.path_params["slug"], _page_number(request)
        with self._app.database.read() as session:
            terms = self._app.public_site.comparisons
            history = tool_history(session, terms, slug, number=number)
        _require(number, history.pages)
        return self._page(request, "tool", tool_page_view(history, slug, self._language))

    @property
    def _language(self) -> str:
        entry = self._theme.newsletters.first()
        return entry.language if entry else "en"

    def _listed(
        self, request: Request, path: str, *, query: str = "", category: str = ""
    ) -> ListView:
        number = _page_number(request)
        with self._app.database.read() as session:
            terms = self._app.public_site.comparisons
            found = find(session, terms, query=query, category=category, number=number)
            shown = list_view(found, path, self._language, query=query, category=category)
        _require(number, found.pages)
        return shown

    def _page(self, request: Request, name: str, shown: object, *, listed: bool = True) -> Response:
        """Return a page; *listed* says that search engines may list it."""
        path = request.url.path
        if (number := _page_number(request)) > 1:
            path += f"?page={number}"
        site = self._theme.site(self._theme.newsletters.first(), path=path if listed else "")
        page = directory_page(name, site, shown, folder=self._theme.folder)
        return conditional(
            request,
            page.encode(),
            media_type="text/html; charset=utf-8",
            headers=cacheable_headers(_MINUTE, found=listed),
        )


def _page_number(request: Request) -> int:
    """Return the number of the page that is asked for; raises `NotFound` for what is none."""
    text = request.query_params.get("page", "1")
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text)):
        raise NotFound("no page has such a number")
    return int(text)


def _require(number: int, pages: int) -> None:
    if number > pages:
        raise NotFound("the list has no such page")
