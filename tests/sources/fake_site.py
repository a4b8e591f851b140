"""A site in memory: its pages, how it answers, and a poll of it with every effect handed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from digest.comparisons.schema import ComparisonDraft
from digest.db import Database
from digest.errors import ComparisonUnreadable
from digest.http_client import Answer, Limits, OutboundFault, OutboundRefused
from digest.sources.models import Source
from digest.sources.polling import Polling, PollResult, poll
from digest.sources.site_reader import SiteReader
from digest.sources.store import SourceListing
from tests.conftest import NOW
from tests.sources.conftest import SITE, draft

NONE: Mapping[str, str] = MappingProxyType({})


class Death(Exception):
    """A process dies here."""


@dataclass
class FakeSite:
    """Pages by path; a page says "Lathe: Which one?", a name and a question."""

    database: Database
    pages: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)  #: by path, where it isn't 200
    away: bool = False  #: whether nobody answers
    unlisted: set[str] = field(default_factory=set)  #: paths that its sitemap lacks
    forbidden: set[str] = field(default_factory=set)  #: paths that its robots.txt names
    moved: dict[str, str] = field(default_factory=dict)  #: the path that a redirect leads to
    pause: float = 0.0  #: seconds that its robots.txt asks for
    is_whole: bool = True  #: whether its list has every page
    tags: bool = True  #: whether it sends an ETag
    now: datetime = NOW
    asked: list[str] = field(default_factory=list)  #: paths, in order
    waited: list[float] = field(default_factory=list)
    stop_after: int | None = None  #: requests, after which a stop is asked for
    most_pages: int = 500
    owner: str = "this"
    dies_waiting: bool = False
    others_alive: bool = True

    def get(self, url: str, *, headers: Mapping[str, str] = NONE, limits: Limits) -> Answer:
        path = url.removeprefix(SITE)
        self.asked.append(path)
        if self.away:
            raise OutboundRefused(OutboundFault.UNREACHABLE, "nobody answers")
        path = self.moved.get(path, path)
        url = f"{SITE}{path}"
        if status := self.statuses.get(path):
            return Answer(status=status, headers={}, body=b"", url=url)
        text = self.pages.get(path)
        if text is None:
            return Answer(status=404, headers={}, body=b"", url=url)
        tag = f'"{hash(text)}"' if self.tags else ""
        if tag and headers.get("If-None-Match") == tag:
            return Answer(status=304, headers={}, body=b"", url=url)
        named = {"content-type": "text/html"} | ({"etag": tag} if tag else {})
        return Answer(status=200, headers=named, body=text.encode(), url=url)

    def allows(self, url: str) -> bool:
        return url.removeprefix(SITE) not in self.forbidden

    def delay(self, url: str) -> float:
        return self.pause

    def wait(self, seconds: float) -> bool:
        if self.dies_waiting:
            raise Death
        self.waited.append(seconds)
        self.now += timedelta(seconds=seconds)
        return self.stopped()

    def stopped(self) -> bool:
        return self.stop_after is not None and len(self.asked) >= self.stop_after

    def clock(self) -> datetime:
        """Return the time, which goes on with every look at it."""
        self.now += timedelta(milliseconds=1)
        return self.now

    def listing(self, _reader: SiteReader, _source: Source, _is_single: bool) -> SourceListing:
        pages = [f"{SITE}{path}" for path in self.pages if path not in self.unlisted]
        return SourceListing(pages=tuple(pages), whole=self.is_whole)

    def poll(self, source_id: int = 1, *, until: datetime | None = None) -> PollResult:
        """Poll it an hour after the last time."""
        self.now += timedelta(hours=1)
        self.asked.clear()
        return self.go_on(source_id, until=until)

    def go_on(self, source_id: int = 1, *, until: datetime | None = None) -> PollResult:
        return poll(self.polling(), source_id, until=until)

    def polling(self) -> Polling:
        return Polling(
            store=self.database,
            clock=self.clock,
            reader=lambda: SiteReader(client=self, robots=self, wait=self.wait),
            listing=self.listing,
            read_page=read_page,
            owner=self.owner,
            alive=lambda _: self.others_alive,
            stopped=self.stopped,
            every=timedelta(hours=1),
            most_pages=self.most_pages,
            jitter=lambda: 0.5,
        )

    def fill(self, names: Iterable[str]) -> None:
        self.pages.update({f"/{name.lower()}": f"{name}: Which one?" for name in names})


def read_page(body: bytes, *, content_type: str, url: str) -> ComparisonDraft:
    name, _, question = body.decode().strip().partition(": ")
    if not question:
        raise ComparisonUnreadable("the question is missing", line=1, source=url)
    return draft(name, question=question)
