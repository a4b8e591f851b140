"""The public site, put together."""

from __future__ import annotations

from starlette.applications import Starlette

from digest.app import App
from digest.web import webhooks


def make_site(app: App) -> Starlette:
    """Return the ASGI application that readers and the provider reach."""
    return Starlette(routes=webhooks.routes(app))
