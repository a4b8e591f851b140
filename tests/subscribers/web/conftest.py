"""Fixtures for the sign-up pages: a site with a fixed clock, kept letters, and a browser."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import httpx2
import pytest
import uvicorn
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette

from digest.db import Database
from digest.render.pages import Site as SiteHead
from digest.render.pages import message_page
from subscribers import letter_queue, store
from subscribers.abuse_prevention.rate_limits import RateLimit, RateLimits
from subscribers.models import SendOutcome, Standing
from subscribers.reader_letter import Letter
from subscribers.signup import processing
from subscribers.tokens import Hashes, Tokens
from subscribers.web import NewsletterInfo, Page, SiteConfig, routes
from tests.subscribers.conftest import NEWSLETTER

INFO = NewsletterInfo(
    slug=NEWSLETTER,
    name="Weekly AI Tool Verdicts",
    description="Every Tuesday: two tools side by side.",
    latest="/issues/3",
    topics=(("dev", "Developer Tools"), ("art", "Art"), ("text", "Writing")),
)
WIDE = RateLimits(
    domain=RateLimit(100_000, 3600),
    network=RateLimit(100_000, 3600),
    everyone=RateLimit(100_000, 3600),
)


def render(page: Page) -> str:
    """Return a page as readers see it."""
    return message_page(SiteHead(name=INFO.name, language=page.language), page)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@dataclass
class Post:
    """Keeps the letters it gets; returns the outcome the test sets."""

    answer: SendOutcome = SendOutcome.ACCEPTED
    sent: list[Letter] = field(default_factory=list)

    def send(self, letter: Letter) -> SendOutcome:
        self.sent.append(letter)
        return self.answer


@dataclass
class Site:
    """A site that answers, and what stands behind it."""

    url: str
    config: SiteConfig
    clock: Clock
    letters: Post
    http: httpx2.Client

    def fill_in(self, email: str, *, wait: float = 3.0, **fields: Any) -> httpx2.Response:
        """Open the form, fill it in and press the button, as a person does."""
        form = hidden(self.http.get("/subscribe", params={"lang": fields.get("lang", "en")}).text)
        self.clock.advance(seconds=wait)
        return self.http.post("/subscribe", data={**form, "email": email, **fields})

    def take_in(self) -> None:
        """Process the recorded sign-ups now, as the site does a moment later."""
        with suppress(SQLAlchemyError), self.config.sessions.write() as session:
            processing.process_oldest(session, self.config.hashes, self.config.limits.address)

    def deliver(self) -> list[Letter]:
        """Send the letters that wait; returns what was handed over."""
        self.take_in()
        before = len(self.letters.sent)
        config = self.config
        letter_queue.send_waiting(
            config.sessions, self.letters, config.links, config.hashes, self.clock
        )
        return self.letters.sent[before:]

    def path(self, url: str) -> str:
        """Return a link of ours as a path."""
        return url.removeprefix(self.config.base_url)

    def standing(self, address: str) -> Standing | None:
        self.take_in()
        with self.config.sessions.read() as session:
            reader = store.find(session, address)
            place = store.standing_with(session, reader.id, NEWSLETTER) if reader else None
        return place.standing if place else None

    def rows(self, table: str) -> list[Any]:
        self.take_in()
        with self.config.sessions.read() as session:
            return list(session.execute(text(f"SELECT * FROM {table}")))  # noqa: S608 - its name


def hidden(page: str) -> dict[str, str]:
    """Return the hidden fields of a page's form."""
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return {unescape(name): unescape(value) for name, value in fields}


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


class Server:
    """A server that stays for the whole run; each test puts its own site behind it."""

    def __init__(self) -> None:
        # Named as TCP, or asyncio leaves Nagle's 40 ms in each answer.
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._sock.bind(("127.0.0.1", 0))
        self._sock.listen(128)  # who asks before the site has started waits for its answer
        self.url = f"http://127.0.0.1:{self._sock.getsockname()[1]}"
        self.site: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        config = uvicorn.Config(
            self, lifespan="off", log_level="warning", access_log=False, server_header=False,
            proxy_headers=False,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._sock]})
        self._thread.start()
        self.http = httpx2.Client(base_url=self.url, timeout=20, follow_redirects=False)

    def put_away(self, config: SiteConfig) -> None:
        """End what a config left to do, where it was begun."""
        if self._loop:
            asyncio.run_coroutine_threadsafe(config.stop(), self._loop).result(10)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._loop = asyncio.get_running_loop()
        await self.site(scope, receive, send)

    def close(self) -> None:
        self.http.close()
        self._server.should_exit = True
        self._thread.join(10)
        self._sock.close()


@pytest.fixture(scope="session")
def servers() -> Iterator[list[Server]]:
    """The servers nobody uses just now."""
    idle: list[Server] = []
    yield idle
    for server in idle:
        server.close()


@pytest.fixture
def make_site(
    sqlite_database: Database, tokens: Tokens, hashes: Hashes, clock: Clock, servers: list[Server]
) -> Iterator[Callable[..., Site]]:
    """Return a function that opens a site; options are those of `SiteConfig`."""
    used: list[tuple[Server, SiteConfig]] = []

    def make(**options: Any) -> Site:
        server = servers.pop() if servers else Server()
        given: dict[str, Any] = {
            "sessions": sqlite_database,
            "tokens": tokens,
            "hashes": hashes,
            "clock": clock,
            "base_url": server.url,
            "newsletters": {NEWSLETTER: INFO},
            "limits": WIDE,
            "render": render,
            "pause": 60.0,  # tests take sign-ups in themselves
            "hold": 0.0,
            **options,
        }
        config = SiteConfig(**given)
        used.append((server, config))
        server.site = Starlette(routes=routes(config))
        server.http.cookies.clear()
        return Site(url=server.url, config=config, clock=clock, letters=Post(), http=server.http)

    yield make
    for server, config in used:
        server.put_away(config)
        servers.append(server)


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site()
