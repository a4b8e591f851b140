"""The SendGrid transport: the form of a request, and the outcome of each answer."""

from __future__ import annotations

import gc
import logging
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG, Recipient, Recipients
from digest.mail.sendgrid.http_exchange import MAX_BODY, Exchange, connect_to_any
from digest.mail.sendgrid.payload import body, encode
from digest.mail.sendgrid.responses import MAX_DETAIL, classify
from digest.mail.sendgrid.sendgrid_transport import SendGrid
from digest.mail.transport import Accepted, Answer, Halted, InDoubt, NotSent, Refused
from tests.mail.test_transports import ATTEMPT, CONTENT, a_mailing

KEY = "SG.a-key-that-must-not-be-seen"


def test_I9_every_reader_has_a_personalization_of_their_own() -> None:
    made = body(a_mailing("one@example.org", "two@example.org"))
    assert [p["to"] for p in made["personalizations"]] == [
        [{"email": "one@example.org"}],
        [{"email": "two@example.org"}],
    ]


def test_the_request_states_all_three_kinds_of_tracking() -> None:
    tracking = body(a_mailing("one@example.org"))["tracking_settings"]
    assert tracking["subscription_tracking"] == {"enable": False}
    assert set(tracking) == {"click_tracking", "open_tracking", "subscription_tracking"}


def test_the_request_is_utf8_and_carries_opaque_ids() -> None:
    raw = encode(a_mailing("one@example.org"))
    made = orjson.loads(raw)
    assert "läuft".encode() in raw
    assert made["custom_args"] == {
        "digest_issue": "weekly-1",
        "digest_batch": "b1",
        "digest_attempt": ATTEMPT,
    }
    assert made["personalizations"][0]["custom_args"] == {"digest_delivery": "1"}
    assert [part["type"] for part in made["content"]] == ["text/plain", "text/html"]


def test_a_list_headers_links_go_to_the_provider_as_they_are() -> None:
    own = {"List-Unsubscribe": f"<https://news.example.com/n/{'token.' * 60}>"}
    mailing = a_mailing("one@example.org")
    mailing = replace(mailing, recipients=[mailing.recipients[0]._replace(headers=own)])
    [personal] = orjson.loads(encode(mailing))["personalizations"]
    assert personal["headers"] == own


def test_a_batch_by_column_is_the_same_request_as_its_recipients_one_by_one() -> None:
    columns = Recipients(
        deliveries=["1", "2", "3"],
        addresses=['"a \\"b"@example.org', "ü%s@example.org", "plain@example.org"],
        parts={UNSUBSCRIBE_TAG: ["t1", "t%d", "t3"], PREFERENCES_TAG: ["p1", "p2", 'p"\n']},
        headers={"List-Unsubscribe": f"<https://x/u/{UNSUBSCRIBE_TAG}?a=%20>", "Plain": '100 "%"'},
    )
    mailing = replace(a_mailing("one@example.org"), recipients=columns)
    one_by_one = replace(mailing, recipients=list(columns))
    assert one_by_one.recipients[1] == Recipient(
        "2",
        "ü%s@example.org",
        {UNSUBSCRIBE_TAG: "t%d", PREFERENCES_TAG: "p2"},
        {"List-Unsubscribe": "<https://x/u/t%d?a=%20>", "Plain": '100 "%"'},
    )
    assert encode(mailing) == encode(one_by_one) == orjson.dumps(body(mailing))
    assert list(columns[1:]) == list(columns)[1:]


@pytest.mark.parametrize("number", [0, 1001])
def test_a_request_takes_one_to_a_thousand(number: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        encode(a_mailing(*(f"r{n}@example.org" for n in range(number))))


@contextmanager
def provider(reply: Callable[[socket.socket], None], *, read: int | None = None) -> Iterator[str]:
    """Answer one connection with *reply*, after the request, or its first *read* bytes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        # The client may hang up within a long answer: it reads no more than it has use for.
        with connection, suppress(BrokenPipeError, ConnectionResetError):
            _read_request(connection, read)
            reply(connection)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join(10)
        listener.close()


def _read_request(connection: socket.socket, limit: int | None) -> None:
    if limit is not None:
        connection.recv(limit)
        return
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, rest = data.partition(b"\r\n\r\n")
    length = next(
        line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(rest) < int(length.split(b":")[1]):
        rest += connection.recv(65536)


def replies(*parts: bytes) -> Callable[[socket.socket], None]:
    def reply(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)

    return reply


def hangs_up(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def answer_to(
    reply: Callable[[socket.socket], None], *, seconds: float = 5.0, read: int | None = None
) -> Answer:
    with provider(reply, read=read) as url:
        sendgrid = SendGrid(api_key=KEY, url=url, seconds=seconds, clock=lambda: 1_000_000.0)
        return sendgrid.hand_over(sendgrid.prepare(a_mailing("one@example.org")))


HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 202 Accepted\r\nX-Message-Id: abc\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n",
        HINTS + b"HTTP/1.1 202 Accepted\r\n\r\n",
        HINTS * 3 + b"HTTP/1.1 202 Accepted\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 900\r\n\r\ncut",
        b"HTTP/1.1 202 Accepted\r\nX-Mess",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    ],
)
def test_B01_a_202_is_accepted_whatever_follows_its_status_line(raw: bytes) -> None:
    assert isinstance(answer_to(replies(raw)), Accepted)


def test_the_message_id_is_kept() -> None:
    answer = answer_to(replies(b"HTTP/1.1 202 Accepted\r\nX-Message-Id: abc\r\n\r\n"))
    assert answer == Accepted(provider_id="abc", status=202)


@pytest.mark.parametrize("given", [b"a" * 201, b"a\x00b", b"a\tb", "é".encode("latin-1"), b""])
def test_B01_a_message_id_no_database_keeps_is_left_out(given: bytes) -> None:
    answer = answer_to(replies(b"HTTP/1.1 202 Accepted\r\nX-Message-Id: %b\r\n\r\n" % given))
    assert answer == Accepted(provider_id=None, status=202)


def test_B02_a_200_is_not_accepted() -> None:
    answer = answer_to(replies(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    assert isinstance(answer, Halted)
    assert "sandbox" in answer.detail


def test_B03_a_400_names_readers_by_index_and_without_their_address() -> None:
    error = {"message": "Bad: one@example.org", "field": "personalizations.0.to.0.email"}
    raw = orjson.dumps({"errors": [error]})
    answer = answer_to(replies(b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n" % len(raw), raw))
    assert isinstance(answer, Refused)
    assert answer.recipients == {0: "Bad: (address)"}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"message": "no", "field": f"personalizations.{'1' * 5000}.to"}, "personalizations.1111"),
        ({"message": "no", "field": "to\x00one@example.org\n"}, "to (address) : no"),
        ({"message": 7, "field": ["a"]}, "the provider gave no reason"),
    ],
    ids=["a long index", "a NUL and an address", "of other types"],
)
def test_B04_a_400_of_any_shape_is_a_refusal_in_clean_words(
    error: dict[str, object], words: str
) -> None:
    raw = orjson.dumps({"errors": [error]})
    answer = classify(Exchange(status=400, body=raw), recipients=3, now=0.0)
    assert isinstance(answer, Refused | Halted)
    assert words in answer.detail
    assert answer.detail.isprintable()
    assert len(answer.detail) < 2 * MAX_DETAIL


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("x" * MAX_BODY, "x" * MAX_DETAIL),
        ("x" * 50_000 + "@", "(address)"),
        ("a@" * 50_000, "(address)"),
        ("a@b " * 50_000, ("(address) " * 50)[:MAX_DETAIL]),
        ("<one@example.org>, one@example.org", "<(address)>, (address)"),
    ],
    ids=["a word", "an @ at its end", "many @", "many addresses", "two addresses"],
)
def test_I12_a_400_of_one_long_word_is_read_in_no_time(message: str, kept: str) -> None:
    exchange = Exchange(status=400, body=orjson.dumps({"errors": [{"message": message}]}))
    began = time.process_time()
    answer = classify(exchange, recipients=1, now=0.0)
    assert answer.detail == kept
    assert time.process_time() - began < 2.0  # it took minutes


@pytest.mark.parametrize("raw", [b"<html>", b"", b"[]", b'{"errors": 3}', b"x" * 2_000_000])
def test_B04_a_400_without_a_usable_reason_is_still_definite(raw: bytes) -> None:
    answer = answer_to(replies(b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n" % len(raw), raw))
    assert isinstance(answer, Refused)
    assert answer.recipients == {}


@pytest.mark.parametrize("status", [401, 403, 404, 405, 406, 415, 451])
def test_B06_what_a_person_must_mend_halts(status: int) -> None:
    answer = answer_to(replies(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status))
    assert isinstance(answer, Halted)
    assert KEY not in answer.detail


def test_B07_a_413_asks_for_smaller_requests() -> None:
    answer = answer_to(replies(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"))
    assert isinstance(answer, Refused)
    assert answer.too_large


@pytest.mark.parametrize(
    ("reset", "wait"),
    [
        (b"1000002", 2.0),
        (b"999999", None),
        (b"-5", None),
        (b"soon", None),
        (b"inf", None),
        (b"nan", None),
        (b"4102444800", 4_101_444_800.0),
    ],
)
def test_B08_a_429_says_how_long_to_wait(reset: bytes, wait: float | None) -> None:
    head = b"HTTP/1.1 429 Slow\r\nX-RateLimit-Reset: %b\r\nContent-Length: 0\r\n\r\n" % reset
    answer = answer_to(replies(head))
    assert isinstance(answer, NotSent)
    assert (answer.wait, answer.counts) == (wait, False)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (b"8", 8.0),
        (b"Tue, 24 Nov 2026 09:00:30 GMT", 30.0),
        (b"Tuesday, 24-Nov-26 09:00:30 GMT", 30.0),
        (b"0", None),
        (b"soon", None),
        (b"9" * 400, None),
    ],
    ids=["seconds", "date", "old date", "none", "no time", "for ever"],
)
def test_D13_a_429_may_say_it_in_the_way_of_every_http_server(
    header: bytes, wait: float | None
) -> None:
    date = b"Tue, 24 Nov 2026 09:00:00 GMT"
    head = b"HTTP/1.1 429 Slow\r\nRetry-After: %b\r\nDate: %b\r\nContent-Length: 0\r\n\r\n"
    answer = answer_to(replies(head % (header, date)))
    assert isinstance(answer, NotSent)
    assert answer.wait == wait


@pytest.mark.parametrize(
    ("date", "wait"),
    [
        (b"Tue, 24 Nov 2026 09:00:00 GMT", 30.0),  # the clock here is years behind
        (b"yesterday", 1_794_510_830.0),
        (b"Tue, 24 Nov 99999999999 09:00:00 GMT", 1_794_510_830.0),
    ],
)
def test_E03_a_wait_is_measured_by_the_providers_own_clock(date: bytes, wait: float) -> None:
    reset = int(datetime(2026, 11, 24, 9, 0, 30, tzinfo=UTC).timestamp())
    head = b"HTTP/1.1 429 Slow\r\nX-RateLimit-Reset: %d\r\nDate: %b\r\nContent-Length: 0\r\n\r\n"
    answer = answer_to(replies(head % (reset, date)))
    assert isinstance(answer, NotSent)
    assert answer.wait == wait


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 500, 502, 503, 504, 599])
def test_B09_B10_any_other_status_leaves_doubt(status: int) -> None:
    head = b"HTTP/1.1 %d Hm\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n" % status
    assert isinstance(answer_to(replies(head)), InDoubt)


def test_B11_no_connection_is_definite() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    sendgrid = SendGrid(api_key=KEY, url=f"http://127.0.0.1:{port}", seconds=2)
    assert isinstance(sendgrid.hand_over(sendgrid.prepare(a_mailing("a@example.org"))), NotSent)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999", f"http://{'a' * 64}.example.com", "http://a..example.com"]
)
def test_B11_an_address_nobody_can_connect_to_halts(url: str) -> None:
    sendgrid = SendGrid(api_key=KEY, url=url, seconds=2)
    answer = sendgrid.hand_over(sendgrid.prepare(a_mailing("a@example.org")))
    assert isinstance(answer, Halted)
    assert "DIGEST_SENDGRID_URL" in answer.detail


def test_B11_all_addresses_together_have_one_time_limit() -> None:
    # A full queue of connections leaves the next one unanswered.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()[:2]
        queue = [socket.socket() for _ in range(4)]
        for one in queue:
            one.setblocking(False)
            one.connect_ex(address)
        began = time.monotonic()
        end = began + 0.6
        with pytest.raises(OSError, match="timed out"):
            connect_to_any([address] * 6, lambda: end - time.monotonic())
        took = time.monotonic() - began
        for one in queue:
            one.close()
    assert 0.5 < took < 1.5


def test_B11_the_address_that_answers_is_taken_after_one_that_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        answers, closed = there.getsockname(), ("127.0.0.1", 1)
        with connect_to_any([closed, answers], lambda: 5.0) as connection:
            assert connection.getpeername() == answers


def test_B11_a_peer_without_tls_is_definite() -> None:
    with provider(replies(b"no TLS here"), read=10) as url:
        sendgrid = SendGrid(api_key=KEY, url=url.replace("http:", "https:"), seconds=2)
        answer = sendgrid.hand_over(sendgrid.prepare(a_mailing("a@example.org")))
    assert isinstance(answer, NotSent)


def test_B12_a_request_cut_before_its_end_is_definite() -> None:
    with provider(hangs_up, read=1000) as url:
        sendgrid = SendGrid(api_key=KEY, url=url, seconds=5)
        large = a_mailing(*(f"reader{n}@example.org" for n in range(1000)))
        content = CONTENT.__class__(**{**vars(CONTENT), "html": "x" * 20_000_000})
        mailing = large.__class__(**{**vars(large), "content": content})
        assert isinstance(sendgrid.hand_over(sendgrid.prepare(mailing)), NotSent)


def test_B10_what_follows_early_hints_is_read_whole() -> None:
    raw = orjson.dumps({"errors": [{"message": "no", "field": "personalizations.0.to"}]})
    head = HINTS + b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n" % len(raw)
    answer = answer_to(replies(head, raw))
    assert isinstance(answer, Refused)
    assert answer.recipients == {0: "no"}


@pytest.mark.parametrize("raw", [HINTS, HINTS * 2000])
def test_B13_early_hints_alone_leave_doubt(raw: bytes) -> None:
    assert isinstance(answer_to(replies(raw)), InDoubt)


@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 2", b"HTTP/1.1 202 Acc", b"hello\r\n"])
def test_B13_no_whole_status_line_leaves_doubt(raw: bytes) -> None:
    assert isinstance(answer_to(replies(raw)), InDoubt)


def test_B13_a_reset_after_the_request_leaves_doubt() -> None:
    assert isinstance(answer_to(hangs_up), InDoubt)


def test_B14_a_dripping_answer_ends_at_the_deadline() -> None:
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 202 Accepted\r\n" * 100:
            try:
                connection.sendall(bytes([byte]))
            except OSError:
                return
            if stop.wait(0.05):
                return

    answer = answer_to(drip, seconds=0.3)
    stop.set()
    assert isinstance(answer, InDoubt)
    assert "TimeoutError" in answer.detail


def test_B15_an_endless_answer_is_read_up_to_a_bound() -> None:
    def pour(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")
        try:
            for _ in range(1000):
                connection.sendall(b"x" * 1_000_000)
        except OSError:
            return
        raise AssertionError("all of it was read")

    assert isinstance(answer_to(pour), Refused)


def test_I10_neither_key_nor_address_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with provider(replies(b"HTTP/1.1 202 Accepted\r\n\r\n")) as url:
        sendgrid = SendGrid(api_key=KEY, url=url, seconds=5)
        sendgrid.hand_over(sendgrid.prepare(a_mailing("one@example.org")))
    shown = caplog.text + repr(sendgrid) + repr(vars(sendgrid))
    assert KEY not in shown
    assert "one@example.org" not in shown


def hands_over(url: str, times: int = 1) -> None:
    sendgrid = SendGrid(api_key=KEY, url=url, seconds=5)
    for _ in range(times):
        sendgrid.hand_over(sendgrid.prepare(a_mailing("one@example.org")))


def test_I12_a_request_leaves_nothing_to_the_garbage_collector() -> None:
    with provider(replies(b"HTTP/1.1 202 Accepted\r\n\r\n")) as url:
        hands_over(url)  # what is made once is made by now
    with provider(replies(b"HTTP/1.1 202 Accepted\r\n\r\n")) as url:
        gc.collect()
        gc.disable()
        try:
            hands_over(url)
            left = gc.collect()
        finally:
            gc.enable()
    assert left == 0


def test_I12_requests_share_one_tls_context() -> None:
    hands_over("https://127.0.0.1:1")
    before = contexts()
    gc.disable()  # none that was dropped is taken away meanwhile
    try:
        hands_over("https://127.0.0.1:1", times=3)
        made = [one for one in contexts() if one not in before]
    finally:
        gc.enable()
    assert made == []


def contexts() -> list[ssl.SSLContext]:
    return [one for one in gc.get_objects() if isinstance(one, ssl.SSLContext)]


@pytest.mark.parametrize("key", ["", "  ", "a\nb", "ключ"])
def test_a_key_that_cannot_be_one_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="API key"):
        SendGrid(api_key=key, url="http://127.0.0.1:1", seconds=1)
