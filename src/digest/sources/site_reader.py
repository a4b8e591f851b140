"""How a site is asked for its pages: politely, within bounds, and for nothing that hasn't changed.

Hides robots.txt, the pause between two requests, conditional requests, and which answers mean that
a page is gone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Protocol

from digest.errors import DigestError
from digest.http_client import Answer, Limits, OutboundFault, OutboundRefused
from digest.sources.store import NOT_KNOWN, Validators

#: Bounds of one request for a page, and for a list of pages.
PAGE_LIMITS = Limits(bytes=1_000_000, seconds=30.0, redirects=5)
LIST_LIMITS = Limits(bytes=20_000_000, seconds=60.0, redirects=5)
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_BUSY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_FAILS = HTTPStatus.INTERNAL_SERVER_ERROR  # and all above it
#: What keeps one page from being fetched keeps all others too.
_OF_SITE = {
    OutboundFault.NAME,
    OutboundFault.UNREACHABLE,
    OutboundFault.CERTIFICATE,
    OutboundFault.TOO_SLOW,
}
_ACCEPT = "text/html, application/json;q=0.9, application/xml;q=0.9, text/plain;q=0.8, */*;q=0.1"
_MAX_ETAG, _MAX_MODIFIED = 400, 100  #: characters of the columns


class PageFailed(DigestError):
    """A page couldn't be fetched now."""


class PageForbidden(PageFailed):
    """The site's robots.txt doesn't want this page to be read."""


class SiteFailed(PageFailed):
    """A page couldn't be fetched, and others of its site can't be either, by all appearances."""


@dataclass(frozen=True, kw_only=True)
class FetchedPage:
    """A page's answer; *body* is ``None`` where it hasn't changed."""

    url: str  #: after redirects
    body: bytes | None = None
    content_type: str = ""
    validators: Validators = NOT_KNOWN


class PageGone(DigestError):
    """The page isn't there: its server answers 404 or 410."""


class ReadingStopped(DigestError):
    """It was stopped before the next page was asked for."""


class Fetcher(Protocol):
    """What makes requests: `OutboundClient`, or a fake."""

    def get(self, url: str, *, headers: Mapping[str, str] = ..., limits: Limits) -> Answer:
        """Return what is at *url*; raises `OutboundRefused`."""
        ...


@dataclass(frozen=True, kw_only=True)
class HurriedFetcher:
    """Makes requests for *seconds* in all; each one after raises `OutboundRefused`."""

    client: Fetcher
    seconds: float
    steady: Callable[[], float] = time.monotonic
    _began: list[float] = field(default_factory=list, repr=False)

    def left(self) -> float:
        """Return the seconds that are left; they count from the first call."""
        if not self._began:
            self._began.append(self.steady())
        return self._began[0] + self.seconds - self.steady()

    def get(self, url: str, *, headers: Mapping[str, str] = NO_HEADERS, limits: Limits) -> Answer:
        """Return what is at *url*, in the time that is left."""
        left = self.left()
        if left <= 0:
            words = f"the site took more than {self.seconds:.0f} seconds in all"
            raise OutboundRefused(OutboundFault.TOO_SLOW, words)
        hurried = replace(limits, seconds=min(limits.seconds, left))
        return self.client.get(url, headers=headers, limits=hurried)

    def wait(self, seconds: float) -> bool:
        """Return true where a pause would outlast the time that is left; else pause."""
        return seconds > max(0.0, self.left()) or threading.Event().wait(seconds)


class RobotRules(Protocol):
    """What a site's robots.txt says; every method raises `OutboundRefused` where it can't tell."""

    def allows(self, url: str) -> bool:
        """Return whether *url* may be asked for."""
        ...

    def delay(self, url: str) -> float:
        """Return the seconds between two requests."""
        ...


@dataclass
class SiteReader:
    """Reads pages of a site, one at a time; *requests* and *bodies* count what that took."""

    client: Fetcher
    robots: RobotRules
    wait: Callable[[float], bool]  #: waits some seconds; true where it was stopped meanwhile
    steady: Callable[[], float] = time.monotonic
    requests: int = 0
    bodies: int = 0
    _asked_before: bool = field(default=False, repr=False)

    def pause_before(self, url: str) -> float:
        """Return the seconds that the site wants between the last request and this one."""
        if not self._asked_before:
            return 0.0
        try:
            return self.robots.delay(url)
        except OutboundRefused:  # the request itself will say so
            return 0.0

    def get(
        self, url: str, known: Validators = NOT_KNOWN, *, limits: Limits = PAGE_LIMITS
    ) -> FetchedPage:
        """Return what is at *url*, after the pause that the site wants.

        Raises `PageGone`, and `PageFailed` for every other answer that holds no page.
        """
        try:
            answer = self._answer(url, known, limits)
        except OutboundRefused as fault:
            failed = SiteFailed if fault.fault in _OF_SITE else PageFailed
            raise failed(str(fault), next_step=fault.next_step) from None
        if answer.status == HTTPStatus.NOT_MODIFIED and any(known):
            return FetchedPage(url=answer.url, validators=known)
        if answer.status in _GONE:
            raise PageGone(f"its server answers {answer.status}")
        if answer.status != HTTPStatus.OK:
            words = f"its server answers {answer.status}"
            if answer.status in _BUSY or answer.status >= _FAILS:
                raise SiteFailed(words, next_step="try again later")
            raise PageFailed(words, next_step="check that the address opens in a browser")
        self.bodies += 1
        return FetchedPage(
            url=answer.url,
            body=answer.body,
            content_type=answer.headers.get("content-type", ""),
            validators=_validators(answer),
        )

    def _answer(self, url: str, known: Validators, limits: Limits) -> Answer:
        self._check_allowed(url)
        pause = self.pause_before(url)
        if pause and self.wait(pause):
            raise ReadingStopped
        self._asked_before = True
        self.requests += 1
        headers = {"Accept": _ACCEPT, **known.headers()}
        answer = self.client.get(url, headers=headers, limits=limits)
        if answer.url != url:  # a redirect may lead to what its own site forbids
            self._check_allowed(answer.url)
        return answer

    def _check_allowed(self, url: str) -> None:
        if not self.robots.allows(url):
            raise PageForbidden(
                "the site's robots.txt asks not to read this page",
                next_step="ask the site to allow it, or import the page as a file",
            )


def _validators(answer: Answer) -> Validators:
    etag, modified = (answer.headers.get(name, "") for name in ("etag", "last-modified"))
    return Validators(
        etag if len(etag) <= _MAX_ETAG else "", modified if len(modified) <= _MAX_MODIFIED else ""
    )
