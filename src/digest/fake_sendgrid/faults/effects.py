"""The effect of each kind of fault: a changed answer, or other steps on the connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from digest.fake_sendgrid.faults.catalogue import Fault, FaultKind
from digest.fake_sendgrid.http.http_message import JSON, HttpResponse, error_response, json_response
from digest.fake_sendgrid.http.wire_steps import (
    CloseConnection,
    Hang,
    Kill,
    Pause,
    Step,
    WriteBytes,
)
from digest.fake_sendgrid.mail_send_rules.violation import about

HTML = ("Content-Type", "text/html")
#: An error page as a proxy in front of the provider would send it.
ERROR_PAGE = (
    "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1>"
    "</center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
FILLER = b"<!-- x -->"
BLOCK = 65_536
WITHOUT_BODY = frozenset({204, 304})
Y2100 = 4_102_444_800
Settings = Mapping[str, Any]


def fault_response(fault: Fault, reply: HttpResponse, now: float) -> HttpResponse:
    """Return *reply* as the fault changes it; most kinds leave it unchanged.

    *now* is in Unix seconds.
    """
    change = _CHANGES.get(fault.kind)
    return change(reply, fault.settings, now) if change else reply


def fault_steps(fault: Fault, data: bytes) -> Iterator[Step]:
    """Yield the steps on the connection; *data* is the encoded answer."""
    steps_of = _STEPS.get(fault.kind)
    if steps_of is None:
        yield WriteBytes(data)
        return
    yield from steps_of(data, fault.settings)


def _status(_reply: HttpResponse, settings: Settings, _now: float) -> HttpResponse:
    status = settings["status"]
    html, size = settings["html"], settings["size"]
    text = settings["body"] or (ERROR_PAGE.format(status=status) if html else "")
    body = text.encode().ljust(size) if text or size else _usual_body(status)
    headers = (HTML if html else JSON, *settings["headers"].items())
    return HttpResponse(status=status, headers=headers, body=body)


def _usual_body(status: int) -> bytes:
    if status < HTTPStatus.BAD_REQUEST:
        return b"" if status in WITHOUT_BODY else b"{}"
    return error_response(status, "an unexpected error occurred").body


def _without_id(reply: HttpResponse, _settings: Settings, _now: float) -> HttpResponse:
    headers = tuple(pair for pair in reply.headers if pair[0] != "X-Message-Id")
    return HttpResponse(status=reply.status, headers=headers, body=reply.body)


def _with_body(reply: HttpResponse, settings: Settings, _now: float) -> HttpResponse:
    body = reply.body or settings["body"].encode()
    return HttpResponse(status=reply.status, headers=(*reply.headers, JSON), body=body)


def _rate_limit(_reply: HttpResponse, settings: Settings, now: float) -> HttpResponse:
    seconds = settings["seconds"]
    values = {
        "soon": str(int(now + seconds)),
        "past": str(int(now - seconds)),
        "2100": str(Y2100),
        "negative": "-1",
        "text": "soon",
    }
    reset = values.get(settings["reset"])
    limits = [("X-RateLimit-Limit", "1"), ("X-RateLimit-Remaining", "0")]
    reply = error_response(429, "too many requests")
    headers = (*reply.headers, *limits, *([("X-RateLimit-Reset", reset)] if reset else []))
    return HttpResponse(status=429, headers=headers, body=reply.body)


def _refuse(_reply: HttpResponse, settings: Settings, _now: float) -> HttpResponse:
    if settings["html"]:
        page = ERROR_PAGE.format(status="400 Bad Request").encode()
        return HttpResponse(status=400, headers=(HTML,), body=page.ljust(settings["size"]))
    named = [
        about(
            f"personalizations.{index}.to.0.email",
            "Does not contain a valid address.",
            "personalizations.to",
        )._asdict()
        for index in settings["places"]
    ]
    reply = json_response({"errors": named}, 400) if named else error_response(400, "Bad Request")
    return HttpResponse(status=400, headers=reply.headers, body=reply.body.ljust(settings["size"]))


_CHANGES: Mapping[FaultKind, Callable[[HttpResponse, Settings, float], HttpResponse]] = {
    FaultKind.STATUS: _status,
    FaultKind.NO_ID: _without_id,
    FaultKind.WITH_BODY: _with_body,
    FaultKind.RATE_LIMIT: _rate_limit,
    FaultKind.REFUSE: _refuse,
}


def _cut(_data: bytes, settings: Settings) -> Iterator[Step]:
    yield CloseConnection(settings["reset"])


def _cut_answer(data: bytes, settings: Settings) -> Iterator[Step]:
    yield WriteBytes(data[: settings["at"]])
    yield CloseConnection(settings["reset"])


def _cut_body(data: bytes, settings: Settings) -> Iterator[Step]:
    yield WriteBytes(_head(data, "Content-Length: 1000") + b'{"message":')
    yield CloseConnection(settings["reset"])


def _delay(data: bytes, settings: Settings) -> Iterator[Step]:
    yield Pause(settings["seconds"])
    yield WriteBytes(data)


def _drip(data: bytes, settings: Settings) -> Iterator[Step]:
    step = max(1, settings["step"])
    for start in range(0, len(data), step):
        yield WriteBytes(data[start : start + step])
        yield Pause(settings["seconds"])


def _hang(_data: bytes, settings: Settings) -> Iterator[Step]:
    yield Hang(settings["seconds"])


def _garbage(_data: bytes, _settings: Settings) -> Iterator[Step]:
    yield WriteBytes(bytes(range(256)) * 4)
    yield CloseConnection()


def _http_09(_data: bytes, _settings: Settings) -> Iterator[Step]:
    yield WriteBytes(b"<html>It works!</html>\n")
    yield CloseConnection()


def _continue(_data: bytes, _settings: Settings) -> Iterator[Step]:
    yield WriteBytes(b"HTTP/1.1 100 Continue\r\n\r\n")
    yield CloseConnection()


def _endless(data: bytes, settings: Settings) -> Iterator[Step]:
    left = settings["bytes"]
    yield WriteBytes(_head(data, f"Content-Length: {left}"))
    block = FILLER * (BLOCK // len(FILLER))
    while left > 0:
        yield WriteBytes(block[:left])
        left -= len(block)
    yield CloseConnection()


def _many_headers(data: bytes, settings: Settings) -> Iterator[Step]:
    many = "\r\n".join(f"X-Filler-{n}: {n}" for n in range(settings["count"]))
    yield WriteBytes(_head(data, f"{many}\r\nContent-Length: 0"))
    yield CloseConnection()


def _twice(data: bytes, _settings: Settings) -> Iterator[Step]:
    yield WriteBytes(data + data)


def _kill(_data: bytes, settings: Settings) -> Iterator[Step]:
    yield Kill(settings["pid"])
    yield CloseConnection()


_STEPS: Mapping[FaultKind, Callable[[bytes, Settings], Iterator[Step]]] = {
    FaultKind.CUT: _cut,
    FaultKind.CUT_ANSWER: _cut_answer,
    FaultKind.CUT_BODY: _cut_body,
    FaultKind.DELAY: _delay,
    FaultKind.DRIP: _drip,
    FaultKind.HANG: _hang,
    FaultKind.GARBAGE: _garbage,
    FaultKind.HTTP_09: _http_09,
    FaultKind.CONTINUE: _continue,
    FaultKind.ENDLESS: _endless,
    FaultKind.MANY_HEADERS: _many_headers,
    FaultKind.TWICE: _twice,
    FaultKind.KILL: _kill,
}


def _head(data: bytes, more: str) -> bytes:
    """Return the head of an answer, with the header lines *more* in place of Content-Length."""
    lines = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(b"content-length:")]
    return b"\r\n".join([*kept, more.encode(), b"", b""])
