"""Put the public site together: which routes it has, in which middleware, with which threads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount, Route

from digest.api.app import make_api
from digest.api.problems import PREFIX
from digest.app.installation import App
from digest.app.public_site import split_setting
from digest.errors import ComparisonWithdrawn, NotFound
from digest.web import monitoring, provider_webhook
from digest.web.archive import Archive
from digest.web.directory_pages import DirectoryPages, Sitemap
from digest.web.error_pages import ErrorMiddleware, ErrorPages
from digest.web.letter_worker import LetterWorker
from digest.web.newsletter_cache import NewsletterCache
from digest.web.public_pages import OWN_LINKS, PublicSite
from digest.web.review import ReviewPages
from digest.web.security_headers import SecurityHeaders
from digest.web.sharing import Embeds, FeedPages, SharePictures
from digest.web.signup_wiring import site_config
from digest.web.theme import Theme
from digest.web.voting import VoteAsking, VotePages
from subscribers import web as readers
from subscribers.models import LetterState


def make_site(app: App, *, ticking: bool = False) -> Starlette:
    """Return the ASGI application that readers and the provider reach; raises `BadSetting`.

    While the site runs on SQLite, a thread of its own sends waiting letters, and is woken by each
    new one; a service may call `LetterSending.send_waiting` and `SiteTerms.process_sign_ups` at the
    same time. On PostgreSQL that thread asks the workers to.
    *ticking* says that this process runs the schedule too, so that readiness depends on it.
    """
    webhook = provider_webhook.Webhook(app)
    letter_worker = _letter_worker(app)
    theme = Theme(app.settings, NewsletterCache(app.database))
    config = site_config(app, theme, letter_worker.wake)
    pictures = SharePictures(app, theme)
    embeds = Embeds(app, theme)
    public = PublicSite(app, config, theme, pictures, embeds)
    archive = Archive(app, config, theme, own_links=OWN_LINKS, share_tags=pictures.tags)
    feeds = FeedPages(app, theme)
    review = ReviewPages(app, theme, letter_worker.wake)
    votes = VotePages(app, config, theme)
    vote_asking = VoteAsking(app, config, theme)
    error_pages = ErrorPages(theme)
    reader_routes = readers.routes(config)

    @asynccontextmanager
    async def lifespan(_site: Starlette) -> AsyncIterator[None]:
        webhook.start()
        config.signup_worker.schedule()  # an earlier process may have recorded some, and no more
        letter_worker.wake()
        yield
        await votes.finish()
        await config.stop()
        await run_sync(letter_worker.stop)
        await run_sync(webhook.stop)

    site = Starlette(
        routes=[
            _api(app, letter_worker),  # early, since programs ask often
            *votes.routes(),  # first, since thousands follow these links once an issue is out
            *reader_routes,  # they share no path with those below, which are many
            *feeds.routes(),  # before the pages whose paths hold a slug or a number in this place
            *pictures.routes(),
            *embeds.routes(),
            *public.routes(),
            *DirectoryPages(app, theme).routes(),
            *Sitemap(app, theme).routes(),
            *archive.routes(),
            *review.routes(),
            *vote_asking.routes(),
            *provider_webhook.routes(webhook),
            *monitoring.routes(app, webhook.rejected, ticking=ticking),
        ],
        middleware=_middleware(app, error_pages, reader_routes),
        exception_handlers={
            HTTPException: error_pages.refused,
            ComparisonWithdrawn: error_pages.gone,
            NotFound: error_pages.not_found,
        },
        lifespan=lifespan,
    )
    site.router.redirect_slashes = False  # it would build an address from the Host header
    return site


def _api(app: App, letters: LetterWorker) -> Mount:
    mount = Mount(PREFIX, make_api(app, on_letter=letters.wake))
    # Any path below it, also one with a line feed, which the toolkit's own pattern leaves out.
    mount.path_regex = re.compile(rf"^{PREFIX}/(?P<path>.*)$", re.DOTALL)
    return mount


def _letter_worker(app: App) -> LetterWorker:
    if app.database.is_sqlite:
        return LetterWorker(app.letters.send_waiting)

    def ask() -> Counter[LetterState]:
        with app.database.write() as session:
            app.job_queue.wake(session, "letters")
        return Counter()

    return LetterWorker(ask)


def _middleware(app: App, error_pages: ErrorPages, reader_routes: list[Route]) -> list[Middleware]:
    chain = [Middleware(SecurityHeaders, tls=app.settings.base_url.startswith("https://"))]
    if hosts := split_setting(app.settings.hosts):
        chain.append(Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False))
    known = Middleware(readers.KnownPaths, routes=reader_routes)
    return [*chain, Middleware(ErrorMiddleware, faults=error_pages), known]
