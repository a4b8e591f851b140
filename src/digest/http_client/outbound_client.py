"""What a request to another server may cost and tell: its bounds, its headers, its redirects.

No proxy, password or cookie is taken from the environment or from an answer.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType, TracebackType
from typing import Self

import httpcore2
import httpx2

from digest.http_client.address_rules import PUBLIC_ONLY, AddressRules
from digest.http_client.answer_body import read_body
from digest.http_client.checked_network import (
    CheckedNetwork,
    RequestDeadline,
    Resolve,
    system_addresses,
)
from digest.http_client.outbound_refused import OutboundFault, OutboundRefused

_MAX_URL = 2_000  #: characters, as of a comparison's address
_MAX_CONNECTIONS = 20
_IDLE_SECONDS = 15.0
_REDIRECTS = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
)
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one request may take, with every redirect that it meets."""

    bytes: int  #: of one answer's body, after decompression
    seconds: float  #: in all, from the name's lookup to the last byte
    redirects: int = 5


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server answered; *headers* are found however their names are written."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str = field(repr=False)  #: the one that answered, after redirects


class OutboundClient:
    """Makes requests to other servers, from any number of threads; a context manager.

    Every method raises `OutboundRefused`, and nothing else, where no whole answer comes in time.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        rules: AddressRules = PUBLIC_ONLY,
        resolve: Resolve = system_addresses,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._user_agent, self._deadline = user_agent, RequestDeadline()
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls or ssl.create_default_context(),
            max_connections=_MAX_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=CheckedNetwork(rules, resolve, self._deadline),
        )

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections that are kept."""
        self.close()

    def close(self) -> None:
        """Close the connections that are kept."""
        self._pool.close()

    def get(self, url: str, *, headers: Mapping[str, str] = _NO_HEADERS, limits: Limits) -> Answer:
        """Return what is at *url*, after redirects; *headers* go to each server on the way."""
        asked = target = _parsed(url)
        self._deadline.begin(limits.seconds)
        for _ in range(limits.redirects + 1):
            try:
                answer = self._exchange("GET", target, headers, None, limits)
                onward = _onward(answer, target)
            except OutboundRefused as refused:
                if target is asked:
                    raise
                words = f"{_origin(asked)} redirects to another address: {refused}"
                raise OutboundRefused(refused.fault, words) from None
            if onward is None:
                return answer
            target = onward
        raise OutboundRefused(
            OutboundFault.REDIRECT, f"{_origin(asked)} redirects more than {limits.redirects} times"
        )

    def post(
        self, url: str, *, body: bytes, headers: Mapping[str, str] = _NO_HEADERS, limits: Limits
    ) -> Answer:
        """Post *body* and return the answer, a redirect too, which isn't followed."""
        self._deadline.begin(limits.seconds)
        return self._exchange("POST", _parsed(url), headers, body, limits)

    def _exchange(
        self,
        method: str,
        url: httpx2.URL,
        headers: Mapping[str, str],
        body: bytes | None,
        limits: Limits,
    ) -> Answer:
        own = {"User-Agent": self._user_agent, "Accept-Encoding": "gzip, deflate"}
        sent = [(b"Host", url.netloc)] + [
            (name.encode("ascii"), value.encode())  # an ETag sent back needn't be ASCII
            for name, value in (own | dict(headers)).items()
        ]
        target = httpcore2.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        try:
            timeouts = {"timeout": {"pool": self._deadline.left()}}
            with self._pool.stream(
                method, target, headers=sent, content=body, extensions=timeouts
            ) as response:
                return _answer(response, url, limits.bytes)
        except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as why:
            raise _in_words(why, _origin(url), limits.seconds) from None


def _answer(response: httpcore2.Response, url: httpx2.URL, most: int) -> Answer:
    headers = httpx2.Headers(response.headers)
    body = read_body(
        response.iter_stream(),
        coding=headers.get("content-encoding", ""),
        most=most,
        source=_origin(url),
    )
    return Answer(status=response.status, headers=headers, body=body, url=str(url))


def _onward(answer: Answer, here: httpx2.URL) -> httpx2.URL | None:
    """Return where *answer* redirects to; ``None`` for an answer that is one."""
    location = answer.headers.get("location")
    if answer.status not in _REDIRECTS or location is None:
        return None
    try:
        target = _parsed(str(here.join(location)))
    except (httpx2.InvalidURL, ValueError, OutboundRefused):  # an IPv6 address that is none
        raise OutboundRefused(
            OutboundFault.REDIRECT,
            f"{_origin(here)} redirects to something that isn't a web address",
        ) from None
    if here.scheme == "https" and target.scheme == "http":
        raise OutboundRefused(
            OutboundFault.REDIRECT, f"{_origin(here)} redirects from https to http"
        )
    return target


def _parsed(url: str) -> httpx2.URL:
    """Return *url* without its fragment; raises `OutboundRefused` for one that isn't requested."""
    try:
        parsed = httpx2.URL(url).copy_with(fragment=None) if len(url) <= _MAX_URL else None
    except (httpx2.InvalidURL, ValueError):
        parsed = None
    if parsed is None or parsed.scheme not in {"http", "https"} or not parsed.raw_host:
        raise OutboundRefused(OutboundFault.URL, "this isn't a web address")
    if parsed.userinfo:
        raise OutboundRefused(OutboundFault.URL, "the address contains a user name or a password")
    return parsed


def _origin(url: httpx2.URL) -> str:
    """Return scheme, host and port for a message: the rest may hold what is secret."""
    return f"{url.scheme}://{url.netloc.decode('ascii')[:100]}"


def _in_words(why: Exception, origin: str, seconds: float) -> OutboundRefused:
    if isinstance(why, httpcore2.TimeoutException):
        return OutboundRefused(
            OutboundFault.TOO_SLOW, f"{origin} didn't answer in full within {seconds:g} seconds"
        )
    if isinstance(why, httpcore2.ProtocolError):
        return OutboundRefused(
            OutboundFault.MALFORMED, f"{origin} sends no valid HTTP, or hangs up midway"
        )
    cause = why.args[0] if why.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return OutboundRefused(
            OutboundFault.CERTIFICATE, f"{origin} has no valid certificate for its name"
        )
    words = "takes no connection" if isinstance(why, httpcore2.ConnectError) else "hangs up midway"
    return OutboundRefused(OutboundFault.UNREACHABLE, f"{origin} {words}")
