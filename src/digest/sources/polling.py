"""One look at a source: what it lists, and each page of it that is due.

Hides how a poll that was cut off goes on: what became of a page is stored before the next one is
asked for, so that the pages it has left are those not looked at since it began. No transaction is
open while a server is waited for.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from sqlmodel import Session

from digest.comparisons.schema import ComparisonDraft
from digest.errors import ComparisonUnreadable, DigestError, WrongState
from digest.sources import proposals, store
from digest.sources.listed_page import ListUnreadable
from digest.sources.models import PageOutcome, Source, SourcePage
from digest.sources.site_reader import (
    FetchedPage,
    PageFailed,
    PageForbidden,
    PageGone,
    ReadingStopped,
    SiteFailed,
    SiteReader,
)
from digest.sources.store import NOT_KNOWN, KnownPage, SourceListing, Validators
from subscribers.sql import UnitOfWork

log = logging.getLogger(__name__)

MOST_WAITING = 1_000  #: proposals of one source that may wait for an editor
FAILURES_IN_A_ROW = 5  #: after which a site is left alone until its next poll
LEASE = timedelta(minutes=3)  #: longer than any one request takes
SIGNS = 2  #: in a row, that a page is gone
_REFUSAL = 500  #: characters of a reason that are kept


class ReadPage(Protocol):
    """What reads a comparison from a page: `digest.sources.pages.read_page`."""

    def __call__(self, body: bytes, *, content_type: str, url: str) -> ComparisonDraft:
        """Return the page's draft; raises `ComparisonUnreadable`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Polling:
    """What polls depend on; *owner* is the process, and *stopped* says whether it should end."""

    store: UnitOfWork
    clock: Callable[[], datetime]
    reader: Callable[[], SiteReader]
    listing: Callable[[SiteReader, Source, bool], SourceListing]
    read_page: ReadPage
    owner: str
    alive: Callable[[str], bool | None]
    stopped: Callable[[], bool]
    every: timedelta
    most_pages: int  #: pages that one poll asks for
    jitter: Callable[[], float]  #: from 0 to 1, evenly


@dataclass(frozen=True, kw_only=True)
class PollResult:
    """What one run of a poll did; *done* is false where the rest is left for the next run."""

    source_id: int
    url: str
    done: bool
    pages: Mapping[PageOutcome, int]  #: of the whole poll, by what was found
    known: int  #: pages that are followed
    requests: int  #: of this run
    bodies: int  #: answers of this run with a body
    waiting: int  #: the source's proposals that wait for an editor
    problem: str = ""

    def __str__(self) -> str:
        """Return it in a line."""
        found = [(self.pages.get(kind, 0), kind) for kind in PageOutcome]
        counts = ", ".join(f"{number:,} {kind}" for number, kind in found if number)
        looked = sum(self.pages.values())
        of = f" of {self.known:,}" if looked < self.known else ""
        line = f"{looked:,}{of} page{'' if self.known == 1 else 's'}"
        line += f": {counts}" if counts else ""
        if self.problem:
            line = f"{self.problem}; {line}" if looked else self.problem
        return line if self.done else f"{line}; the rest follows"


@dataclass
class _PageLook:
    """What one look at a page found."""

    outcome: PageOutcome | None = None  #: set where nothing was read
    reason: str = ""
    line: int | None = None
    validators: Validators = NOT_KNOWN
    body_hash: str = ""
    draft: ComparisonDraft | None = None


class _Lost(DigestError):
    """Another process polls this source now, or it was removed or paused."""


class _SiteFails(DigestError):
    """The site can't be read now; what is left is tried at the next poll."""


def due_sources(session: Session, now: datetime) -> list[int]:
    """Return the ids of the sources whose poll is due, the longest overdue first."""
    return store.due(session, now)


def poll(
    polling: Polling,
    source_id: int,
    *,
    until: datetime | None = None,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> PollResult:
    """Poll a source, or go on with a poll that was cut off; return what that did.

    It ends when every page was looked at, when it is stopped, or before a pause that lasts past
    *until*; *progress* gets how many pages were looked at, of how many. Raises `NotFound`, and
    `WrongState` where another process polls the source or it is paused.
    """
    source = _claim(polling, source_id)
    run = _Run(polling, source, until, progress)
    try:
        run.list_pages()
        done, problem = run.look_at_pages(), ""
    except _Lost as fault:
        raise WrongState(str(fault), next_step=f"digest sources show {source_id}") from None
    except (_SiteFails, PageFailed, ListUnreadable, ComparisonUnreadable) as fault:
        done, problem = True, str(fault)
    except ReadingStopped:
        done, problem = False, ""
    return run.finish(done=done, problem=problem)


def _claim(polling: Polling, source_id: int) -> Source:
    now = polling.clock()
    with polling.store.write() as session:
        source = store.by_id(session, source_id)
        holder = source.owner
        if source.paused_at is not None:
            raise WrongState(
                f"source {source_id} is paused", next_step=f"digest sources resume {source_id}"
            )
        held = holder is not None and source.lease_until is not None and source.lease_until > now
        if held and polling.alive(holder or "") is not False:
            raise WrongState(f"another process is polling source {source_id}; wait for it")
        if not store.claim(session, source, polling.owner, now, now + LEASE):
            raise WrongState(f"another process has just begun to poll source {source_id}")
        session.refresh(source)
        return source


@dataclass
class _Run:
    """One run of a poll by one process."""

    polling: Polling
    source: Source
    until: datetime | None
    progress: Callable[[int, int], None]
    pause: float = 0.0  #: seconds that the site wants before the next request
    _failed: int = 0  #: requests in a row
    reader: SiteReader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = self.polling.reader()

    @property
    def source_id(self) -> int:
        return self.source.id or 0

    @property
    def began_at(self) -> datetime:
        return self.source.poll_began_at or self.source.added_at

    def list_pages(self) -> None:
        """Learn which pages there are, unless this poll has learnt that already."""
        source = self.source
        if source.listed_at is not None and source.listed_at >= self.began_at:
            return
        with self.polling.store.read() as session:
            is_single = store.has_page(session, self.source_id, source.url)
        try:
            listing = self.polling.listing(self.reader, source, is_single)
        except PageGone as fault:
            raise PageFailed(f"{source.url} is gone: {fault}") from None
        with self.polling.store.write() as session:
            self.source = self._own(session)
            self.source.lease_until = self.polling.clock() + LEASE
            store.keep_listing(session, self.source, listing, self.began_at)

    def look_at_pages(self) -> bool:
        """Look at each page that is due; return false where some are left for the next run."""
        with self.polling.store.read() as session:
            due = store.due_pages(session, self.source, self.began_at, self.polling.most_pages)
            room = MOST_WAITING - proposals.count_waiting(session, self.source_id)
        for number, (page_id, url, known) in enumerate(due):
            self.progress(number, len(due))
            if room <= 0:
                raise _SiteFails(_TOO_MANY)
            if self.polling.stopped() or self._outlasts(url):
                return False
            look = self._look(url, known)
            room -= self._record(page_id, look)
        self.progress(len(due), len(due))
        return True

    def _outlasts(self, url: str) -> bool:
        """Return whether the site wants a pause that is too long for this run."""
        if self.until is None:
            return False
        self.pause = self.reader.pause_before(url)
        return self.polling.clock() + timedelta(seconds=self.pause) >= self.until

    def _look(self, url: str, known: KnownPage) -> _PageLook:
        try:
            fetched = self.reader.get(url, known.validators)
        except PageGone as fault:
            self._failed = 0
            return _PageLook(outcome=PageOutcome.GONE, reason=str(fault))
        except PageForbidden as fault:
            return _PageLook(outcome=PageOutcome.REFUSED, reason=str(fault))
        except PageFailed as fault:
            self._failed = self._failed + 1 if isinstance(fault, SiteFailed) else 0
            step = f"; {fault.next_step}" if fault.next_step else ""
            return _PageLook(outcome=PageOutcome.FAILED, reason=f"{fault}{step}")
        self._failed = 0
        return self._read(known, fetched)

    def _read(self, known: KnownPage, fetched: FetchedPage) -> _PageLook:
        look = _PageLook(validators=fetched.validators, body_hash=known.body_hash)
        if fetched.body is None:
            return look
        look.body_hash = sha256(fetched.body).hexdigest()
        if look.body_hash == known.body_hash:
            return look
        try:
            look.draft = self.polling.read_page(
                fetched.body, content_type=fetched.content_type, url=fetched.url
            )
        except ComparisonUnreadable as fault:
            look.outcome, look.reason, look.line = PageOutcome.REFUSED, fault.reason, fault.line
        except Exception as fault:  # a bug met by one page must not keep all the others away
            log.exception("a page of source %s can't be read", self.source_id)
            look.outcome = PageOutcome.REFUSED
            look.reason = f"an internal fault: {type(fault).__name__}"
        return look

    def _record(self, page_id: int, look: _PageLook) -> bool:
        """Store what became of a page; return whether a proposal waits for an editor now."""
        now = self.polling.clock()
        with self.polling.store.write() as session:
            source = self._own(session)
            source.lease_until = now + LEASE + timedelta(seconds=self.pause)
            proposals.lock(session, page_id)
            page = session.get_one(SourcePage, page_id)
            page.checked_at = now
            _apply(session, source, page, look, now)
            session.add_all([source, page])
            session.flush()
            waits = store.waits(session, page_id)
        if self._failed >= FAILURES_IN_A_ROW:
            raise _SiteFails(
                f"{self._failed} pages in a row failed, the last because {look.reason}"
            )
        return waits

    def _own(self, session: Session) -> Source:
        """Return the source, which this process must still hold; raises `_Lost`."""
        source = session.get(Source, self.source_id, populate_existing=True, with_for_update=True)
        if source is None or source.owner != self.polling.owner or source.paused_at is not None:
            raise _Lost
        return source

    def finish(self, *, done: bool, problem: str) -> PollResult:
        """Give the source back, and say when it is polled next."""
        now, polling = self.polling.clock(), self.polling
        with polling.store.write() as session:
            counts = Counter(store.outcomes(session, self.source_id, self.began_at))
            result = PollResult(
                source_id=self.source_id,
                url=self.source.url,
                done=done,
                pages=counts,
                known=store.count_pages(session, self.source_id),
                requests=self.reader.requests,
                bodies=self.reader.bodies,
                waiting=proposals.count_waiting(session, self.source_id),
                problem=problem,
            )
            source = session.get(Source, self.source_id, populate_existing=True)
            if source is None or source.owner != polling.owner:
                return result
            source.owner = source.lease_until = None
            source.ok, source.result = not problem, str(result)
            if done:
                source.poll_began_at, source.last_poll_at = None, now
                source.next_poll_at = now + polling.every * (0.9 + 0.2 * polling.jitter())
                store.drop_pages(session, source, now)
            else:
                source.next_poll_at = now + timedelta(seconds=self.pause)
            session.add(source)
        return result


_TOO_MANY = (
    f"{MOST_WAITING:,} proposals of this source wait: decide on them, and the rest is read after"
)


def _apply(
    session: Session, source: Source, page: SourcePage, look: _PageLook, now: datetime
) -> None:
    """Bring a page's row up to what a look at it found, and propose what follows from that."""
    listed = not (source.listed_all and source.listed_at and page.listed_at < source.listed_at)
    if look.outcome is PageOutcome.GONE or not listed:
        _apply_absence(session, source, page, look, listed=listed, now=now)
        return
    was_refused = page.outcome is PageOutcome.REFUSED
    if look.outcome is PageOutcome.FAILED:
        _fail(page, look.reason)
        return
    page.absent = 0
    as_it_was = look.draft is None and look.outcome is None
    if as_it_was and not was_refused and not page.fingerprint:
        page.outcome, page.refusal = PageOutcome.UNCHANGED, ""
        return  # it's to be read anew, since another address proposes its content no longer
    page.etag, page.last_modified = look.validators
    if was_refused and as_it_was:
        return  # it hasn't changed, and its reason stands
    page.body_hash, page.refusal, page.line = look.body_hash, look.reason[:_REFUSAL], look.line
    if look.outcome is PageOutcome.REFUSED:
        page.outcome = PageOutcome.REFUSED
        proposals.end(session, page)
        page.fingerprint = ""
    elif look.draft is None:
        page.outcome = PageOutcome.UNCHANGED
    else:
        page.outcome = proposals.propose(session, source, page, look.draft, now)


def _apply_absence(
    session: Session,
    source: Source,
    page: SourcePage,
    look: _PageLook,
    *,
    listed: bool,
    now: datetime,
) -> None:
    """Count the signs that a page is gone; from the second on, it is."""
    before = page.absent
    page.absent += (look.outcome is PageOutcome.GONE) + (not listed)
    reason = look.reason or "it isn't listed any more"
    if page.absent < SIGNS:
        _fail(page, f"{reason}; it's gone if the next poll finds the same")
        return
    page.outcome, page.refusal, page.line = PageOutcome.GONE, reason[:_REFUSAL], None
    if before < SIGNS:
        proposals.propose_withdrawal(session, source, page, now)


def _fail(page: SourcePage, reason: str) -> None:
    if page.outcome is PageOutcome.REFUSED:  # what was wrong with it is to be found again
        page.etag = page.last_modified = page.body_hash = ""
    page.outcome, page.refusal, page.line = PageOutcome.FAILED, reason[:_REFUSAL], None
