"""The socket server: HTTP/1.1 basics, limits, and broken requests."""

from __future__ import annotations

import socket
import threading
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from digest.fake_sendgrid import RunningFake, running_fake
from tests.fake_sendgrid.bodies import make_body

JSON = {"Content-Type": "application/json", "Authorization": "Bearer k"}


def exchange(fake: RunningFake, *pieces: bytes) -> bytes:
    """Send pieces on one connection, then read to the end."""
    parts = urlsplit(fake.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as sock:
        for piece in pieces:
            sock.sendall(piece)
        received = b""
        while data := sock.recv(65536):
            received += data
    return received


def post(body: bytes, *headers: str) -> bytes:
    lines = [
        "POST /v3/mail/send HTTP/1.1",
        "Host: localhost",
        *(f"{name}: {text}" for name, text in JSON.items()),
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def test_one_connection_carries_many_requests(fake: RunningFake) -> None:
    connection = HTTPConnection(urlsplit(fake.url).netloc, timeout=10)
    for n in range(3):
        connection.request("POST", "/v3/mail/send", orjson.dumps(make_body(f"r{n}@a.org")), JSON)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (202, b"")
    connection.close()
    assert fake.arrived()["sends"] == 3


def test_requests_sent_ahead_are_answered_in_turn(fake: RunningFake) -> None:
    raw = orjson.dumps(make_body())
    one = post(raw, f"Content-Length: {len(raw)}")
    last = post(raw, f"Content-Length: {len(raw)}", "Connection: close")
    assert exchange(fake, one + one + last).count(b"HTTP/1.1 202") == 3


def test_a_body_in_chunks_is_put_together(fake: RunningFake) -> None:
    raw = orjson.dumps(make_body())
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, raw[n : n + 1]) for n in range(len(raw)))
    head = post(b"", "Transfer-Encoding: chunked", "Connection: close")
    assert exchange(fake, head, chunks + b"0\r\n\r\n").startswith(b"HTTP/1.1 202")


def test_a_client_that_waits_for_100_is_told_to_go_on(fake: RunningFake) -> None:
    raw = orjson.dumps(make_body())
    head = post(b"", f"Content-Length: {len(raw)}", "Expect: 100-continue", "Connection: close")
    parts = urlsplit(fake.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as sock:
        sock.sendall(head)
        assert sock.recv(1000).startswith(b"HTTP/1.1 100 ")
        sock.sendall(raw)
        assert sock.recv(1000).startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 3, b"GET\r\n\r\n" * 5, b"\x00" * 40]
)
def test_what_is_no_http_is_answered_400(fake: RunningFake, junk: bytes) -> None:
    assert exchange(fake, junk).startswith(b"HTTP/1.1 400")


def test_a_head_without_end_is_refused(fake: RunningFake) -> None:
    assert exchange(fake, post(b"", "X-Long: " + "x" * 200_000)).startswith(b"HTTP/1.1 4")


def test_a_request_that_breaks_off_leaves_no_trace(fake: RunningFake) -> None:
    parts = urlsplit(fake.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as sock:
        sock.sendall(post(b'{"from"', "Content-Length: 1000"))
    assert fake.send(make_body()).status == 202
    assert fake.counts()["requests"] == 1


def test_many_clients_at_once_lose_nothing(fake: RunningFake) -> None:
    def send(client: int) -> None:
        for n in range(5):
            fake.send(make_body(*(f"c{client}-{n}-{m}@example.org" for m in range(20))))

    clients = [threading.Thread(target=send, args=(n,)) for n in range(8)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    counts = fake.counts()
    assert (counts["messages"], counts["addresses"], counts["duplicates"]) == (800, 800, 0)


def test_it_ends_although_a_client_is_kept_waiting(tmp_path: Path) -> None:
    with running_fake(tmp_path, faults=[{"do": "hang"}]) as fake:
        raw = orjson.dumps(make_body())
        parts = urlsplit(fake.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as sock:
            sock.sendall(post(raw, f"Content-Length: {len(raw)}"))
            fake.counts()
            fake.stop()
    assert fake.process.returncode == 0
