"""The public site, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from digest.app import App
from digest.web import webhooks


def make_site(app: App) -> Starlette:
    """Return the ASGI application that readers and the provider reach."""
    webhook = webhooks.Webhook(app)

    @asynccontextmanager
    async def lifespan(_site: Starlette) -> AsyncIterator[None]:
        webhook.start()
        yield

    return Starlette(routes=webhooks.routes(webhook), lifespan=lifespan)
