"""The link checker: requests links only on demand, and never a reader's own link."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from digest.issues.checking import check_link, unreachable

TAG = "-digest_unsubscribe_token-"


class Answers(BaseHTTPRequestHandler):
    """Answers with the status in the path; /405-200 tells HEAD from GET."""

    def do_HEAD(self) -> None:
        self._answer(self.path.strip("/").split("-")[0])

    def do_GET(self) -> None:
        self._answer(self.path.strip("/").split("-")[-1])

    def _answer(self, status: str) -> None:
        self.send_response(int(status))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/200", ""),
        ("/404", "answers 404"),
        ("/500", "answers 500"),
        ("/405-200", ""),
        ("/405-404", "answers 404"),
        ("/403-403", ""),
        ("/429", ""),
    ],
)
def test_a_link_is_asked_whether_it_answers(url: str, path: str, said: str) -> None:
    assert check_link(f"{url}{path}") == said


def test_a_server_that_is_not_there_is_reported() -> None:
    assert check_link("http://127.0.0.1:1/").startswith("doesn't answer")


def test_each_link_is_asked_once_and_a_readers_own_never() -> None:
    asked: list[str] = []

    def note(url: str) -> str:
        asked.append(url)
        return "answers 404" if url.endswith("gone") else ""

    html = (
        '<a href="https://a.example/">x</a>\n<a href="https://a.example/">y</a>'
        f'<a href="https://a.example/u/{TAG}">z</a><img src="https://a.example/gone">'
        '<a href="javascript:x">w</a>'
    )
    warnings = unreachable(html, [TAG], note)

    assert sorted(asked) == ["https://a.example/", "https://a.example/gone"]
    assert [(finding.rule, finding.line) for finding in warnings] == [("unreachable", 2)]
