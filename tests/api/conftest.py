"""Fixtures for the API: an installation on each database, and a client that calls it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio.from_thread
import httpx2
import pytest
from sqlmodel import Session

from digest.access import Scope, add_token
from digest.api.app import DigestApi, make_api
from digest.app.installation import App
from digest.cli.installation.init import WEEKLY
from digest.db import Database
from digest.issues.models import Newsletter
from digest.settings import load
from tests.api import notes
from tests.web.conftest import SECRET, Clock, make_running, site, stock

BASE = "https://news.example.com"


@dataclass
class Api:
    """An API that is called within this process."""

    app: App
    asgi: DigestApi
    clock: Clock
    portal: anyio.from_thread.BlockingPortal = field(repr=False)

    def token(self, *scopes: Scope, name: str = "site") -> dict[str, str]:
        """Return the header of a new token with these scopes."""
        with self.app.database.write() as session:
            made = add_token(session, name, scopes, hashes=self.app.hashes, now=self.clock())
        return {"Authorization": f"Bearer {made.text}"}

    def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        async def send() -> httpx2.Response:
            transport = httpx2.ASGITransport(self.asgi, client=("192.0.2.7", 4711))
            async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
                return await client.request(method, path, **options)

        return self.portal.call(send)

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self.call("GET", path, **options)

    def problem(self, response: httpx2.Response) -> tuple[int, str]:
        """Return the status and the end of the type of a problem document."""
        assert response.headers["content-type"] == "application/problem+json"
        told = response.json()
        assert told["status"] == response.status_code
        return told["status"], told["type"].rpartition("#")[2]


def api_of(database: Database, portal: anyio.from_thread.BlockingPortal, **settings: Any) -> Api:
    clock = Clock()
    made = load({}, base_url=BASE, secret=SECRET, **settings)
    app = App(settings=made, database=database, clock=clock)
    with database.write() as session:
        add_newsletter(session)
    asgi = make_api(app)
    asgi.include_router(notes.router)
    return Api(app, asgi, clock, portal)


def add_newsletter(session: Session, slugs: Sequence[str] = ("weekly",)) -> None:
    for slug in slugs:
        row = WEEKLY.model_dump(exclude={"id"})
        session.add(Newsletter(**{**row, "slug": slug}))


@pytest.fixture(scope="module")
def portal() -> Iterator[anyio.from_thread.BlockingPortal]:
    with anyio.from_thread.start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def api(database: Database, portal: anyio.from_thread.BlockingPortal) -> Api:
    return api_of(database, portal)


@pytest.fixture
def sqlite_api(sqlite_database: Database, portal: anyio.from_thread.BlockingPortal) -> Api:
    return api_of(sqlite_database, portal)


__all__ = ["make_running", "site", "stock"]
