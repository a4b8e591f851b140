"""Serve a comparison site from a process of its own, and count what is asked of it.

Allow `NETWORK` alone: a redirect to 127.0.0.1 then leads where nothing may be asked.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import format_datetime
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import orjson

from tests.http_client.hostile_server import ANSWERS
from tests.sources.site.comparison_site import ComparisonSite, Shown

ADDRESS = "127.0.0.2"
NETWORK = f"{ADDRESS}/32"  #: what to allow, so that the site may be asked and no other
_REDIRECTS = {
    "/hostile/to-loopback": "http://127.0.0.1:1/admin",
    "/hostile/to-metadata": "http://169.254.169.254/latest/meta-data/",
    "/hostile/to-file": "file:///etc/passwd",
    "/hostile/loop": "/hostile/loop",
}


@dataclass(frozen=True)
class RunningSite:
    """A running site; *url* is its root."""

    url: str

    def change(self, *slugs: str) -> None:
        self._post("change", slugs)

    def remove(self, *slugs: str) -> None:
        self._post("remove", slugs)

    def damage(self, *slugs: str) -> None:
        self._post("damage", slugs)

    def add(self, count: int) -> list[str]:
        """Publish more pages; return their slugs."""
        slugs: list[str] = self._post("add", count)
        return slugs

    def set_crawl_delay(self, seconds: float) -> None:
        self._post("crawl_delay", seconds)

    def slugs(self) -> list[str]:
        """Return the pages there are, in the order of the sitemap."""
        slugs: list[str] = self._post("slugs", None)
        return slugs

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how often each path was asked for, as ``requests``, and sent, as ``bodies``."""
        counts: dict[str, dict[str, int]] = self._post("counts", None)
        return counts

    def reset_counts(self) -> None:
        self._post("reset", None)

    def _post(self, action: str, value: Any) -> Any:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request("POST", f"/_control/{action}", orjson.dumps(value))
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == HTTPStatus.OK, body
            return orjson.loads(body)
        finally:
            connection.close()


@contextmanager
def running_site(pages: int = 300) -> Iterator[RunningSite]:
    """Serve a site of so many pages for a while."""
    processes = get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=serve, args=(theirs, pages), daemon=True)
    process.start()
    theirs.close()
    try:
        yield RunningSite(ours.recv())
    finally:
        ours.close()
        process.join()


def serve(caller: Connection, pages: int) -> None:
    """Send the address to *caller*, and serve until the caller closes its end, or is gone."""
    with _SiteServer(pages) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        caller.send(server.url)
        with suppress(EOFError, OSError):
            caller.recv()
        server.shutdown()


class _SiteServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, pages: int) -> None:
        super().__init__((ADDRESS, 0), _Handler)
        self.url = f"http://{ADDRESS}:{self.server_address[1]}"
        self.site, self.lock = ComparisonSite(self.url), threading.Lock()
        self.requests, self.bodies = Counter[str](), Counter[str]()
        self.site.add(pages)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients break off on purpose."""

    def control(self, action: str, value: Any) -> Any:
        """Do what a test asks for, between two requests."""
        site = self.site
        with self.lock:
            if action in {"change", "remove", "damage"}:
                return [getattr(site, action)(slug) for slug in value]
            if action == "add":
                return site.add(value)
            if action == "crawl_delay":
                site.crawl_delay = value
            if action == "reset":
                self.requests.clear()
                self.bodies.clear()
            if action == "counts":
                return {"requests": self.requests, "bodies": self.bodies}
            return list(site.pages)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each body waits 40 ms for its head to be acknowledged

    @property
    def running(self) -> _SiteServer:
        return cast(_SiteServer, self.server)

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        with self.running.lock:
            self.running.requests[path] += 1
            shown = self.running.site.shown(path)
        if path in _REDIRECTS:
            self._answer(HTTPStatus.FOUND, {"Location": _REDIRECTS[path]})
        elif path.startswith("/hostile/"):
            self._misbehave(path.removeprefix("/hostile"))
        elif shown is None:
            self._answer(HTTPStatus.NOT_FOUND, {}, b"<h1>There is no such page</h1>")
        else:
            self._show(path, shown)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        value = orjson.loads(self.rfile.read(length))
        told = self.running.control(self.path.removeprefix("/_control/"), value)
        self._answer(HTTPStatus.OK, {}, orjson.dumps(told))

    def log_message(self, format: str, *args: object) -> None:
        """Write no log."""

    def _show(self, path: str, shown: Shown) -> None:
        headers = {
            "ETag": shown.tag,
            "Last-Modified": format_datetime(shown.changed_at, usegmt=True),
        }
        known = self.headers.get("If-None-Match")
        since = self.headers.get("If-Modified-Since")
        if known == shown.tag or (known is None and since == headers["Last-Modified"]):
            self._answer(HTTPStatus.NOT_MODIFIED, headers)
            return
        with self.running.lock:
            self.running.bodies[path] += 1
        self._answer(HTTPStatus.OK, {**headers, "Content-Type": shown.media_type}, shown.body)

    def _answer(self, status: HTTPStatus, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status is not HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _misbehave(self, path: str) -> None:
        self.close_connection = True
        waiting = threading.Event()
        with suppress(OSError):
            for part in ANSWERS[path]():
                drips = part == b"" or part.endswith(b".\0")
                self.wfile.write(part.removesuffix(b"\0") if drips else part)
                if drips:
                    waiting.wait(0.01)
