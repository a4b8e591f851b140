"""Fixtures for the preview: an editor's folder, a session, its app, and a browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page

from digest import samples
from digest.app.installation import App, open_app
from digest.issues.models import Newsletter
from digest.migrations.all_tables import METADATA
from digest.preview.file_watcher import FileWatcher
from digest.preview.preview_app import make_preview, templates
from digest.preview.session import PreviewSession
from digest.render.sandbox import RenderProcess
from digest.settings import load
from digest.web.server import listen, serve_in_thread
from subscribers.address.syntax import parse
from subscribers.store import add

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SECRET = "a secret of the tests, long enough"
TOKEN = "a-token-of-the-tests"


@dataclass(frozen=True)
class EditorFolder:
    """An editor's folder with comparisons and templates, and a preview session over it."""

    folder: Path
    app: App
    desk: PreviewSession

    def write(self, name: str, text: str) -> Path:
        """Save a file, as an editor does."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def template(self, name: str, change: Callable[[str], str]) -> None:
        """Save a changed copy of a shipped template in the editor's folder."""
        shipped = Path(str(templates(None)[0])) / name
        own = self.folder / "templates" / "email" / name
        source = own if own.is_file() else shipped
        self.write(f"templates/email/{name}", change(source.read_text(encoding="utf-8")))

    def mail(self) -> str:
        """Renew the snapshot and return the HTML that is shown."""
        snapshot = self.desk.renew()
        assert snapshot.built is not None, snapshot.faults
        return snapshot.built.rendered.html


@dataclass(frozen=True)
class Site:
    """A preview server and a client for it."""

    url: str
    editor: EditorFolder
    client: httpx2.Client

    def post(self, path: str, **fields: Any) -> httpx2.Response:
        """POST JSON as the preview's own page does."""
        return self.client.post(
            path,
            content=json.dumps(fields),
            headers={"Content-Type": "application/json", "Origin": self.url},
        )


@pytest.fixture(scope="session")
def confined() -> Iterator[RenderProcess]:
    """One rendering process for all tests."""
    with RenderProcess(seconds=5, megabytes=512) as process:
        yield process


@contextmanager
def open_folder(folder: Path, confined: RenderProcess) -> Iterator[EditorFolder]:
    """Make an editor's folder with the sample comparisons, and a preview session over it."""
    (folder / "comparisons").mkdir(parents=True)
    (folder / "templates" / "email" / "partials").mkdir(parents=True)
    for path in samples.comparisons():
        shutil.copy(path, folder / "comparisons")
    settings = load(
        {},
        database_url=f"sqlite:///{folder / 'digest.db'}",
        secret=SECRET,
        base_url="https://news.example.com",
        postal_address="12 Example Street\n10115 Berlin",
        templates=folder / "templates",
        outbox=folder / "outbox",
    )
    app = open_app(settings, clock=lambda: NOW)
    METADATA.create_all(app.database.engine)
    with app.database.write() as session:
        session.add(Newsletter(slug="weekly", name="Weekly AI Tool Verdicts"))
        add(session, parse("lena@example.org"), NOW)
    yield EditorFolder(folder, app, PreviewSession(lambda: app, folder, confined=confined))
    app.database.close()


@contextmanager
def served(editor: EditorFolder) -> Iterator[Site]:
    """Serve the preview of a folder, and watch the folder."""
    editor.desk.renew()
    live = FileWatcher(editor.desk, templates=[])
    sock = listen(0)
    port = sock.getsockname()[1]
    app = make_preview(editor.desk, live, port=port, token=TOKEN)
    with serve_in_thread(app, sock, at_exit=live.stop) as url:
        live.start()
        with httpx2.Client(base_url=url, cookies={f"digest-desk-{port}": TOKEN}) as client:
            yield Site(url, editor, client)
        live.stop()


@pytest.fixture
def editor(tmp_path: Path, confined: RenderProcess) -> Iterator[EditorFolder]:
    with open_folder(tmp_path / "folder", confined) as opened:
        yield opened


@pytest.fixture
def site(editor: EditorFolder) -> Iterator[Site]:
    with served(editor) as opened:
        yield opened


@pytest.fixture(scope="module")
def read_only_site(
    tmp_path_factory: pytest.TempPathFactory, confined: RenderProcess
) -> Iterator[Site]:
    """A preview server for tests that change nothing."""
    with (
        open_folder(tmp_path_factory.mktemp("quiet") / "folder", confined) as editor,
        served(editor) as opened,
    ):
        yield opened


@pytest.fixture
def page(site: Site, browser: Browser) -> Iterator[Page]:
    """The preview in a browser; a request to another host, or an error, fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab = context.new_page()
    wrong: list[str] = []
    tab.on("request", lambda asked: _note(wrong, asked.url, site.url))
    tab.on("pageerror", lambda fault: wrong.append(str(fault)))
    tab.goto(f"{site.url}/?token={TOKEN}")
    tab.wait_for_selector("body[data-live=yes]")
    yield tab
    context.close()
    assert wrong == []


def _note(wrong: list[str], url: str, own: str) -> None:
    if not url.startswith((own, "data:", "about:")):
        wrong.append(url)
