"""The preview's ASGI application: routes, request bodies, responses.

Hides HTTP from the session: JSON bodies of bounded size in, pages and page parts out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from digest.errors import DigestError
from digest.preview import client_simulation, panels, view_models
from digest.preview.file_watcher import FileWatcher
from digest.preview.forms import (
    IssueActions,
    comparison_routes,
    image_routes,
    json_answer,
    json_body,
    newsletter_routes,
)
from digest.preview.origin_guard import POLICY, OriginGuard
from digest.preview.proposals import proposal_routes
from digest.preview.query import PanelName, PreviewQuery, read_query
from digest.preview.session import PreviewSession
from digest.render.template_paths import shipped_templates
from digest.web.security_headers import SecurityHeaders
from subscribers import store as subscribers
from subscribers.address import parse
from subscribers.errors import SubscribersError

_FILES = {
    "desk.css": "text/css",
    "desk.js": "text/javascript",
    "words.js": "text/javascript",
    "images.js": "text/javascript",
    "forms.js": "text/javascript",
    "comparison.js": "text/javascript",
    "newsletters.js": "text/javascript",
    "proposals.js": "text/javascript",
    "desk.svg": "image/svg+xml",
}


def make_preview(preview: PreviewSession, live: FileWatcher, *, port: int, token: str) -> Starlette:
    """Return the application; it answers requests for this machine's own names at *port* only.

    A browser gets access by ``?token=`` with the *token*.
    """
    handlers = PreviewHandlers(preview, live)
    return Starlette(
        routes=[
            Route("/", handlers.page),
            Route("/parts", handlers.parts),
            Route("/stage", handlers.stage),
            Route("/mail", handlers.mail),
            Route("/copy", handlers.copy),
            Route("/events", handlers.events),
            Route("/decide", handlers.decide, methods=["POST"]),
            Route("/approve", handlers.approve, methods=["POST"]),
            Route("/test", handlers.test, methods=["POST"]),
            Route("/spam", handlers.spam, methods=["POST"]),
            Route("/reader", handlers.reader, methods=["POST"]),
            Route("/issue/{action}", handlers.issue, methods=["POST"]),
            *comparison_routes(preview, live),
            *newsletter_routes(preview, live),
            *proposal_routes(preview, live),
            *image_routes(preview),
            *(Route(f"/{name}", _file(name)) for name in _FILES),
        ],
        lifespan=handlers.running,
        middleware=[
            Middleware(SecurityHeaders, tls=False),
            Middleware(OriginGuard, port=port, token=token),
        ],
    )


class PreviewHandlers:
    """The request handlers, one a route; blocking work runs in threads."""

    def __init__(self, preview: PreviewSession, live: FileWatcher) -> None:
        self._preview, self._live = preview, live
        self._actions = IssueActions(preview, changed=self._show)

    async def page(self, request: Request) -> Response:
        """Answer with the whole page."""
        query = read_query(request.query_params)
        return await run_sync(self._page, query)

    async def parts(self, request: Request) -> Response:
        """Answer with the parts of the page that change, as JSON."""
        query = read_query(request.query_params)
        return await run_sync(lambda: json_answer(view_models.parts(self._preview, query)))

    async def stage(self, request: Request) -> Response:
        """Answer with the HTML of the panel."""
        query = read_query(request.query_params)
        return await run_sync(lambda: HTMLResponse(self._stage(query)))

    async def mail(self, request: Request) -> Response:
        """Answer with a mail, or with the page of it on the web, to be shown in a frame only."""
        query = read_query(request.query_params)
        html = panels.web_page_of if query.view is PanelName.WEB else panels.mail_of
        return await run_sync(self._mail, query, html)

    async def copy(self, request: Request) -> Response:
        """Answer with the mail within its page on the web."""
        return await run_sync(self._mail, read_query(request.query_params), panels.mail_of)

    async def events(self, _: Request) -> Response:
        """Answer with a stream of server-sent events, one a snapshot."""
        return StreamingResponse(self._live.events(), media_type="text/event-stream")

    async def decide(self, request: Request) -> Response:
        """Apply an editor's decision to the draft."""
        return await self._act(request, lambda body: self._preview.decide(body))

    async def approve(self, request: Request) -> Response:
        """Approve the issue as it is shown."""

        def act(body: dict[str, Any]) -> str:
            ticked = body.get("accepted")
            accepted = [str(rule) for rule in ticked] if isinstance(ticked, list) else []
            by = " ".join(str(body.get("by", "")).split())[:200]
            if not by:
                raise DigestError("add your name")
            if self._preview.snapshot.faults:
                raise DigestError("fix the errors first")
            self._preview.approve(str(body.get("seen", "")), accepted, by)
            return f"approved by {by}"

        return await self._act(request, act)

    async def test(self, request: Request) -> Response:
        """Send a test copy."""

        def act(body: dict[str, Any]) -> str:
            where = self._preview.try_out(str(body.get("to", ""))[:320])
            return f"the test copy {where}"

        return await self._act(request, act)

    async def spam(self, request: Request) -> Response:
        """Check the mail with SpamAssassin."""
        return await self._act(request, lambda _: self._preview.ask_spam())

    async def issue(self, request: Request) -> Response:
        """Carry out an action on the issue: send it, move it, cancel it."""
        name = request.path_params["action"]
        return await self._act(request, lambda form: self._actions.perform(name, form))

    async def reader(self, request: Request) -> Response:
        """Find a subscriber by address, which is in the body so that no log holds it."""
        body = await json_body(request)

        def find() -> Response:
            try:
                address = parse(str((body or {}).get("address", ""))[:320])
            except SubscribersError as fault:
                return json_answer({"fault": str(fault)}, 400)
            with self._preview.app.database.read() as session:
                subscriber = subscribers.find(session, address.key)
            if subscriber is None:
                return json_answer({"fault": "no subscriber has that address"}, 404)
            return json_answer({"reader": f"id:{subscriber.id}"})

        return await run_sync(find)

    @asynccontextmanager
    async def running(self, _: Starlette) -> AsyncIterator[None]:
        """Let a send under way finish its requests when the desk stops."""
        yield
        await run_sync(self._actions.close)

    def _show(self) -> None:
        """Show every open page what has changed."""
        self._preview.renew()
        self._live.notify()

    def _page(self, query: PreviewQuery) -> Response:
        html = view_models.page(self._preview, query, lambda: self._stage(query))
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})

    def _stage(self, query: PreviewQuery) -> str:
        try:
            return view_models.stage(
                self._preview, query, **panels.variables_of(self._preview, query)
            )
        except (DigestError, SubscribersError) as fault:
            return view_models.empty(str(fault))

    def _mail(
        self, query: PreviewQuery, html_of: Callable[[PreviewSession, PreviewQuery], str]
    ) -> Response:
        built = self._preview.snapshot.built
        viewing = client_simulation.ClientView(
            scheme=query.scheme,
            images=query.images,
            clip=not query.case and query.view is not PanelName.WEB,
            tracked=built is not None and built.view.tracked,
            remote=self._preview.remote_images,
            site=self._preview.app.settings.base_url,
            blocks=[(one.slug, one.title) for one in built.view.comparisons] if built else (),
        )
        headers = {"Content-Security-Policy": client_simulation.policy(viewing)}
        try:
            html = client_simulation.as_client_shows(html_of(self._preview, query), viewing)
        except DigestError as fault:
            return PlainTextResponse(str(fault), 404, headers=headers)
        return HTMLResponse(html, headers=headers)

    async def _act(self, request: Request, act: Callable[[dict[str, Any]], str]) -> Response:
        body = await json_body(request)
        if body is None:
            return json_answer({"fault": "that can't be read"}, 400)
        query = read_query(request.query_params)

        def answer() -> Response:
            try:
                message = act(body)
            except (DigestError, SubscribersError, ValueError) as fault:
                return json_answer({"fault": str(fault)}, 409)
            self._show()
            return json_answer({"said": message, **view_models.parts(self._preview, query)})

        return await run_sync(answer)


def templates(own: Path | None) -> list[Path]:
    """Return the folders of mail templates to watch."""
    return [path for path in (own, shipped_templates("email")) if path is not None]


def _file(name: str) -> Callable[[Request], Response]:
    def answer(_: Request) -> Response:
        return Response((shipped_templates("preview") / name).read_bytes(), media_type=_FILES[name])

    return answer
