"""Put the API together: its routes, the middleware before them, and its description."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import HTMLResponse, Response

from digest.api.admission import Admission
from digest.api.openapi_document import openapi_document
from digest.api.public_answers import KeptAnswers, PublicAnswers
from digest.api.reference_page import render_reference
from digest.api.resources import ROUTERS
from digest.api.turns import Turns
from digest.api.unit_of_change import REPLAYED, KeysUnderWay
from digest.app.installation import App

#: Headers of answers that a page of another origin may read.
_EXPOSED = ("ETag", "Link", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", REPLAYED)
_ALLOWED = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match")
AT_ONCE = 2  #: requests of one costly kind that a process works on
_CACHED = {"Cache-Control": "public, max-age=300"}


class DigestApi(FastAPI):
    """The API, which describes itself in our words."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, which is made on first use and kept."""
        if self.openapi_schema is None:
            self.openapi_schema = openapi_document(self)
        return self.openapi_schema


def make_api(app: App, *, on_letter: Callable[[], None] = lambda: None) -> DigestApi:
    """Return the API of an installation, to be mounted at `/api/v1`; raises `BadSetting`.

    *on_letter* is called when a letter was enqueued.
    """
    answers = PublicAnswers(app)
    api = DigestApi(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # it would build an address from the Host header
        middleware=_middleware(app, answers),
    )
    api.exception_handlers = {HTTPException: _raise}  # in place of the framework's answers
    api.state.installation = app
    api.state.under_way = KeysUnderWay()
    api.state.site_looks = Turns(AT_ONCE, "sites are being looked at")
    api.state.builds = Turns(AT_ONCE, "issues are being built")
    api.state.public_answers = answers
    api.state.on_letter = on_letter
    for router in ROUTERS:
        api.include_router(router)

    _describe(api, app)
    return api


def _describe(api: DigestApi, app: App) -> None:
    """Serve the OpenAPI document and its page; each is made on first use and kept."""
    document = cache(lambda: orjson.dumps(api.openapi()))
    page = cache(lambda: render_reference(app, api.openapi()))

    @api.get("/openapi.json", include_in_schema=False)
    def openapi_json() -> Response:
        """Answer with the OpenAPI document."""
        return Response(document(), headers=_CACHED, media_type="application/json")

    @api.get("/docs", include_in_schema=False)
    def docs() -> Response:
        """Answer with the page that shows it to people."""
        return HTMLResponse(page(), headers=_CACHED)


async def _raise(_request: Request, fault: Exception) -> Response:
    """Let `Admission` answer, as it answers whatever else a route raises."""
    raise fault


def _middleware(app: App, answers: PublicAnswers) -> list[Middleware]:
    chain = [
        Middleware(Admission, installation=app),
        Middleware(KeptAnswers, answers=answers),
    ]
    origins = app.public_site.api_origins
    if not origins:
        return chain
    cors = Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "PUT", "POST", "PATCH", "DELETE"],
        allow_headers=_ALLOWED,
        expose_headers=_EXPOSED,
        max_age=600,
    )
    return [cors, *chain]
