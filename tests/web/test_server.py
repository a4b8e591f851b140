"""The server below the site, by plain sockets."""

from __future__ import annotations

import gc
import socket
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from digest.errors import BadSetting
from digest.web.server import MOST_HEAD, SWITCH_SECONDS, listen, serve_in_thread
from subscribers.web import HEADERS
from tests.web.conftest import Running


def asked(site: Running, *parts: bytes) -> bytes:
    """Write the parts one by one until the server hangs up; returns what it said."""
    host, _, port = urlsplit(site.url).netloc.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        with suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
        data = b""
        with suppress(ConnectionError):
            while part := connection.recv(65536):
                data += part
    return data


def has_ipv6() -> bool:
    """Return whether this machine has IPv6's own address of itself."""
    known = Path("/proc/net/if_inet6")
    return known.exists() and "0" * 31 + "1 " in known.read_text("ascii")


IPV6 = [("::1", "[::1]", ["[::1]"]), ("[::1]", "[::1]", ["[::1]"])]
EVERY = [("::", "[::]", ["[::1]", "127.0.0.1"])]


@pytest.mark.parametrize(
    ("host", "told", "reached"),
    [
        ("127.0.0.1", "127.0.0.1", ["127.0.0.1"]),
        ("0.0.0.0", "0.0.0.0", ["127.0.0.1"]),  # noqa: S104 - what an operator may say
        *(IPV6 + EVERY if has_ipv6() else []),
    ],
)
def test_the_site_listens_where_it_is_told_and_says_where(
    host: str, told: str, reached: list[str]
) -> None:
    sock = listen(0, host)
    port = sock.getsockname()[1]
    with serve_in_thread(PlainTextResponse("here"), sock) as url:
        for at in reached:
            with urlopen(f"http://{at}:{port}/", timeout=10) as page:
                assert page.read() == b"here"

    assert url == f"http://{told}:{port}"


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_an_address_that_is_not_this_machines_is_refused_with_what_to_do(host: str) -> None:
    with pytest.raises(BadSetting, match=f"can't listen on {host}, port 0: ") as caught:
        listen(0, host)

    assert "--host 127.0.0.1" in str(caught.value.next_step)


def test_beside_other_work_nobody_waits_long_for_the_interpreter(site: Running) -> None:
    assert site.get("/healthz").status_code == 200
    assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)


def test_a_head_that_does_not_end_is_cut_off(site: Running) -> None:
    endless = [b"X-More: " + b"a" * 1000 + b"\r\n"] * 200
    answer = asked(site, b"GET / HTTP/1.1\r\nHost: a\r\n", *endless)
    assert answer.startswith(b"HTTP/1.1 431 ") or answer == b""
    assert site.get("/healthz").status_code == 200


def test_a_long_address_that_does_not_end_is_cut_off(site: Running) -> None:
    answer = asked(site, b"GET /", *[b"a" * 1000] * 200)
    assert answer.startswith(b"HTTP/1.1 431 ") or answer == b""


def test_heads_on_one_connection_are_not_added_up(site: Running) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-More: " + b"a" * (MOST_HEAD // 2) + b"\r\n"
    answer = asked(site, *[head + b"\r\n"] * 3, head + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 4


def test_what_is_no_http_gets_a_400_and_no_more(site: Running) -> None:
    assert asked(site, b"\x16\x03\x01 hello\r\n\r\n").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "parts", [(b"\x16\x03\x01 hello\r\n\r\n",), (b"GET /" + b"a" * (MOST_HEAD - 4),)]
)
def test_what_the_parser_refuses_carries_the_headers_that_keep_pages_safe(
    site: Running, parts: tuple[bytes, ...]
) -> None:
    answer = asked(site, *parts).decode().lower()
    assert [name for name in HEADERS if f"\r\n{name.lower()}: " not in answer] == []


def test_a_large_last_piece_of_a_body_is_no_head(site: Running) -> None:
    body = b"a" * (MOST_HEAD + 10_000)
    head = b"POST /webhooks/sendgrid HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    head += b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    host, _, port = urlsplit(site.url).netloc.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head)
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)  # alone, and so in a read of its own
        while part := connection.recv(65536):
            answer += part
    assert b"HTTP/1.1 431" not in answer
    assert b"HTTP/1.1 4" in answer  # nobody signed it


POST = b"POST /subscribe HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"


def test_a_page_sent_in_one_piece_is_the_one_sent_in_two(site: Running) -> None:
    """The server sends readers' pages whole; another ASGI server gets head and body apart."""
    served = site.http.post("/subscribe", data={"email": "reader@example.com"})
    apart = TestClient(site.asgi).post("/subscribe", data={"email": "reader@example.com"})

    names = {*served.headers, *apart.headers} - {"date", "content-length"}  # its token differs
    assert {name: served.headers.get(name) for name in names} == {
        name: apart.headers.get(name) for name in names
    }
    assert served.headers["content-length"] == str(len(served.content))


def test_posts_that_come_at_once_are_answered_one_by_one(site: Running) -> None:
    body = b"email=reader%40example.com"
    first = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    last = first.replace(b"Host: a\r\n", b"Host: a\r\nConnection: close\r\n")
    answer = asked(site, first + first + last)

    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert answer.count(b"\r\nconnection: close\r\n") == 1


def test_an_answered_request_leaves_nothing_to_search_for(site: Running) -> None:
    site.get("/subscribe")
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            site.get("/subscribe")
        left = sum(isinstance(each, RequestResponseCycle) for each in gc.get_objects())
    finally:
        gc.enable()
    assert left <= 2  # the last one, and one under way


def test_a_body_that_comes_after_its_head_is_waited_for(site: Running) -> None:
    body = b"email=nobody"
    head = POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    answer = asked(site, head, body[:5], body[5:])

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"nobody" in answer


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
def test_a_body_that_is_refused_ends_its_connection_and_the_answer_says_so_once(
    site: Running, close: bytes
) -> None:
    refused = POST + close + b"Content-Length: 3\r\n\r\n%ff"
    answer = asked(site, refused + b"GET /subscribe HTTP/1.1\r\nHost: a\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.count(b"\r\nconnection: close\r\n") == 1


@pytest.mark.parametrize("path", ["/subscribe", "/subscribe/", "/subscribe/frame"])
def test_a_page_has_the_same_headers_by_get_and_by_head(site: Running, path: str) -> None:
    whole, apart = site.http.get(path), site.http.head(path)
    names = {*whole.headers, *apart.headers} - {"date", "content-length"}  # its token differs

    assert {name: whole.headers.get(name) for name in names} == {
        name: apart.headers.get(name) for name in names
    }
    assert whole.headers["cross-origin-opener-policy"] == "same-origin"


def test_a_page_is_sent_without_its_body_where_only_its_head_is_asked_for(site: Running) -> None:
    answer = asked(site, b"HEAD /subscribe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n")
    assert b"content-length: " in answer


def test_nothing_is_answered_after_a_body_that_was_refused_unread(site: Running) -> None:
    body = b"a" * 100_000
    after = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answer = asked(site, POST + b"Content-Length: %d\r\n\r\n" % len(body), body, after)

    assert b" 200 OK\r\n" not in answer
