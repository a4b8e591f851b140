"""Let a request in: find out who calls, count it, bound its body, and answer what fails.

This module hides which headers and bytes are looked at before a route is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from anyio.to_thread import run_sync
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digest.access import BadApiToken, Caller, check_token
from digest.api.problems import ApiRefusal, ProblemType, problem_response
from digest.api.rate_budget import RateBudget, RateState
from digest.app.installation import App
from subscribers.web import client_address, network

MAX_BODY = 1_000_000  #: bytes; a comparison has some twenty thousand
MAX_SECONDS = 20.0  #: for the whole body
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_MAX_DIGITS = 12


class Admission:
    """Middleware that admits a request, or answers it with a problem.

    Whatever a route raises is answered here as well, so that no error leaves the API.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        installation: App,
        steady: Callable[[], float] = time.monotonic,
        body_seconds: float = MAX_SECONDS,
    ) -> None:
        self._next = app
        self._app = installation
        self._base_url = installation.settings.base_url
        self._budget = RateBudget(steady)
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; raises only once the response has started."""
        if scope["type"] != "http":
            await self._next(scope, receive, send)
            return
        counted: Mapping[str, str] = {}
        started = False

        async def send_counted(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(counted)
            await send(message)

        try:
            headers = Headers(scope=scope)
            caller, refused = await self._caller(headers)
            rate = self._count(scope, headers, caller)
            counted = rate.headers()
            _require_budget(rate)
            if refused is not None:
                raise refused
            _require_readable(scope, headers)
            scope.setdefault("state", {})["caller"] = caller
            if scope["method"] in _CHANGING:
                receive = _Bounded(receive, self._body_seconds)
            await self._next(_as_get(scope), receive, send_counted)
        except Exception as fault:
            if started:
                raise
            await problem_response(fault, self._base_url)(scope, receive, send_counted)

    async def _caller(self, headers: Headers) -> tuple[Caller | None, BadApiToken | None]:
        """Return who calls, by the token that was shown; or the refusal of that token."""
        shown = headers.get("authorization")
        if shown is None:
            return None, None
        kind, _, token = shown.partition(" ")
        if kind.lower() != "bearer":
            return None, BadApiToken("The token comes as: Authorization: Bearer dgt_…")
        try:
            return await run_sync(self._check, token.strip()), None
        except BadApiToken as refused:
            return None, refused

    def _check(self, token: str) -> Caller:
        app = self._app
        return check_token(app.database, token, hashes=app.hashes, now=app.clock())

    def _count(self, scope: Scope, headers: Headers, caller: Caller | None) -> RateState:
        settings = self._app.settings
        if caller is not None:
            name = f"token {caller.token_id}"
            return self._budget.take("token", name, settings.api_requests_per_token)
        peer = scope["client"][0] if scope.get("client") else None
        forwarded = headers.getlist("x-forwarded-for")
        seen = network(client_address(peer, forwarded, self._app.public_site.trusted_proxies))
        return self._budget.take("network", seen, settings.api_requests_per_network)


def _as_get(scope: Scope) -> Scope:
    """Return HEAD as GET: the server leaves the body out, and the framework has no such route."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


def _require_budget(rate: RateState) -> None:
    if not rate.spent:
        return
    raise ApiRefusal(
        ProblemType.RATE_LIMITED,
        f"{rate.quota} requests a minute are allowed.",
        next_step=f"try again in {rate.seconds} seconds",
        headers={"Retry-After": str(rate.seconds)},
    )


def _require_readable(scope: Scope, headers: Headers) -> None:
    """Raise `ApiRefusal` for what no route could read."""
    if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
        raise ApiRefusal(ProblemType.BAD_REQUEST, "A NUL has no place in a URL.")
    announced = headers.get("content-length", "0")
    if not announced.isdecimal() or len(announced) > _MAX_DIGITS or int(announced) > MAX_BODY:
        raise _too_large()
    has_body = announced != "0" or "transfer-encoding" in headers
    if scope["method"] in _CHANGING and has_body:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise ApiRefusal(
                ProblemType.MEDIA_TYPE,
                "The body has to be JSON.",
                next_step="send it with Content-Type: application/json",
            )


def _too_large() -> ApiRefusal:
    return ApiRefusal(
        ProblemType.TOO_LARGE, f"A body has at most {MAX_BODY:,} bytes.", next_step="send less"
    )


class _Bounded:
    """What a route receives: a body of at most `MAX_BODY` bytes in at most *seconds*."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._size = 0
        self._whole = False
        self._seconds = seconds
        self._deadline = asyncio.get_running_loop().time() + seconds

    async def __call__(self) -> Any:
        """Return the next message; raises `ApiRefusal`."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            words = f"A body has to come within {self._seconds:.0f} seconds."
            raise ApiRefusal(ProblemType.TOO_SLOW, words, next_step="try again") from None
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._size > MAX_BODY:
            raise _too_large()
        return message
