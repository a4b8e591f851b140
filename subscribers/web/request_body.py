"""Read the body of a form or JSON request within limits on bytes, fields and seconds.

This module hides the encodings: URL-encoded, multipart/form-data (RFC 7578), and JSON. Starlette's
parser doesn't fit: it replaces bytes that aren't UTF-8 where this refuses them, and takes eight
times as long for a sign-up.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import unquote_to_bytes

from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request
from starlette.types import Scope

from subscribers.web.client import header

MAX_BODY = 16_384  # bytes
MAX_DRAINED = 65_536  # bytes that are read and dropped, so that the client sees the refusal
MAX_FIELDS = 30
MAX_SECONDS = 10.0

Fields = dict[str, list[str]]
_URLENCODED = "application/x-www-form-urlencoded"
#: The parser's logger: it warns of each malformed body, so any client could fill the log.
_SILENT = logging.Logger("multipart", logging.CRITICAL)


class BodyRejected(Exception):
    """A body is refused; *status* is the response's HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


#: The name of the server's ASGI extension for whole exchanges; other servers don't have it.
WHOLE = "whole"


class WholeExchange(Protocol):
    """A request and its response as the server has them, each in one piece."""

    def body(self) -> bytes | None:
        """Return the request's body if all of it has come, else ``None``."""
        ...

    def respond(self, status: int, head: bytes, body: bytes) -> bool:
        """Send a response, *head* being its lines; return false where that can't be done now."""
        ...


def whole_exchange(scope: Scope) -> WholeExchange | None:
    """Return the exchange of a request; ``None`` where the server offers none."""
    exchange: WholeExchange | None = scope.get("extensions", {}).get(WHOLE)
    return exchange


async def read(request: Request, *, seconds: float = MAX_SECONDS) -> Fields:
    """Return the fields of a form or JSON object, each with its values.

    Raises `BodyRejected`: 400 malformed, 408 too slow, 413 too large, 415 another media type.
    """
    body = await raw(request, seconds=seconds)
    given = header(request, b"content-type")
    if given == _URLENCODED:  # as nearly always
        return _urlencoded(body)
    kind, options = parse_options_header(given)
    if kind == _URLENCODED.encode():
        return _urlencoded(body)
    if kind == b"multipart/form-data":
        return _multipart(body, options.get(b"boundary", b""))
    if kind == b"application/json":
        return _json(body)
    if not body:
        return {}
    raise BodyRejected(415)


async def raw(request: Request, *, seconds: float = MAX_SECONDS) -> bytes:
    """Return a body of up to `MAX_BODY` bytes; raises `BodyRejected` (400, 408 or 413)."""
    length = header(request, b"content-length")
    if length is not None and (not length.isdecimal() or int(length[:12]) > MAX_DRAINED):
        raise BodyRejected(413)
    exchange = whole_exchange(request.scope)
    body = exchange.body() if exchange else None
    if body is not None and len(body) <= MAX_BODY:  # as nearly always: there is nothing to wait for
        return body
    try:
        async with asyncio.timeout(seconds):
            return await _collect(request)
    except TimeoutError:
        raise BodyRejected(408) from None


async def _collect(request: Request) -> bytes:
    body = bytearray()
    size = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise BodyRejected(400)
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        if size > MAX_DRAINED:
            raise BodyRejected(413)
        if size <= MAX_BODY:
            body += part
    if size > MAX_BODY:
        raise BodyRejected(413)
    return bytes(body)


def _urlencoded(body: bytes) -> Fields:
    pairs = _utf8(body).replace("+", " ").split("&") if body else []
    if len(pairs) > MAX_FIELDS:
        raise BodyRejected(400)
    fields: Fields = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        fields.setdefault(_unquoted(name), []).append(_unquoted(value) if "%" in value else value)
    return fields


def _unquoted(text: str) -> str:
    return _utf8(unquote_to_bytes(text)) if "%" in text else text


def _utf8(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise BodyRejected(400) from None


def _json(body: bytes) -> Fields:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise BodyRejected(400) from None
    if not isinstance(payload, Mapping) or len(payload) > MAX_FIELDS:
        raise BodyRejected(400)
    fields = {str(name): value for name, value in payload.items() if isinstance(value, str)}
    if len(fields) != len(payload) or any(
        _has_lone_surrogate(text) for pair in fields.items() for text in pair
    ):
        raise BodyRejected(400)
    return {name: [value] for name, value in fields.items()}


def _has_lone_surrogate(text: str) -> bool:
    """Return whether a text holds a lone surrogate, which UTF-8 can't encode."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


class _Parts:
    """The callbacks of the multipart parser, which collect the fields."""

    def __init__(self) -> None:
        self.fields: Fields = {}
        self._count = 0
        self._header = b""
        self._value = b""
        self._name = b""
        self._data = bytearray()

    def begin(self) -> None:
        self._count += 1
        if self._count > MAX_FIELDS:
            raise BodyRejected(400)
        self._name, self._header, self._value = b"", b"", b""
        self._data.clear()

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._name = parse_options_header(self._value)[1].get(b"name", b"")
        self._header, self._value = b"", b""

    def data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def end(self) -> None:
        self.fields.setdefault(_utf8(self._name), []).append(_utf8(bytes(self._data)))


def _multipart(body: bytes, boundary: bytes) -> Fields:
    parts = _Parts()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": parts.begin,
                "on_part_data": parts.data,
                "on_part_end": parts.end,
                "on_header_field": parts.header_field,
                "on_header_value": parts.header_value,
                "on_header_end": parts.header_end,
            },
        )
        parser.logger = _SILENT
        parser.write(body)
        parser.finalize()
    except ValueError:  # the parser's error for a malformed body
        raise BodyRejected(400) from None
    return parts.fields
