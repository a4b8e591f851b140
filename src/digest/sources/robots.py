"""What a site's robots.txt allows, by RFC 9309, and how long it is remembered: a day.

This module hides what is done where there is no such file, or it can't be read: without one,
everything is allowed; while its server fails, nothing is, so that no rule is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from math import isfinite
from urllib.parse import urlsplit

from protego import Protego

from digest.http_client import Limits, OutboundFault, OutboundRefused
from digest.sources.site_reader import Fetcher

#: The name that a robots.txt calls us by, which begins our user agent too.
ROBOT = "digest-engine"
#: RFC 9309 wants 500 KiB to be read, and five redirects to be followed.
_LIMITS = Limits(bytes=512_000, seconds=20.0, redirects=5)
_KEPT = timedelta(days=1)
#: So that a list of pages on a site that hangs doesn't wait for it once a page.
_FAILURE_KEPT = timedelta(minutes=10)
_MOST_SITES = 500
#: Seconds. A site that asks for more is read this slowly, and never stops all the others.
_MOST_DELAY = 60.0
#: Of the statuses that say there is no file: this one says to come back later.
_LATER = HTTPStatus.TOO_MANY_REQUESTS
_AGENT_LINE = re.compile(r"\s*user[-\s]*agent(?=[\s:]|$)\s*:?(?P<name>[^#]*)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class _Remembered:
    rules: Protego | OutboundRefused
    until: datetime


class RobotsMemory:
    """What is known of robots.txt files by the sites they are of; kept as long as a process."""

    def __init__(self) -> None:
        self._sites: dict[str, _Remembered] = {}

    def recall(self, site: str, now: datetime) -> Protego | OutboundRefused | None:
        """Return the rules of *site*, or why they couldn't be read; ``None`` if they are due."""
        known = self._sites.get(site)
        return known.rules if known is not None and now < known.until else None

    def remember(self, site: str, rules: Protego | OutboundRefused, now: datetime) -> None:
        """Keep the rules of *site* for a day, or for a while that they couldn't be read."""
        while len(self._sites) >= _MOST_SITES:
            self._sites.pop(next(iter(self._sites)), None)  # the oldest
        kept = _KEPT if isinstance(rules, Protego) else _FAILURE_KEPT
        self._sites[site] = _Remembered(rules=rules, until=now + kept)


class Robots:
    """The rules of every site that is asked, each read when it is first needed.

    Each method raises `OutboundRefused` where the rules can't be read now.
    """

    def __init__(
        self, client: Fetcher, clock: Callable[[], datetime], memory: RobotsMemory
    ) -> None:
        self._client, self._clock, self._memory = client, clock, memory

    def allows(self, url: str) -> bool:
        """Return whether *url* may be asked for."""
        return bool(self._rules(url).can_fetch(url, ROBOT))

    def delay(self, url: str) -> float:
        """Return the seconds that the site wants between two requests, a minute at most."""
        delay = self._rules(url).crawl_delay(ROBOT) or 0.0
        # Before version 0.7, the library takes any number, also none that is a time.
        return min(delay, _MOST_DELAY) if isfinite(delay) and delay > 0 else 0.0

    def _rules(self, url: str) -> Protego:
        site, now = _site(url), self._clock()
        rules = self._memory.recall(site, now)
        if rules is None:
            rules = self._read(site)
            self._memory.remember(site, rules, now)
        if isinstance(rules, OutboundRefused):
            raise OutboundRefused(rules.fault, str(rules))
        return rules

    def _read(self, site: str) -> Protego | OutboundRefused:
        try:
            answer = self._client.get(f"{site}/robots.txt", limits=_LIMITS)
        except OutboundRefused as refused:
            return refused
        if answer.status == HTTPStatus.OK:
            text = answer.body.decode("utf-8-sig", errors="replace")
            return Protego.parse("\n".join(map(_for_us, text.splitlines())))
        is_missing = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
        if is_missing and answer.status != _LATER:
            return Protego.parse("")
        return OutboundRefused(
            OutboundFault.UNREACHABLE, f"{site} answers {answer.status} for its robots.txt"
        )


def _for_us(line: str) -> str:
    """Return a line of a robots.txt, in which all other robots have one name.

    The library copies each rule for each name, so that thousands of both would take it hours.
    """
    match = _AGENT_LINE.match(line)
    if match is None:
        return line
    name = match["name"].strip().lower()
    ours = {"": "", "*": "*", ROBOT: ROBOT}
    return f"User-agent: {ours.get(name.partition('/')[0].strip(), 'another')}"


def _site(url: str) -> str:
    """Return scheme, host and port of *url*; raises `OutboundRefused` where it has none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None:
        raise OutboundRefused(OutboundFault.URL, "this isn't a web address")
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + (f":{port}" if port else "")
