"""Answer the addresses of a review over HTTP: which link opens what, and which form is refused.

GET and HEAD read only. A POST comes from this site's own page; what it decides takes a code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from http import HTTPStatus

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from digest.app.installation import App
from digest.issues import store
from digest.issues.review_link import PATH, ReviewLink, ReviewOver, editor_of, read_review
from digest.render.pages import review_page
from digest.web.archive import public_html
from digest.web.public_pages import OWN_LINKS
from digest.web.review.review_decision import ReviewAct, ReviewOrder, ask_for_code, decide
from digest.web.review.review_view import ReviewAnswers, review_of
from digest.web.security_headers import FRAMING, REVIEWED_MAIL
from digest.web.theme import Theme
from subscribers.errors import BadToken
from subscribers.web import BodyRejected, Fields, Page, is_ours, read_form

_EXPIRED = (
    "This link has expired",
    "It worked until the issue could no longer go out automatically. The latest email about this"
    " newsletter has a link that works.",
)
_BAD = (
    "This link doesn’t work",
    "Part of it is missing, or you’re no longer one of the editors. Use the link in the latest"
    " email.",
)
_STRAYED = (
    "This request came from another site",
    "Open the link in your email, and decide on the page that it opens.",
)
Act = Callable[[ReviewLink, str], Response]


class ReviewPages:
    """The handlers of the page where an editor decides on an issue."""

    def __init__(self, app: App, theme: Theme, on_letter: Callable[[], None]) -> None:
        self._app = app
        self._theme = theme
        self._on_letter = on_letter  #: called after a letter was queued

    def routes(self) -> list[Route]:
        """Return the routes."""
        own = f"{PATH}/{{token}}"
        return [
            Route(own, self.show),
            Route(f"{own}/mail", self.mail),
            Route(f"{own}/code", self.ask, methods=["POST"]),
            Route(f"{own}/decide", self.decide, methods=["POST"]),
        ]

    def show(self, request: Request) -> Response:
        """Show the issue as it is now, and the forms to decide on it."""
        return self._opened(request, partial(self._page, request, ReviewAnswers()))

    def mail(self, request: Request) -> Response:
        """Show the mail itself, in which nothing runs."""

        def act(link: ReviewLink, _editor: str) -> Response:
            with self._app.database.read() as session:
                issue = store.by_id(session, link.issue_id)
                if issue is None:
                    raise BadToken
                html = store.edition_of(session, issue).html
            shown = public_html(html, OWN_LINKS, target="_blank")
            return HTMLResponse(shown, headers={"Content-Security-Policy": REVIEWED_MAIL})

        return self._opened(request, act)

    async def ask(self, request: Request) -> Response:
        """Queue a letter with a code to the link's editor."""
        return await self._posted(request, self._ask)

    async def decide(self, request: Request) -> Response:
        """Approve the issue or send it back, by the code that the editor was mailed."""
        return await self._posted(request, self._decide)

    async def _posted(
        self, request: Request, act: Callable[[Request, Fields, ReviewLink, str], Response]
    ) -> Response:
        if not is_ours(request, self._app.settings.base_url):
            return self._message(*_STRAYED, HTTPStatus.FORBIDDEN)
        try:
            fields = await read_form(request)
        except BodyRejected as fault:
            return PlainTextResponse("this can't be read\n", fault.status)
        return await run_sync(self._opened, request, partial(act, request, fields))

    def _ask(self, request: Request, fields: Fields, link: ReviewLink, editor: str) -> Response:
        fault = ask_for_code(self._app, link, _last(fields, "seen"))
        if fault:
            return self._page(request, ReviewAnswers(fault=fault), link, editor)
        self._on_letter()
        return _back_to(request)

    def _decide(self, request: Request, fields: Fields, link: ReviewLink, editor: str) -> Response:
        act = _last(fields, "act")
        order = ReviewOrder(
            act=ReviewAct(act) if act in list(ReviewAct) else None,
            seen=_last(fields, "seen"),
            code=_last(fields, "code"),
            note=_last(fields, "note"),
            accepted=fields.get("accept", []),
        )
        fault = decide(self._app, link, editor, order)
        if not fault:
            return _back_to(request)
        answers = ReviewAnswers(fault=fault, note=order.note, ticked=order.accepted)
        return self._page(request, answers, link, editor)

    def _page(
        self, request: Request, answers: ReviewAnswers, link: ReviewLink, editor: str
    ) -> Response:
        path = f"{PATH}/{request.path_params['token']}"
        with self._app.database.read() as session:
            issue = store.by_id(session, link.issue_id)
            if issue is None:
                raise BadToken
            review = review_of(session, self._app, issue, link, editor, path)
            slug = store.newsletter_of(session, issue).slug
        site = self._theme.site(self._theme.newsletters.entries().get(slug))
        page = review_page(
            replace(site, name=review.newsletter, language="en"),
            review,
            answers,
            folder=self._theme.folder,
        )
        status = HTTPStatus.CONFLICT if answers.fault else HTTPStatus.OK
        return HTMLResponse(page, status, headers={"Content-Security-Policy": FRAMING})

    def _opened(self, request: Request, act: Act) -> Response:
        """Return what *act* answers for the editor of the link; a page in words for a bad link."""
        app = self._app
        try:
            link = read_review(app.tokens, request.path_params["token"], app.clock())
            editor = editor_of(app.settings.editor_list(), link.editor)
            if editor is None:
                raise BadToken
            return act(link, editor)
        except ReviewOver:
            return self._message(*_EXPIRED, HTTPStatus.GONE)
        except BadToken:
            return self._message(*_BAD, HTTPStatus.NOT_FOUND)

    def _message(self, title: str, words: str, status: HTTPStatus) -> Response:
        page = Page(language="en", title=title, paragraphs=[words])
        return HTMLResponse(self._theme.message(page), status)


def _last(fields: Fields, name: str) -> str:
    return fields.get(name, [""])[-1]


def _back_to(request: Request) -> Response:
    """Return the way to the page after a POST, so that reloading it posts nothing again."""
    return RedirectResponse(f"{PATH}/{request.path_params['token']}#decide", HTTPStatus.SEE_OTHER)
