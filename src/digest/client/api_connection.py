"""One connection to the API: what it sends with each request, and when it sends one again.

This module hides which failures are worth another try. A request that may have been carried out is
repeated only where that does no harm: to read, or under the idempotency key that every POST has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import SystemRandom
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2

from digest.client.errors import ApiProblem, ApiUnreachable

TRIES = 4
LONGEST_WAIT = 60.0  #: seconds; a server that asks for more is not waited for
_FIRST_WAIT = 0.5
_BUSY = frozenset({429, 503})  #: nothing was done
_UNSURE = frozenset({502, 504})  #: a proxy has lost sight of it
_UNDER_WAY = 409  #: with a time to wait: the first POST under this key hasn't ended yet
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class ApiAnswer:
    """What the API answered: JSON values, or ``None`` for no body, with its entity tag."""

    value: Any
    etag: str | None


class ApiConnection:
    """Sends requests to `<url>/api/v1`; close it, or use it in a ``with`` block.

    Raises `ValueError` for an address that a token can't be sent to.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = 30.0,
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = _checked(url, secret=token is not None)
        self.etag: str | None = None  #: that of the last answer
        self._sleep = sleep
        headers = {"Accept": "application/json", "User-Agent": "digest-client"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx2.Client(
            base_url=f"{self.url}/api/v1/", headers=headers, timeout=timeout, transport=transport
        )

    def __repr__(self) -> str:
        """Return a text without the token."""
        return f"{type(self).__name__}({self.url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] = _NOTHING,
        body: Any = None,
        if_match: str | None = None,
    ) -> ApiAnswer:
        """Return the answer to a request, which is tried up to `TRIES` times.

        Raises `ApiProblem` for a refusal, and `ApiUnreachable` where no answer came.
        """
        told = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
        if if_match is not None:
            told["If-Match"] = if_match
        asked = self._http.build_request(
            method, path.lstrip("/"), params=_given(query), json=body, headers=told
        )
        for number in range(1, TRIES):
            try:
                return self._try(asked)
            except (ApiProblem, ApiUnreachable) as fault:
                wait = _pause(fault, asked, number)
                if wait is None:
                    raise
            self._sleep(wait)
        return self._try(asked)

    def walk(self, path: str, *, query: Mapping[str, Any] = _NOTHING) -> Iterator[Any]:
        """Yield the items of a list, and ask for a page once the one before is used up."""
        after = None
        while True:
            page = self.send("GET", path, query={**query, "after": after}).value
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def _try(self, asked: httpx2.Request) -> ApiAnswer:
        try:
            answer = self._http.send(asked)
        except httpx2.TransportError as fault:
            sent = not isinstance(fault, httpx2.ConnectError | httpx2.ConnectTimeout)
            what = "gave no answer" if sent else "can't be reached"
            raise ApiUnreachable(f"{self.url} {what}: {type(fault).__name__}", sent=sent) from None
        if answer.is_success:
            self.etag = answer.headers.get("etag")
            return ApiAnswer(_value(answer), self.etag)
        raise ApiProblem(
            answer.status_code,
            _facts(answer),
            retry_after=_retry_after(answer.headers.get("retry-after")),
        )


def _pause(fault: ApiProblem | ApiUnreachable, asked: httpx2.Request, number: int) -> float | None:
    """Return the seconds to wait before the next try, ``None`` where none is worth it."""
    repeatable = asked.method == "GET" or "Idempotency-Key" in asked.headers
    told = None
    if isinstance(fault, ApiUnreachable):
        again = repeatable or not fault.sent
    else:
        told = fault.retry_after
        unsure = fault.status in _UNSURE or (fault.status == _UNDER_WAY and told is not None)
        again = fault.status in _BUSY or (unsure and repeatable)
    wait = _backoff(number) if told is None else told
    return wait if again and wait <= LONGEST_WAIT else None


def _checked(url: str, *, secret: bool) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("the address of a site begins with https:// or http://")
    if parts.username or parts.password:
        raise ValueError("the address of a site holds no password: give the token instead")
    if secret and parts.scheme == "http" and parts.hostname not in _LOCAL:
        raise ValueError(
            "a token is sent by https only: over http, anybody on the way could read it"
        )
    return url.rstrip("/")


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that have a value."""
    return {name: value for name, value in query.items() if value is not None}


def _value(answer: httpx2.Response) -> Any:
    if not answer.content:
        return None
    is_json = answer.headers.get("content-type", "").partition(";")[0].endswith("json")
    return answer.json() if is_json else answer.text


def _facts(answer: httpx2.Response) -> dict[str, Any]:
    """Return the problem's details; none where something else than the API answered."""
    try:
        facts = answer.json()
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _retry_after(text: str | None) -> float | None:
    """Return the seconds that ``Retry-After`` asks for: a number, or a date (RFC 9110)."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _backoff(number: int) -> float:
    """Return seconds that double with each try, drawn so that many clients spread out."""
    return _FIRST_WAIT * float(2 ** (number - 1)) * SystemRandom().uniform(0.5, 1)
