"""The desk as an ASGI application, for one editor on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from anyio.to_thread import run_sync
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from digest.errors import DigestError
from digest.preview import client_simulation, panels, view_models
from digest.preview.file_watcher import FileWatcher
from digest.preview.origin_guard import POLICY, OriginGuard
from digest.preview.query import PreviewQuery, read_query
from digest.preview.session import PreviewSession
from digest.render.template_paths import shipped_templates
from digest.web.security_headers import SecurityHeaders
from subscribers import store as subscribers
from subscribers.address import parse
from subscribers.errors import SubscribersError

MAX_BODY = 100_000  # bytes; what an editor types
_FILES = {"desk.css": "text/css", "desk.js": "text/javascript", "desk.svg": "image/svg+xml"}


def make_desk(desk: PreviewSession, live: FileWatcher, *, port: int, token: str) -> Starlette:
    """Return the application; it answers to this machine's own names at *port* only.

    Whoever opens it with ``?token=`` and the *token* may use it, and nobody else.
    """
    answers = PreviewHandlers(desk, live)
    return Starlette(
        routes=[
            Route("/", answers.page),
            Route("/parts", answers.parts),
            Route("/stage", answers.stage),
            Route("/mail", answers.mail),
            Route("/events", answers.events),
            Route("/decide", answers.decide, methods=["POST"]),
            Route("/approve", answers.approve, methods=["POST"]),
            Route("/test", answers.test, methods=["POST"]),
            Route("/spam", answers.spam, methods=["POST"]),
            Route("/reader", answers.reader, methods=["POST"]),
            *(Route(f"/{name}", _file(name)) for name in _FILES),
        ],
        middleware=[
            Middleware(SecurityHeaders, tls=False),
            Middleware(OriginGuard, port=port, token=token),
        ],
    )


class PreviewHandlers:
    """One method a route; what takes time is done in threads."""

    def __init__(self, desk: PreviewSession, live: FileWatcher) -> None:
        self._desk, self._live = desk, live

    async def page(self, request: Request) -> Response:
        """Answer with the whole page."""
        wish = read_query(request.query_params)
        return await run_sync(self._page, wish)

    async def parts(self, request: Request) -> Response:
        """Answer with the parts of the page that change."""
        wish = read_query(request.query_params)
        return await run_sync(lambda: _json(view_models.parts(self._desk, wish)))

    async def stage(self, request: Request) -> Response:
        """Answer with what the stage shows."""
        wish = read_query(request.query_params)
        return await run_sync(lambda: HTMLResponse(self._stage(wish)))

    async def mail(self, request: Request) -> Response:
        """Answer with a mail, to be shown in a frame and nowhere else."""
        query = request.query_params
        return await run_sync(self._mail, read_query(query))

    async def events(self, _: Request) -> Response:
        """Answer with a stream that tells of each new look."""
        return StreamingResponse(self._live.events(), media_type="text/event-stream")

    async def decide(self, request: Request) -> Response:
        """Change the draft."""
        return await self._act(request, lambda told: self._desk.decide(told))

    async def approve(self, request: Request) -> Response:
        """Approve what is on the desk."""

        def act(told: dict[str, Any]) -> str:
            ticked = told.get("accepted")
            accepted = [str(each) for each in ticked] if isinstance(ticked, list) else []
            by = " ".join(str(told.get("by", "")).split())[:200]
            if not by:
                raise DigestError("say who you are: an approval has a name")
            if self._desk.look.faults:
                raise DigestError("mend what is wrong first")
            self._desk.approve(str(told.get("seen", "")), accepted, by)
            return f"approved by {by}"

        return await self._act(request, act)

    async def test(self, request: Request) -> Response:
        """Send a test copy."""

        def act(told: dict[str, Any]) -> str:
            where = self._desk.try_out(str(told.get("to", ""))[:320])
            return f"the test copy {where}"

        return await self._act(request, act)

    async def spam(self, request: Request) -> Response:
        """Ask SpamAssassin."""
        return await self._act(request, lambda _: self._desk.ask_spam())

    async def reader(self, request: Request) -> Response:
        """Find a subscriber by address; the address comes in the body, so that no log holds it."""
        told = await _told(request)

        def find() -> Response:
            try:
                address = parse(str((told or {}).get("address", ""))[:320])
            except SubscribersError as fault:
                return _json({"fault": str(fault)}, 400)
            with self._desk.app.database.read() as session:
                found = subscribers.find(session, address.key)
            if found is None:
                return _json({"fault": "nobody of that address is on the list"}, 404)
            return _json({"reader": f"id:{found.id}"})

        return await run_sync(find)

    def _page(self, wish: PreviewQuery) -> Response:
        html = view_models.page(self._desk, wish, Markup(self._stage(wish)))  # noqa: S704 - our template
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})

    def _stage(self, wish: PreviewQuery) -> str:
        try:
            return view_models.stage(self._desk, wish, **panels.given(self._desk, wish))
        except (DigestError, SubscribersError) as fault:
            return view_models.empty(str(fault))

    def _mail(self, wish: PreviewQuery) -> Response:
        proof = self._desk.look.proof
        viewing = client_simulation.ClientView(
            scheme=wish.scheme,
            images=wish.images,
            clip=not wish.case,
            tracked=proof is not None and proof.view.tracked,
            remote=self._desk.remote_images,
        )
        headers = {"Content-Security-Policy": client_simulation.policy(viewing)}
        try:
            html = client_simulation.as_client_shows(panels.mail_of(self._desk, wish), viewing)
        except DigestError as fault:
            return PlainTextResponse(str(fault), 404, headers=headers)
        return HTMLResponse(html, headers=headers)

    async def _act(self, request: Request, act: Callable[[dict[str, Any]], str]) -> Response:
        told = await _told(request)
        if told is None:
            return _json({"fault": "that can't be read"}, 400)
        wish = read_query(request.query_params)

        def answer() -> Response:
            try:
                said = act(told)
            except (DigestError, SubscribersError, ValueError) as fault:
                return _json({"fault": str(fault)}, 409)
            self._desk.renew()
            self._live.tell()
            return _json({"said": said, **view_models.parts(self._desk, wish)})

        return await run_sync(answer)


def templates(own: Path | None) -> list[Path]:
    """Return the folders of mail templates to watch."""
    return [path for path in (own, shipped_templates("email")) if path is not None]


async def _told(request: Request) -> dict[str, Any] | None:
    """Read a JSON object of bounded size; ``None`` for anything else."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            return None
        parts.append(part)
    try:
        told = orjson.loads(b"".join(parts))
    except orjson.JSONDecodeError:
        return None
    return told if isinstance(told, dict) else None


def _json(told: object, status: int = 200) -> Response:
    return Response(orjson.dumps(told), status, media_type="application/json")


def _file(name: str) -> Callable[[Request], Response]:
    def answer(_: Request) -> Response:
        return Response((shipped_templates("desk") / name).read_bytes(), media_type=_FILES[name])

    return answer
