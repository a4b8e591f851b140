"""A site where visitors ask for links to vote, whose letters lie in the outbox folder."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
from starlette.applications import Starlette

from digest.app.installation import App
from digest.web.newsletter_cache import NewsletterCache
from digest.web.server import listen, serve_in_thread
from digest.web.signup_wiring import site_config
from digest.web.theme import Theme
from digest.web.voting import VoteAsking, VotePages
from subscribers import store, web
from tests.subscribers.web.conftest import hidden
from tests.web.conftest import SLUG, Clock, app_of

PATH = f"/comparisons/{SLUG}/vote"


@dataclass
class AskingSite:
    """A site that answers, and takes in sign-ups and sends letters only when a test says so."""

    app: App
    clock: Clock
    http: httpx2.Client = field(repr=False)
    _read: set[Path] = field(default_factory=set)

    def ask(
        self, email: str, *fields: tuple[str, str], wait: float = 3.0, lang: str = "en"
    ) -> httpx2.Response:
        """Open the form, fill it in and press the button, as a person does."""
        form = hidden(self.http.get(f"{PATH}?lang={lang}").text)
        self.clock.advance(seconds=wait)
        return self.http.post(PATH, data={**form, "email": email, **dict(fields)})

    def letters(self) -> list[EmailMessage]:
        """Return the letters that the wishes so far have caused, once each."""
        self.app.public_site.process_sign_ups()
        self.app.letters.send_waiting()
        folder = self.app.settings.outbox / "letters"
        new = sorted(set(folder.glob("*.eml")) - self._read)
        self._read |= set(new)
        messages = [message_from_bytes(path.read_bytes(), policy=default) for path in new]
        return [message for message in messages if isinstance(message, EmailMessage)]

    def link(self, letter: EmailMessage, start: str = "/v/") -> str:
        """Return the path of a letter's link."""
        base = re.escape(self.app.settings.base_url)
        [path] = set(re.findall(rf"{base}({start}[^\s>]+)", text_of(letter)))
        return str(path)

    def reader(self, address: str) -> store.Reader | None:
        with self.app.database.read() as session:
            return store.find(session, address)

    def standings(self, address: str) -> dict[str, str]:
        """Return a reader's standing with each newsletter."""
        with self.app.database.read() as session:
            reader = store.find(session, address)
            rows = store.all_standings(session, reader.id) if reader else []
            return {row.newsletter: row.standing.value for row in rows}


def text_of(letter: EmailMessage) -> str:
    """Return a letter's plain text."""
    part = letter.get_body(("plain",))
    return part.get_content() if part else ""


def radios(page: str) -> list[str]:
    """Return the radio buttons that are on, as "tool-…=call"."""
    found = re.findall(r'type="radio" name="([^"]*)" value="([^"]*)" checked', page)
    return [f"{unescape(name)}={value}" for name, value in found]


@contextmanager
def asking_site(stock: Path, folder: Path, **settings: Any) -> Iterator[AskingSite]:
    """Run such a site on a copy of the stock."""
    path = folder / "digest.db"
    shutil.copy(stock, path)
    clock, sock = Clock(), listen(0)
    app = app_of(path, clock, **settings)
    theme = Theme(app.settings, NewsletterCache(app.database))
    config = replace(site_config(app, theme, lambda: None), pause=600.0, hold=0.0)

    @asynccontextmanager
    async def lifespan(_site: Starlette) -> AsyncIterator[None]:
        yield
        await config.stop()

    routes = [
        *VoteAsking(app, config, theme).routes(),
        *VotePages(app, config, theme).routes(),
        *web.routes(config),
    ]
    with (
        serve_in_thread(Starlette(routes=routes, lifespan=lifespan), sock) as url,
        httpx2.Client(base_url=url, transport=httpx2.HTTPTransport(retries=10), timeout=20) as http,
    ):
        yield AskingSite(app, clock, http)
    app.database.close()
