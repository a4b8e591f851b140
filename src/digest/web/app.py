"""The public site, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from digest.app.installation import App
from digest.errors import NotFound
from digest.web import monitoring, webhooks
from digest.web.archive import Archive
from digest.web.error_pages import ErrorPages, LastResort
from digest.web.letter_worker import LetterWorker
from digest.web.newsletter_cache import NewsletterCache
from digest.web.public_pages import OWN_LINKS, PublicSite
from digest.web.security_headers import SecurityHeaders
from digest.web.signup_wiring import site_config, split_setting
from digest.web.theme import Theme
from subscribers import web as readers


def make_site(app: App, *, ticking: bool = False) -> Starlette:
    """Return the ASGI application that readers and the provider reach; raises `BadSetting`.

    While it runs, letters that wait are sent from a thread of its own, woken when one is written;
    a service may call `App.take_in_sign_ups` and `App.send_letters` beside it. *ticking* says that
    the schedule runs beside.
    """
    webhook = webhooks.Webhook(app)
    postman = LetterWorker(app.send_letters, catch_up=app.take_in_sign_ups)
    looks = Theme(app.settings, NewsletterCache(app.database))
    front = site_config(app, looks, postman.wake)
    public = PublicSite(app, front, looks)
    archive = Archive(app, front, looks, own_links=OWN_LINKS)
    faults = ErrorPages(looks)

    @asynccontextmanager
    async def lifespan(_site: Starlette) -> AsyncIterator[None]:
        webhook.start()
        postman.wake()
        yield
        await front.stop()
        await run_sync(postman.stop)
        await run_sync(webhook.stop)

    site = Starlette(
        routes=[
            *public.routes(),
            *archive.routes(),
            *readers.routes(front),
            *webhooks.routes(webhook),
            *monitoring.routes(app, ticking=ticking),
        ],
        middleware=_middleware(app, faults),
        exception_handlers={HTTPException: faults.refused, NotFound: faults.not_found},
        lifespan=lifespan,
    )
    site.router.redirect_slashes = False  # it would build an address from the Host header
    return site


def _middleware(app: App, faults: ErrorPages) -> list[Middleware]:
    chain = [Middleware(SecurityHeaders, tls=app.settings.base_url.startswith("https://"))]
    if hosts := split_setting(app.settings.hosts):
        chain.append(Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False))
    return [*chain, Middleware(LastResort, faults=faults)]
