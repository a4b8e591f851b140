"""JSON in requests and responses of the desk: how large a body may be, and what isn't read."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

MAX_BODY = 1_000_000  #: bytes; the words of the largest comparison fit
_DECISION = 100_000  # bytes of any other request


async def json_body(request: Request, *, most: int = _DECISION) -> dict[str, Any] | None:
    """Read a JSON object of at most *most* bytes; ``None`` for anything else."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            return None
        parts.append(part)
    try:
        body = orjson.loads(b"".join(parts))
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def json_answer(value: object, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(orjson.dumps(value), status, media_type="application/json")
