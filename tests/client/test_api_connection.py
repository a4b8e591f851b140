"""The client's connection: what it sends, what it repeats, and what it never shows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest

from digest.client import ApiProblem, ApiUnreachable
from digest.client.api_connection import ApiConnection

TOKEN = "dgt_secret"
Handler = Callable[[httpx2.Request], httpx2.Response]


class Site:
    """Answers one after the other, and remembers what it was asked and how long it was waited."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[httpx2.Request] = []
        self.waits: list[float] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@contextmanager
def connected(site: Site) -> Iterator[ApiConnection]:
    transport = httpx2.MockTransport(site)
    connection = ApiConnection(
        "https://news.example.com", token=TOKEN, transport=transport, sleep=site.waits.append
    )
    yield connection
    connection.close()


def answer(status: int = 200, value: Any = None, **headers: str) -> httpx2.Response:
    told = {name.replace("_", "-"): text for name, text in headers.items()}
    return httpx2.Response(status, json={} if value is None else value, headers=told)


def test_a_request_has_its_token_its_parameters_and_an_answer_with_its_tag() -> None:
    site = Site(answer(200, {"slug": "a"}, etag='"7"'))
    with connected(site) as connection:
        told = connection.send("GET", "/comparisons/a", query={"q": "x y", "tool": None})
    assert (told.value, told.etag) == ({"slug": "a"}, '"7"')
    [asked] = site.asked
    assert str(asked.url) == "https://news.example.com/api/v1/comparisons/a?q=x+y"
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert "Idempotency-Key" not in asked.headers


def test_a_post_is_repeated_under_one_key_until_it_is_answered() -> None:
    site = Site(httpx2.ReadError("cut"), answer(502), answer(409, Retry_After="1"), answer())
    with connected(site) as connection:
        connection.send("POST", "/subscribers", body={"newsletter": "weekly"})
    assert len(site.asked) == 4
    assert len({request.headers["Idempotency-Key"] for request in site.asked}) == 1
    assert len({request.content for request in site.asked}) == 1


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_change_that_may_have_been_made_is_not_repeated(method: str) -> None:
    site = Site(httpx2.ReadTimeout("late"))
    with connected(site) as connection, pytest.raises(ApiUnreachable) as caught:
        connection.send(method, "/comparisons/a", body={}, if_match='"7"')
    assert caught.value.sent
    assert len(site.asked) == 1


def test_a_change_that_never_left_or_was_too_early_is_repeated() -> None:
    site = Site(httpx2.ConnectError("refused"), answer(429, Retry_After="7"), answer())
    with connected(site) as connection:
        connection.send("PUT", "/comparisons/a", body={})
    assert site.waits[1] == 7


def test_it_waits_longer_with_each_try_and_gives_up_after_four() -> None:
    site = Site(*[httpx2.ConnectError("refused") for _ in range(4)])
    with connected(site) as connection, pytest.raises(ApiUnreachable, match="can't be reached"):
        connection.send("GET", "/status")
    assert [0.25 * 2**n <= wait <= 0.5 * 2**n for n, wait in enumerate(site.waits)] == [True] * 3


def test_a_date_to_retry_after_is_waited_for_and_one_far_away_is_not() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    site = Site(answer(503, Retry_After=soon), answer(503, Retry_After="3600"))
    with connected(site) as connection, pytest.raises(ApiProblem) as caught:
        connection.send("GET", "/status")
    assert [0 < wait <= 30 for wait in site.waits] == [True]
    assert (caught.value.status, caught.value.retry_after) == (503, 3600)


def test_a_problem_says_what_the_api_says() -> None:
    facts = {"title": "Not found", "detail": "no tool has such a name", "next_step": "GET /tools"}
    site = Site(answer(404, facts))
    with connected(site) as connection, pytest.raises(ApiProblem) as caught:
        connection.send("GET", "/tools/nobody")
    assert str(caught.value) == "Not found: no tool has such a name (404)"
    assert caught.value.next_step == "GET /tools"


@pytest.mark.parametrize("body", [b"<h1>Bad gateway</h1>", b"[]", b"\xff"])
def test_an_answer_from_something_else_is_a_problem_too(body: bytes) -> None:
    site = Site(httpx2.Response(500, content=body))
    with connected(site) as connection, pytest.raises(ApiProblem, match="answered 500"):
        connection.send("GET", "/status")


def test_an_answer_without_a_body_and_one_in_text() -> None:
    site = Site(httpx2.Response(204), httpx2.Response(200, text="Hello"))
    with connected(site) as connection:
        values = [connection.send("GET", "/issues/1/text").value for _ in range(2)]
    assert values == [None, "Hello"]


def test_no_redirect_takes_the_token_elsewhere() -> None:
    site = Site(answer(302, Location="https://elsewhere.example/"))
    with connected(site) as connection, pytest.raises(ApiProblem):
        connection.send("GET", "/status")
    assert len(site.asked) == 1


def test_the_token_stands_in_no_repr() -> None:
    with connected(Site()) as connection:
        assert repr(connection) == "ApiConnection('https://news.example.com')"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("news.example.com", "begins with https"),
        ("ftp://news.example.com", "begins with https"),
        ("https://ann:pass@news.example.com", "no password"),
        ("http://news.example.com", "https only"),
    ],
)
def test_a_token_goes_to_no_such_address(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ApiConnection(url, token=TOKEN)


def test_without_a_token_and_on_this_machine_http_will_do() -> None:
    for url, token in [("http://127.0.0.1:8000/", TOKEN), ("http://news.example.com", None)]:
        connection = ApiConnection(url, token=token)
        assert connection.url == url.rstrip("/")
        connection.close()


def test_the_client_imports_nothing_of_the_engine() -> None:
    code = "import sys, digest.client; print(*sorted(m for m in sys.modules if 'digest' in m))"
    told = subprocess.run(
        [sys.executable, "-"], input=code, capture_output=True, text=True, check=True
    )
    ours = {name for name in told.stdout.split() if not name.startswith("digest.client")}
    assert ours == {"digest"}
