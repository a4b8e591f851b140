"""Answer monitoring: liveness, readiness, and metrics.

This module hides who may read the metrics, and what makes a process ready.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from digest.app.installation import App
from digest.issues.models import JobRun
from digest.migrations.revision import current, newest
from digest.web.metrics import CONTENT_TYPE, metrics_text
from digest.web.provider_webhook import RejectedPosts

STALE = timedelta(minutes=5)  #: the schedule runs each minute
KEPT_SECONDS = 15.0  #: for this long the same numbers are returned, since counting is slow


class Monitoring:
    """The handlers of /healthz, /readyz and /metrics; all of them only read."""

    def __init__(
        self, app: App, rejected: RejectedPosts, *, ticking: bool, steady: Callable[[], float]
    ) -> None:
        self._app, self._ticking, self._steady = app, ticking, steady
        self._rejected = rejected
        self._cached: tuple[float, bytes] | None = None
        self._counting = threading.Lock()

    async def alive(self, _request: Request) -> Response:
        """Return 200 as long as this process answers, whatever else is wrong."""
        return PlainTextResponse("alive\n")

    def ready(self, _request: Request) -> Response:
        """Return 200 if the service can do its work, else 503 with the reasons in words."""
        faults = self._faults()
        if faults:
            return PlainTextResponse("".join(f"{fault}\n" for fault in faults), 503)
        return PlainTextResponse("ready\n")

    def metrics(self, request: Request) -> Response:
        """Return the metrics to a client who may read them, else 404."""
        if not self._may_know(request):
            return PlainTextResponse("not found\n", 404)
        try:
            return Response(self._numbers(), media_type=CONTENT_TYPE)
        except SQLAlchemyError:
            return PlainTextResponse("the database can't be read\n", 503)

    def _faults(self) -> list[str]:
        try:
            with self._app.database.read() as session:
                behind = current(session.connection()) != newest()
                tick = session.get(JobRun, "issues") if self._ticking and not behind else None
        except SQLAlchemyError:
            return ["the database can't be read"]
        if behind:
            return ["the database isn't at this version's revision"]
        if not self._ticking:
            return []
        if tick is None or abs(self._app.clock() - tick.started_at) > STALE:
            return ["the schedule hasn't run lately"]
        return []

    def _may_know(self, request: Request) -> bool:
        token = self._app.settings.metrics_token
        if token is not None:
            authorization = request.headers.get("authorization", "").encode()
            return hmac.compare_digest(authorization, f"Bearer {token.get_secret_value()}".encode())
        # A proxy on this machine asks on behalf of others, and names them in these headers.
        asked_for = {"x-forwarded-for", "forwarded"} & set(request.headers.keys())
        return not asked_for and request.client is not None and _is_loopback(request.client.host)

    def _numbers(self) -> bytes:
        with self._counting:
            now = self._steady()
            if self._cached is None or now - self._cached[0] > KEPT_SECONDS:
                self._cached = (now, metrics_text(self._app, self._rejected))
            return self._cached[1]


def routes(
    app: App,
    rejected: RejectedPosts,
    *,
    ticking: bool = False,
    steady: Callable[[], float] = time.monotonic,
) -> list[Route]:
    """Return the routes; *ticking* says that this process runs the schedule too.

    *rejected* counts the posts that this process's webhook turned away.
    """
    health = Monitoring(app, rejected, ticking=ticking, steady=steady)
    return [
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        Route("/metrics", health.metrics),
    ]


def _is_loopback(host: str) -> bool:
    try:  # a dual-stack socket shows IPv4 addresses mapped into IPv6 (RFC 4291, 2.5.5.2)
        return ip_address(host.removeprefix("::ffff:")).is_loopback
    except ValueError:
        return False
