"""Webhooks by the commands: an endpoint is added, and what happens is told to it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from standardwebhooks.webhooks import Webhook

from subscribers.tokens import Links, LinkTarget, Tokens
from tests.stories.conftest import ENOUGH, PAGE, Installation, last_week

SECRET = "5f1d7a0c9e34b86f2210ac57d93e4b81"
KINDS = (
    *("issue.built", "issue.approved", "issue.held", "issue.sent"),
    *("subscriber.confirmed", "subscriber.left", "comparison.published", "comparison.changed"),
)


@pytest.fixture
def site(empty: Installation) -> Installation:
    """An installation with one reader and one comparison, whose endpoint is told of everything."""
    made = Installation(empty.warm, empty.folder, {**ENOUGH, "DIGEST_SECRET": SECRET})
    (made.folder / "page.txt").write_text(PAGE, "utf-8")
    (made.folder / "readers.csv").write_text("email\nann@example.org\n", "utf-8")
    made.done("init")
    made.done("import", "page.txt")
    asked = [word for kind in KINDS for word in ("--on", kind)]
    made.done("webhooks", "add", "https://hooks.example.com/in", *asked, "--addresses")
    return made


def messages(site: Installation) -> list[dict[str, Any]]:
    """The messages in the order of what happened; nothing is posted without a service."""
    shown: list[dict[str, Any]] = site.done("webhooks", "show", "1", "--json").facts["messages"]
    return shown[::-1]


def told(site: Installation) -> list[tuple[str, str]]:
    return [(each["kind"], each["subject"]) for each in messages(site)]


def test_an_issue_is_told_of_from_its_build_to_the_last_reader(site: Installation) -> None:
    site.done("subscribers", "import", "readers.csv", "--consent", "They ticked the box.")
    assert told(site) == []  # nobody has confirmed here
    site.done("build", "--period", last_week(), "--yes")
    site.done("approve", "1", "--by", "the tests")
    site.done("send", "1")
    subject = f"issue/weekly/{last_week()}"
    assert told(site) == [(f"issue.{what}", subject) for what in ("built", "approved", "sent")]


def test_who_leaves_and_who_is_erased_is_told_without_an_address_anywhere(
    site: Installation,
) -> None:
    site.done("subscribers", "import", "readers.csv", "--consent", "They ticked the box.")
    site.done("subscribers", "forget", "ann@example.org", "--yes")
    assert told(site) == [("subscriber.left", "subscriber/1")]
    files = site.folder.glob("digest.db*")
    assert not [path for path in files if b"ann@example.org" in path.read_bytes()]


def test_a_comparison_that_was_public_before_is_told_of_when_it_is_withdrawn(
    site: Installation,
) -> None:
    slug = site.done("comparisons", "list", "--json").facts[0]["slug"]
    assert told(site) == []
    site.done("comparisons", "withdraw", slug, "--why", "wrong")
    site.done("comparisons", "restore", slug)
    assert told(site) == [("comparison.changed", f"comparison/{slug}")] * 2


def test_an_endpoint_is_paused_changed_and_removed_by_commands(site: Installation) -> None:
    first = site.done("webhooks", "rotate", "1", "--json").facts["secret"]
    assert first.startswith("whsec_")
    site.done("webhooks", "pause", "1")
    assert "is paused already" in site.run("webhooks", "pause", "1").err
    assert site.done("webhooks", "list", "--json").facts[0]["state"] == "paused"
    site.done("build", "--period", last_week(), "--yes")
    assert "webhooks resume 1" in site.done("status").out
    site.done("webhooks", "resume", "1")
    refused = site.run("webhooks", "remove", "1")
    assert (refused.code, "--yes" in refused.err) == (1, True)
    site.done("webhooks", "remove", "1", "--yes")
    assert site.done("webhooks", "list", "--json").facts == []


@pytest.mark.parametrize(
    ("url", "step"),
    [
        ("ftp://hooks.example.com/", "https://example.com/hooks"),
        ("https://user:secret@hooks.example.com/", "leave them out"),
        ("nothing", "https://example.com/hooks"),
    ],
)
def test_an_address_that_is_none_is_refused_with_what_to_do(
    site: Installation, url: str, step: str
) -> None:
    said = site.run("webhooks", "add", url, "--on", "issue.sent")
    assert (said.code, step in said.err, "secret" in said.err) == (1, True, False)


def test_an_address_of_this_machine_is_refused_with_the_setting_that_allows_it(
    site: Installation,
) -> None:
    site.done("webhooks", "add", "http://127.0.0.1:9/", "--on", "issue.sent")
    said = site.run("webhooks", "test", "2")
    assert (said.code, "DIGEST_ALLOWED_NETWORKS" in said.out) == (1, True)


@contextmanager
def taking() -> Iterator[tuple[str, Queue[tuple[bytes, dict[str, str]]]]]:
    """A program that takes every post: its address, and what it got."""
    posts: Queue[tuple[bytes, dict[str, str]]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            posts.put((body, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hooks", posts
        server.shutdown()
        thread.join()


def leave(service: subprocess.Popen[str]) -> int:
    """Leave by one click (RFC 8058) where a service says that it is."""
    assert service.stdout is not None
    base = urlsplit(service.stdout.readline().split()[4])
    link = Links("", Tokens([SECRET])).unsubscribe(LinkTarget(1, "weekly"))
    connection = HTTPConnection(str(base.hostname), base.port, timeout=60)
    with closing(connection):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", link, "List-Unsubscribe=One-Click", form)
        return connection.getresponse().status


def test_the_service_tells_a_program_who_leaves_and_the_published_library_believes_it(
    site: Installation,
) -> None:
    site.done("subscribers", "import", "readers.csv", "--consent", "They ticked the box.")
    with taking() as (url, posts):
        added = site.done(
            "webhooks", "add", url, "--on", "subscriber.left", "--addresses", "--json"
        )
        with site.started("run", "--port", "0", DIGEST_ALLOWED_NETWORKS="127.0.0.0/8") as service:
            assert leave(service) == 200
            body, headers = posts.get(timeout=100)
    message = Webhook(added.facts["secret"]).verify(body, headers)
    assert message["type"] == "subscriber.left"
    assert message["data"] == {
        "subscriber": 1,
        "newsletter": "weekly",
        "channel": "one-click",
        "address": "ann@example.org",
    }
