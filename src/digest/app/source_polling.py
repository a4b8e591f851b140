"""Follow other sites, and read one page of theirs when a person asks.

This module hides how a reader of sites is put together: one pool of connections for as long as it
is used, and one memory of what each site's robots.txt says, for as long as the process lives.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from digest.app.resources import Resources
from digest.comparisons.schema import ComparisonDraft
from digest.errors import ComparisonUnreadable, NotFound, WrongState
from digest.process_id import alive, this_process
from digest.sources import AcceptRule, SourceKind, forget_decided, source_facts
from digest.sources.following import FoundSource, add_source, find_source
from digest.sources.pages import read_page
from digest.sources.polling import Polling, PollResult, due_sources, poll
from digest.sources.robots import Robots, RobotsMemory
from digest.sources.site_reader import HurriedFetcher, PageFailed, PageGone, SiteReader
from digest.sources.source_listing import list_pages

RUN = timedelta(seconds=50)  #: after which a service's run leaves the rest to the next minute


@dataclass(frozen=True)
class SourcePolling:
    """What follows an installation's sources."""

    resources: Resources
    robots_memory: RobotsMemory = field(default_factory=RobotsMemory, repr=False)

    def poll_due(self, stopping: threading.Event) -> str:
        """Poll the sources that are due, for some seconds; return a one-line summary.

        What is left goes on at the next call. Another process's poll is left to it.
        """
        clock, database = self.resources.clock, self.resources.database
        until = clock() + RUN
        with database.read() as session:
            due = due_sources(session, clock())
        if not due:
            return ""
        told = []
        with self._polling(stopping.wait, stopping.is_set) as polling:
            for source_id in due:
                if stopping.is_set() or clock() >= until:
                    break
                try:
                    result = poll(polling, source_id, until=until)
                except (WrongState, NotFound):
                    continue
                told.append(f"source {source_id}: {result}")
        return "; ".join(told)

    def poll(self, source_id: int, progress: Callable[[int, int], None]) -> PollResult:
        """Poll one source to its end; *progress* gets the pages looked at, and all that are due.

        Raises `NotFound`, and `WrongState` where it is paused or polled elsewhere.
        """
        with self._polling(_wait, lambda: False) as polling:
            return poll(polling, source_id, progress=progress)

    def find(
        self,
        url: str,
        *,
        kind: SourceKind | None = None,
        match: str = "",
        seconds: float | None = None,
    ) -> FoundSource:
        """Return what can be followed at *url*, as `digest.sources.find_source` does.

        *seconds* is how long all requests together may take; by default, each has its own limit.
        """
        if seconds is None:
            with self._reader(_wait) as make:
                return find_source(make(), url, kind=kind, match=match)
        with self.resources.outbound_client() as client:
            hurried = HurriedFetcher(client=client, seconds=seconds)
            # A memory of its own: what took too long here, a poll may well read.
            robots = Robots(hurried, self.resources.clock, RobotsMemory())
            reader = SiteReader(client=hurried, robots=robots, wait=hurried.wait)
            return find_source(reader, url, kind=kind, match=match)

    def add(
        self,
        found: FoundSource,
        *,
        match: str = "",
        newsletter: str = "",
        accept: AcceptRule = AcceptRule.NONE,
    ) -> dict[str, Any]:
        """Follow what was found from now on, and return its facts; raises `WrongState`."""
        with self.resources.database.write() as session:
            return self.follow(session, found, match=match, newsletter=newsletter, accept=accept)

    def follow(
        self,
        session: Session,
        found: FoundSource,
        *,
        match: str,
        newsletter: str,
        accept: AcceptRule,
    ) -> dict[str, Any]:
        """Follow what was found, as `add` does; the caller commits."""
        now = self.resources.clock()
        source = add_source(
            session, found, match=match, newsletter=newsletter, accept=accept, now=now
        )
        return source_facts(session, source)

    def read_page(self, url: str) -> ComparisonDraft:
        """Return the comparison on a page of another site.

        Raises only `ComparisonUnreadable`, also where the page can't be fetched.
        """
        with self._reader(_wait) as make:
            try:
                page = make().get(url)
            except (PageGone, PageFailed) as fault:
                unread = ComparisonUnreadable(str(fault), source=url)
                unread.next_step = fault.next_step
                raise unread from None
        return read_page(page.body or b"", content_type=page.content_type, url=page.url)

    def forget_decided(self) -> int:
        """Delete old decisions on proposals; return how many there were."""
        days = timedelta(days=self.resources.settings.keep_events_days)
        with self.resources.database.write() as session:
            return forget_decided(session, self.resources.clock() - days)

    @contextmanager
    def _polling(
        self, wait: Callable[[float], bool], stopped: Callable[[], bool]
    ) -> Iterator[Polling]:
        settings = self.resources.settings
        with self._reader(wait) as make:
            yield Polling(
                store=self.resources.database,
                clock=self.resources.clock,
                reader=make,
                listing=list_pages,
                read_page=read_page,
                owner=this_process(),
                alive=alive,
                stopped=stopped,
                every=timedelta(minutes=settings.source_minutes),
                most_pages=settings.source_pages,
                jitter=random.random,
            )

    @contextmanager
    def _reader(self, wait: Callable[[float], bool]) -> Iterator[Callable[[], SiteReader]]:
        """Yield what makes a reader for each source; they share connections and robots.txt."""
        with self.resources.outbound_client() as client:
            robots = Robots(client, self.resources.clock, self.robots_memory)
            yield lambda: SiteReader(client=client, robots=robots, wait=wait)


def _wait(seconds: float) -> bool:
    """Wait, and let Ctrl-C end it."""
    return threading.Event().wait(seconds)
