"""Effects of each kind of fault, as a client meets them on a plain socket."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from sendgrid.helpers.eventwebhook import EventWebhook, EventWebhookHeader

from digest.fake_sendgrid import RunningFake, running_fake
from tests.fake_sendgrid.bodies import make_body
from tests.fake_sendgrid.webhook_receiver import Webhook


def request_bytes(body: Any) -> bytes:
    raw = orjson.dumps(body)
    return (
        b"POST /v3/mail/send HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer k\r\n"
        b"Content-Type: application/json\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n" % len(raw)
    ) + raw


def connect(fake: RunningFake) -> socket.socket:
    parts = urlsplit(fake.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=10)


def all_of(sock: socket.socket) -> bytes:
    """Return all bytes up to the end of the stream; a reset raises."""
    received = b""
    while data := sock.recv(1_000_000):
        received += data
    return received


def met(fake: RunningFake, do: str, **settings: Any) -> bytes:
    """What a client receives when its first request meets this fault."""
    fake.set_faults([{"do": do, "on": 1, **settings}])
    with connect(fake) as sock:
        sock.sendall(request_bytes(make_body("a@example.org")))
        return all_of(sock)


def accepted(fake: RunningFake) -> int:
    count: int = fake.counts()["messages"]
    return count


@pytest.mark.parametrize("at", [0, 1, 60, 300])
def test_a_request_is_cut_at_a_byte_and_not_recorded(fake: RunningFake, at: int) -> None:
    with pytest.raises(ConnectionResetError):
        met(fake, "cut-request", at=at)
    assert accepted(fake) == 0


def test_a_client_notices_the_cut_while_it_writes_a_long_body(fake: RunningFake) -> None:
    fake.set_faults([{"do": "cut-request", "at": 5000}])
    with connect(fake) as sock, pytest.raises((ConnectionResetError, BrokenPipeError)):
        sock.sendall(request_bytes(make_body(subject="x" * 20_000_000)))


def test_a_cut_beyond_the_end_of_the_request_never_comes(fake: RunningFake) -> None:
    assert b" 202 " in met(fake, "cut-request", at=1_000_000)


@pytest.mark.parametrize(("accept", "recorded"), [(True, 1), (False, 0)])
def test_no_answer_whether_recorded_or_not(fake: RunningFake, accept: bool, recorded: int) -> None:
    assert met(fake, "cut", accept=accept) == b""
    assert accepted(fake) == recorded


def test_an_answer_may_be_cut_with_a_reset(fake: RunningFake) -> None:
    with pytest.raises(ConnectionResetError):
        met(fake, "cut", reset=True)
    assert accepted(fake) == 1


def test_half_a_status_line(fake: RunningFake) -> None:
    assert met(fake, "cut-answer", at=10) == b"HTTP/1.1 2"
    assert accepted(fake) == 1


def test_headers_of_a_202_and_a_piece_of_its_body(fake: RunningFake) -> None:
    answer = met(fake, "cut-body")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 202 Accepted")
    assert b"X-Message-Id: " in head
    assert b"Content-Length: 1000" in head
    assert len(body) < 1000


@pytest.mark.parametrize(("accept", "recorded"), [(True, 1), (False, 0)])
@pytest.mark.parametrize("status", [500, 502, 503, 504, 599])
def test_a_5xx_before_and_after_acceptance_looks_the_same(
    fake: RunningFake, status: int, accept: bool, recorded: int
) -> None:
    assert met(fake, "status", status=status, accept=accept).startswith(b"HTTP/1.1 %d" % status)
    assert accepted(fake) == recorded


@pytest.mark.parametrize("status", [200, 201, 204, 404, 415, 451])
def test_any_status_may_be_had(fake: RunningFake, status: int) -> None:
    assert met(fake, "status", status=status).startswith(b"HTTP/1.1 %d" % status)


def test_a_redirect_says_where_to(fake: RunningFake) -> None:
    headers = {"Location": "http://127.0.0.1:9/"}
    assert b"Location: http://127.0.0.1:9/" in met(fake, "status", status=301, headers=headers)


def test_an_error_page_in_html_of_two_megabytes(fake: RunningFake) -> None:
    answer = met(fake, "status", status=502, html=True, size=2_000_000)
    assert b"Content-Type: text/html" in answer
    assert len(answer) > 2_000_000


def test_a_202_without_id_and_one_with_a_body(fake: RunningFake) -> None:
    assert b"X-Message-Id" not in met(fake, "no-id")
    assert met(fake, "with-body").endswith(b'{"message":"success"}')
    assert accepted(fake) == 2


@pytest.mark.parametrize(
    ("reset", "fits"),
    [
        ("soon", lambda value: 0 <= int(value) - time.time() <= 3),
        ("past", lambda value: int(value) < time.time()),
        ("2100", lambda value: value == b"4102444800"),
        ("negative", lambda value: value == b"-1"),
        ("text", lambda value: value == b"soon"),
        ("missing", lambda value: value == b""),
    ],
)
def test_a_429_names_a_moment(fake: RunningFake, reset: str, fits: Any) -> None:
    answer = met(fake, "rate-limit", reset=reset)
    assert answer.startswith(b"HTTP/1.1 429")
    assert fits(answer.partition(b"X-RateLimit-Reset: ")[2].partition(b"\r\n")[0])
    assert accepted(fake) == 0


def test_a_refusal_names_whom_it_is_told_to(fake: RunningFake) -> None:
    body = orjson.loads(met(fake, "refuse", places=[0, 437]).partition(b"\r\n\r\n")[2])
    assert [error["field"] for error in body["errors"]] == [
        "personalizations.0.to.0.email",
        "personalizations.437.to.0.email",
    ]


@pytest.mark.parametrize("settings", [{}, {"html": True}, {"size": 2_000_000}])
def test_a_refusal_may_name_nobody(fake: RunningFake, settings: dict[str, Any]) -> None:
    answer = met(fake, "refuse", **settings)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"personalizations" not in answer
    assert len(answer) > settings.get("size", 0)


def test_bad_addresses_are_refused_until_they_are_left_out(fake: RunningFake) -> None:
    fake.set_faults({"addresses": {"containing": "bad"}})
    refused = fake.send(make_body("a@example.org", "bad@example.org"))
    assert orjson.loads(refused.body)["errors"][0]["field"] == "personalizations.1.to.0.email"
    assert fake.send(make_body("a@example.org")).status == 202
    assert fake.counts()["duplicates"] == 0


@pytest.mark.parametrize(
    ("do", "answer"),
    [
        ("garbage", bytes(range(256)) * 4),
        ("http-0.9", b"<html>It works!</html>\n"),
        ("continue", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_what_is_no_answer_at_all(fake: RunningFake, do: str, answer: bytes) -> None:
    assert met(fake, do) == answer
    assert accepted(fake) == 1


def test_a_body_without_end_is_bounded_by_what_was_asked(fake: RunningFake) -> None:
    answer = met(fake, "endless", bytes=3_000_000)
    assert answer.startswith(b"HTTP/1.1 202")
    assert len(answer.partition(b"\r\n\r\n")[2]) == 3_000_000


def test_a_client_may_leave_a_body_without_end(fake: RunningFake) -> None:
    fake.set_faults([{"do": "endless"}])
    with connect(fake) as sock:
        sock.sendall(request_bytes(make_body()))
        assert sock.recv(20).startswith(b"HTTP/1.1 202")
    assert accepted(fake) == 1


def test_ten_thousand_headers(fake: RunningFake) -> None:
    assert met(fake, "many-headers").count(b"\r\nX-Filler-") == 10_000


def test_a_stale_answer_follows_the_right_one(fake: RunningFake) -> None:
    assert met(fake, "twice").count(b"HTTP/1.1 202") == 2


def test_a_late_answer_is_late_and_right(fake: RunningFake) -> None:
    began = time.monotonic()
    assert met(fake, "delay", seconds=0.2).startswith(b"HTTP/1.1 202")
    assert time.monotonic() - began >= 0.2


def test_a_dripping_answer_is_whole_in_the_end(fake: RunningFake) -> None:
    began = time.monotonic()
    assert met(fake, "drip", seconds=0.002).startswith(b"HTTP/1.1 202")
    assert time.monotonic() - began >= 0.2


def test_silence_ends_when_its_time_is_over(fake: RunningFake) -> None:
    assert met(fake, "hang", seconds=0.1) == b""
    assert accepted(fake) == 1


def test_others_are_served_while_one_waits(fake: RunningFake) -> None:
    fake.set_faults([{"do": "hang", "on": 1}])
    with connect(fake) as sock:
        sock.sendall(request_bytes(make_body("a@example.org")))
        while not accepted(fake):
            pass
        assert fake.send(make_body("b@example.org")).status == 202


def test_the_client_is_killed_after_its_mail_was_accepted(fake: RunningFake) -> None:
    program = (
        "import http.client, sys; c = http.client.HTTPConnection(sys.argv[1]);"
        "sys.stdin.readline(); c.request('POST', '/v3/mail/send', sys.argv[2], {'Authorization':"
        " 'Bearer k', 'Content-Type': 'application/json'}); c.getresponse(); print('alive')"
    )
    arguments = [urlsplit(fake.url).netloc, orjson.dumps(make_body()).decode()]
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as client:  # noqa: S603 - our own
        fake.set_faults([{"do": "kill", "pid": client.pid}])
        output, _ = client.communicate(b"go\n", timeout=20)
    assert (client.returncode, output) == (-9, b"")
    assert accepted(fake) == 1


def test_only_mail_sends_are_counted(fake: RunningFake) -> None:
    fake.set_faults([{"do": "status", "on": 2}])
    answers = [fake.send(make_body(f"r{n}@example.org")).status for n in range(3)]
    assert answers == [202, 503, 202]
    assert fake.faults()["requests"] == 3


def test_faults_may_be_given_at_the_start(tmp_path: Path) -> None:
    with running_fake(tmp_path, faults=[{"do": "status", "status": 500, "on": 1}]) as fake:
        assert [fake.send(make_body()).status for _ in range(2)] == [500, 202]


def test_duplicated_and_renamed_events_reach_the_webhook(
    fake: RunningFake, webhook: Webhook
) -> None:
    fake.set_faults({"events": {"duplicate": 46, "new_ids": True}})
    fake.send(make_body())
    fake.flush_events(to=webhook.url)
    assert len(webhook.events) == 92
    assert len({event["sg_event_id"] for event in webhook.events}) == 92


def test_held_back_events_come_when_they_are_flushed(fake: RunningFake, webhook: Webhook) -> None:
    fake.set_faults({"events": {"delay": 3600}})
    fake.send(make_body())
    fake.flush_events(to=webhook.url)
    assert len(webhook.events) == 2


def test_a_spoilt_post_carries_a_signature_that_does_not_fit(
    fake: RunningFake, webhook: Webhook
) -> None:
    fake.set_faults({"events": {"corrupt": 1.0, "how": "signature"}})
    fake.send(make_body())
    fake.flush_events(to=webhook.url)
    (body,), (headers,) = webhook.bodies, webhook.headers
    verifier = EventWebhook(fake.webhook_key)
    signature = headers[EventWebhookHeader.SIGNATURE], headers[EventWebhookHeader.TIMESTAMP]
    assert not verifier.verify_signature(body.decode(), *signature)
    assert verifier.verify_signature(body.decode().replace('": ', '":', 1), *signature)
