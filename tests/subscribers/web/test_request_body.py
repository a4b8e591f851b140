"""Request bodies: hostile text, malformed input, and size limits."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from urllib.parse import urlsplit

import pytest
from starlette.requests import Request
from starlette.types import Message

from subscribers.web import request_body
from tests.subscribers.web.conftest import Site, hidden

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}

NAUGHTY = [
    "", " ", "undefined", "NULL", "None", "true", "0", "-1", "1e309", "NaN", "0x0", "٣", "¼",
    "';DROP TABLE subscriber;--", '" OR 1=1 --', "$(reboot)", "`id`", "../../etc/passwd",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)",
    "{{7*7}}", "${7*7}", "<%= 7 %>", "%s%s%n", "%00", "\x00", "\x01\x7f", "\u200b", "\u202eevil",
    "\ufeff", "\u2028", "e\u0301", "Z" + "\u0301" * 200, "\U0001f469\u200d\U0001f469",
    "\U0001d4bb\U0001d4b6", "\ufdfa", "社會", "\U000e0001", "a" * 10_000, "=1+1", "@SUM(A1)",
    "Content-Type: text/html\r\n\r\nx", "\r\nSet-Cookie: a=b",
]  # fmt: skip


@pytest.mark.parametrize("field", ["email", "newsletter", "lang", "form", "token", "other"])
def test_H02_naughty_texts_in_every_field_break_nothing(site: Site, field: str) -> None:
    form = {**hidden(site.http.get("/subscribe").text), "email": "reader@example.com"}
    site.clock.advance(seconds=3)
    for text in NAUGHTY:
        answer = site.http.post("/subscribe", data={**form, field: text})
        assert answer.status_code in (200, 404, 422), ascii(text)
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text


def test_H02_naughty_texts_in_path_query_and_headers_break_nothing(site: Site) -> None:
    for text in NAUGHTY:
        printable = "".join(letter for letter in text if 32 <= ord(letter) < 127)[:500].strip()
        headers = {"Accept-Language": printable, "X-Forwarded-For": printable, "Origin": printable}
        for path in ("/c/", "/u/", "/p/", "/a/"):
            answer = site.http.get(f"{path}{printable or 'x'}", headers=headers)
            assert answer.status_code < 500, ascii(text)
        query = {"newsletter": text[:500], "lang": text[:500], "form": text[:500]}
        assert site.http.get("/subscribe", params=query, headers=headers).status_code < 500


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"email=%FF%FE", FORM),
        (b"email=%C0%AF", FORM),
        (b"email=%ED%A0%80", FORM),
        (b"\xff\xfe\x00", JSON),
        (b'{"email": "\\ud800"}', JSON),
        (b'{"\\ud800": "x"}', JSON),
        (b"[1, 2]", JSON),
        (b"null", JSON),
        (b'{"email": ["a"]}', JSON),
        (b'{"email": 1e999}', JSON),
        (b'{"email": ', JSON),
        (b"[" * 16_000, JSON),
        (b'{"a":' * 3_000, JSON),
        (b"--b\r\nno header", MULTIPART),
        (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--b--', MULTIPART),
        (b"nothing of the kind", MULTIPART),
        (b"&".join([b"a=1"] * 31), FORM),
        (b"&" * 16_000, FORM),
    ],
)
def test_H03_H08_what_can_not_be_read_is_refused(
    site: Site, body: bytes, headers: dict[str, str]
) -> None:
    assert site.http.post("/subscribe", content=body, headers=headers).status_code == 400


@pytest.mark.parametrize("body", [b"nothing of the kind", b"--b\r\nno header", b"--b\r\nA: b\r\r"])
def test_a_body_that_is_none_leaves_no_line_in_the_log(
    site: Site, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answer = site.http.post("/subscribe", content=body, headers=MULTIPART)

    assert answer.status_code == 400
    assert [record.name for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_H03_a_null_in_a_field_is_refused_with_the_reason(site: Site) -> None:
    answer = site.fill_in("rea\x00der@example.com")
    assert answer.status_code == 422
    assert site.rows("subscriber") == []


def test_H08_semicolons_separate_nothing(site: Site) -> None:
    body = b";".join([b"a=1"] * 4_000)
    started = time.perf_counter()
    assert site.http.post("/subscribe", content=body, headers=FORM).status_code == 200
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("path", ["/subscribe", "/api/subscribe", "/u/bad", "/p/bad/erase"])
def test_H08_a_long_body_is_refused_before_it_is_read(site: Site, path: str) -> None:
    answer = head(site, path, b"Content-Length: 50000000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")


def test_H08_a_body_without_a_length_is_cut_at_the_cap(site: Site) -> None:
    chunk = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    answer = head(site, "/subscribe", b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 17)
    assert answer.startswith(b"HTTP/1.1 413")


def test_H08_a_body_of_a_kind_nobody_asked_for_is_refused(site: Site) -> None:
    answer = site.http.post("/subscribe", content=b"x", headers={"Content-Type": "text/xml"})
    assert answer.status_code == 415


def test_H08_a_body_that_trickles_in_is_given_up() -> None:
    async def trickle() -> Message:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": True}

    request = Request({"type": "http", "method": "POST", "headers": []}, trickle)
    with pytest.raises(request_body.BodyRejected) as caught:
        asyncio.run(request_body.raw(request, seconds=0.2))
    assert caught.value.status == 408


def head(site: Site, path: str, rest: bytes) -> bytes:
    """Send the start of a request by hand; returns the start of the answer."""
    where = urlsplit(site.url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=10) as sock:
        sock.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\n".encode() + rest)
        return sock.recv(200)


def test_H04_text_that_would_turn_a_table_around_is_kept_nowhere(site: Site) -> None:
    turned = "\u202egnp.exe"
    site.fill_in("reader@example.com", form=turned, name=turned, lang=turned)
    assert site.fill_in(f"{turned}@example.com").status_code == 422
    kept = [site.rows(table) for table in ("subscriber", "subscription", "consent", "wording")]
    assert "\u202e" not in str(kept)


@pytest.mark.parametrize(
    "path",
    [
        "/u/../../etc/passwd",
        "/u/..%2f..%2fetc%2fpasswd",
        "/c/%2e%2e/%2e%2e",
        "/p/http://169.254.169.254/",
        "/p/x/../../data",
        "/a/%00",
    ],
)
def test_H10_a_path_reaches_no_file_and_fetches_nothing(site: Site, path: str) -> None:
    answer = site.http.get(path)
    assert answer.status_code in (404, 405)
    assert "root:" not in answer.text
