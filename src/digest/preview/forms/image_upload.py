"""Images at the desk: an upload is kept like any image, and shown as the public site would.

A file comes as base64 within JSON, since the desk takes nothing else from a browser.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest import images
from digest.errors import NotFound
from digest.preview.forms.json_bodies import json_answer, json_body
from digest.preview.session import PreviewSession
from digest.web.security_headers import IMAGE

_LONGEST = images.MOST_BYTES * 3 // 2  # bytes of a body: base64 makes four of three


def image_routes(preview: PreviewSession) -> list[Route]:
    """Return the routes that take and show images."""
    handlers = ImageUploads(preview)
    return [
        Route(images.FOLDER, handlers.add, methods=["POST"]),
        Route(f"{images.FOLDER}/{{name}}", handlers.show),
    ]


class ImageUploads:
    """The request handlers of images; blocking work runs in threads."""

    def __init__(self, preview: PreviewSession) -> None:
        self._preview = preview

    async def add(self, request: Request) -> Response:
        """Keep an image; answer with its key, its path and its size in pixels."""
        body = await json_body(request, most=_LONGEST)
        return await run_sync(self._add, body or {})

    async def show(self, request: Request) -> Response:
        """Answer with an image."""
        return await run_sync(self._show, request.path_params["name"])

    def _add(self, body: dict[str, Any]) -> Response:
        try:
            content = b64decode(str(body["content"]), validate=True)
        except (KeyError, ValueError):
            return json_answer(
                {"fault": f"this isn't an image of at most {images.MOST_BYTES:,} bytes"}, 400
            )
        app = self._preview.app
        try:
            with app.database.write() as session:
                image = images.add(session, content, now=app.clock())
        except images.UnfitImage as fault:
            return json_answer({"fault": f"{fault}: {fault.next_step}"}, 422)
        size = {"width": image.width, "height": image.height}
        return json_answer({"key": image.key, "path": images.url_of("", image), **size})

    def _show(self, name: str) -> Response:
        try:
            with self._preview.app.database.read() as session:
                media_type, content = images.content_of(session, name)
        except NotFound as fault:
            return json_answer({"fault": str(fault)}, 404)
        return Response(content, headers=IMAGE, media_type=media_type)
