"""Fixtures for the public site: comparisons, two sent issues and a draft, on 127.0.0.1."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlmodel import Session
from starlette.applications import Starlette

from digest import samples
from digest.app.installation import App
from digest.cli.installation.init import WEEKLY
from digest.comparisons.loader import read_file
from digest.comparisons.store import store_draft
from digest.db import Database
from digest.delivery.sending.planning import plan_deliveries
from digest.issues import build as publish
from digest.issues import store
from digest.issues.models import Issue, Newsletter
from digest.migrations.all_tables import METADATA
from digest.settings import Settings, load
from digest.web.app import make_site
from digest.web.server import listen, serve_in_thread
from subscribers.models import Standing, Subscriber, Subscription
from subscribers.tokens import Links
from tests.conftest import NOW

SECRET = "a secret for tests only, long enough"
SLUG = "lintwick-vs-ravelin-coder-2"
SENT, DRAFT = (1, 2), 3


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@dataclass
class Running:
    """A site that answers, and what stands behind it."""

    url: str
    app: App
    asgi: Starlette
    clock: Clock
    http: httpx2.Client = field(repr=False)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self.http.get(path, **options)

    @property
    def links(self) -> Links:
        return Links(self.app.settings.base_url, self.app.tokens)


MakeSite = Callable[..., Running]


def make_stock(
    path: Path,
    *,
    sent: Sequence[str] = ("2026-W46", "2026-W47"),
    drafts: Sequence[str] = ("2026-W48",),
) -> None:
    """Write a database file with comparisons, a reader, and issues of these periods."""
    app = app_of(path, Clock())
    METADATA.create_all(app.database.engine)
    with app.database.write() as session:
        session.add(Newsletter(**WEEKLY.model_dump(exclude={"id"})))
        for each in samples.comparisons():
            store_draft(session, read_file(each), now=NOW)
        address = "ada@example.org"
        reader = Subscriber(address=address, address_key=address, created_at=NOW)
        session.add(reader)
        session.flush()
        session.add(
            Subscription(
                subscriber_id=reader.id or 0,
                newsletter="weekly",
                standing=Standing.CONFIRMED,
                since=NOW,
            )
        )
    for period in (*sent, *drafts):
        build(app, period, send=period in sent)
    app.database.close()


@contextmanager
def running(path: Path, **settings: Any) -> Iterator[Running]:
    """Run a site on a database file; *settings* may name the port's own address as ``{url}``."""
    sock = listen(0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    given = {n: v.format(url=url) if isinstance(v, str) else v for n, v in settings.items()}
    clock = Clock()
    app = app_of(path, clock, **given)
    asgi = make_site(app)
    transport = httpx2.HTTPTransport(retries=10)  # it takes a moment to start
    with (
        serve_in_thread(asgi, sock),
        httpx2.Client(base_url=url, transport=transport, timeout=20) as http,
    ):
        yield Running(url, app, asgi, clock, http)
    app.database.close()


def build(app: App, period: str, *, send: bool) -> None:
    with app.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        issue, _ = publish.build(
            session, newsletter, period, now=app.clock(), issue_builder=app.issues.builder
        )
        if send:
            freeze(session, issue, app.clock())


def freeze(session: Session, issue: Issue, now: datetime) -> None:
    plan_deliveries(
        session,
        issue=issue,
        edition=store.edition_of(session, issue),
        newsletter="weekly",
        batch_size=100,
        now=now,
    )


def app_of(path: Path, clock: Clock, **settings: Any) -> App:
    chosen: dict[str, Any] = {
        "database_url": f"sqlite:///{path}",
        "outbox": path.parent / "outbox",
        "templates": path.parent / "templates",
        "secret": SECRET,
        "base_url": "https://news.example.com",
        "postal_address": "Example Press\n1 Sample Street",
    }
    made: Settings = load({}, **(chosen | settings))
    return App(settings=made, database=Database(made.database_url), clock=clock)


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with everything in it, to be copied."""
    path = tmp_path_factory.mktemp("stock") / "digest.db"
    make_stock(path)
    return path


@pytest.fixture
def make_running(stock: Path, tmp_path: Path) -> Iterator[MakeSite]:
    """Return a function that starts a site on a copy of the stock; options are settings."""
    with ExitStack() as stack:

        def make(**settings: Any) -> Running:
            path = tmp_path / "digest.db"
            shutil.copy(stock, path)
            return stack.enter_context(running(path, **settings))

        yield make


@pytest.fixture
def site(make_running: MakeSite) -> Running:
    return make_running()
