"""The floor of the desk: a page whose frames load a finished mail again when its file changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

PAGE = """<!doctype html><title>The floor</title>
<iframe width="660" height="800"></iframe><iframe width="375" height="800"></iframe>
<script>
const frames = [...document.querySelectorAll("iframe")];
let loading = 0;
for (const frame of frames) frame.addEventListener("load", () => {
  loading -= 1;
  if (!loading) document.body.dataset.painted = Date.now();
});
new EventSource("/events").onmessage = (event) => {
  loading = frames.length;
  for (const frame of frames) frame.src = `/mail?v=${event.data}`;
  document.body.dataset.live = "yes";
};
</script>
"""


def reloading(path: str) -> Any:
    """Return a site that shows the mail in a file, and tells its pages when that changes."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, Response, StreamingResponse
    from starlette.routing import Route
    from watchfiles import awatch

    async def page(_: Request) -> Response:
        return HTMLResponse(PAGE)

    async def mail(_: Request) -> Response:
        return HTMLResponse(Path(path).read_text("utf-8"))

    async def changes() -> AsyncIterator[str]:
        yield "data: 0\n\n"
        async for found in awatch(path, step=10, debounce=40):
            yield f"data: {len(found)}{Path(path).stat().st_mtime_ns}\n\n"

    async def events(_: Request) -> Response:
        return StreamingResponse(changes(), media_type="text/event-stream")

    return Starlette(routes=[Route("/", page), Route("/mail", mail), Route("/events", events)])
