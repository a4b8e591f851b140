"""The webhook poster: when events are posted, tried again, given up, and resumed after a crash."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection, HTTPException
from random import Random
from typing import Any
from urllib.parse import urlsplit

from digest.errors import BadSetting
from digest.fake_sendgrid.events.event_json import ReportedEvent, mail_events
from digest.fake_sendgrid.events.signing import Signer
from digest.fake_sendgrid.events.webhook_batches import (
    EventFaults,
    WebhookBatch,
    corrupt,
    cut,
    disorder_events,
    seeded_random,
)
from digest.fake_sendgrid.faults.outcomes import OutcomeOdds
from digest.fake_sendgrid.message_store import MessageStore

PAGE = 1000
#: While this many posts wait for another try, no further mails are read.
MAX_WAITING = 100
POST_SECONDS = 10
ROUND_SECONDS = 0.5
LONGEST_WAIT = 3600
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
CURSOR = "events_after"
SUCCESS = range(200, 300)
#: Events that suppress an address: later mails to it are accepted and dropped.
SUPPRESSING = frozenset({"spamreport", "unsubscribe"})
log = logging.getLogger("digest.fake_sendgrid")

Deliver = Callable[[str, bytes, Mapping[str, str]], Awaitable[int]]


@dataclass
class PostingReport:
    """Counts of event posts by result."""

    posts: int = 0  #: answered 2xx
    events: int = 0  #: in those posts
    refused: int = 0  #: tries with another answer, or none
    given_up: int = 0  #: posts that reached the limit of tries
    last_status: int | None = None  #: 0 for no answer


@dataclass(order=True)
class _Waiting:
    due: float
    post: WebhookBatch = field(compare=False)
    tries: int = field(default=0, compare=False)


@dataclass
class WebhookPoster:
    """The loop that reads accepted mails from the store and posts their events to the webhook."""

    ledger: MessageStore
    signer: Signer
    odds: OutcomeOdds
    clock: Callable[[], float]
    deliver: Deliver
    to: str | None = None
    retry_after: float = 1.0
    tries: int = 8
    faults: EventFaults = field(default_factory=EventFaults)
    report: PostingReport = field(default_factory=PostingReport)
    _waiting: list[_Waiting] = field(default_factory=list)
    _random: Random = field(default_factory=lambda: seeded_random(0))
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _cursor: int = 0

    def begin(self) -> None:
        """Resume at the cursor in the store, with a fresh random generator and report."""
        self._cursor = int(self.ledger.note(CURSOR) or 0)
        self._waiting.clear()
        self._random = seeded_random(self.odds.seed)
        self.report = PostingReport()

    async def run(self) -> None:
        """Post due events until cancelled."""
        while True:
            async with self._lock:
                busy = self.to is not None and await self._round()
            await asyncio.sleep(0 if busy else ROUND_SECONDS)

    async def flush(self, extra: Iterable[WebhookBatch] = ()) -> PostingReport:
        """Post *extra*, every waiting post and all unread mails now; try each post once."""
        async with self._lock:
            before = asdict(self.report)
            due, self._waiting = self._waiting, []
            for entry in [*due, *(_Waiting(0, post) for post in extra)]:
                await self._try(entry)
            while self.to is not None and self._read(held=False):
                waiting, self._waiting = self._waiting, []
                fresh = [entry for entry in waiting if not entry.tries]
                self._waiting = [entry for entry in waiting if entry.tries]
                for entry in fresh:
                    await self._try(entry)
            self._remember()
            return _difference(before, self.report)

    @property
    def waiting(self) -> int:
        """The number of posts that wait for their due time or another try."""
        return len(self._waiting)

    @property
    def unread(self) -> bool:
        """Whether the store holds mails whose events were not made yet."""
        return bool(self.ledger.after(self._cursor, 1))

    async def _round(self) -> bool:
        """Post what is due and read the next page; return false when there was nothing to do."""
        now = self.clock()
        due = [entry for entry in self._waiting if entry.due <= now]
        self._waiting = [entry for entry in self._waiting if entry.due > now]
        for entry in due:
            await self._try(entry)
        read = len(self._waiting) < MAX_WAITING and self._read(held=True)
        if due or read:
            self._remember()
        return bool(due) or read

    def _read(self, *, held: bool) -> bool:
        """Make waiting posts of the next page of mails; return false at the end of the store."""
        page = self.ledger.after(self._cursor, PAGE)
        if not page:
            return False
        self._cursor = page[-1].id
        reported: list[ReportedEvent] = []
        for mail in page:
            shared = self.ledger.content(mail.content)
            mail_reported = mail_events(
                mail, shared, self.odds, self.ledger.suppression(mail.address, mail.id)
            )
            self._suppress(mail.id, mail_reported)
            reported.extend(mail_reported)
        self.ledger.keep_suppressions()
        reported.sort(key=lambda item: item.stage)
        events = disorder_events([item.event for item in reported], self.faults, self._random)
        due = self.clock() + self.faults.delay if held else 0
        for post in cut(events, page[0].id):
            self._waiting.append(_Waiting(due, corrupt(post, self.faults, self._random)))
        return True

    def _suppress(self, mail: int, reported: list[ReportedEvent]) -> None:
        for _, event in reported:
            kind, hard = event["event"], event.get("type") == "bounce"
            if kind in SUPPRESSING or (kind == "bounce" and hard):
                self.ledger.suppress(event["email"], kind, mail, at=event["timestamp"])

    async def _try(self, entry: _Waiting) -> None:
        status = await self._post(entry.post)
        self.report.last_status = status
        if status in SUCCESS:
            self.report.posts += 1
            self.report.events += entry.post.events
            return
        self.report.refused += 1
        tries = entry.tries + 1
        if tries >= self.tries:
            self.report.given_up += 1
            log.warning("an event post was given up after %s tries; last answer %s", tries, status)
            return
        wait = min(self.retry_after * 2 ** (tries - 1), LONGEST_WAIT)
        self._waiting.append(_Waiting(self.clock() + wait, entry.post, tries))

    async def _post(self, post: WebhookBatch) -> int:
        if self.to is None:
            return 0
        headers = self.signer.headers(post.body, self.clock())
        # The same JSON in other bytes: only a check of the raw body notices the wrong signature.
        body = post.body.replace(b'":', b'": ', 1) if post.spoilt else post.body
        return await self.deliver(self.to, body, headers)

    def _remember(self) -> None:
        """Write the cursor: after a crash some events are posted again, and none is lost."""
        unposted = [entry.post.first - 1 for entry in self._waiting if entry.post.first]
        self.ledger.write_note(CURSOR, str(min([self._cursor, *unposted])))


def _difference(before: dict[str, Any], now: PostingReport) -> PostingReport:
    counted = {
        name: value - before[name] for name, value in asdict(now).items() if name != "last_status"
    }
    return PostingReport(**counted, last_status=now.last_status)


def check_local(url: str | None) -> str | None:
    """Return *url*; raise `BadSetting` unless its host is this machine."""
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in LOCAL:
        raise BadSetting("events go to this machine only, such as http://127.0.0.1:8000/webhooks")
    return url


async def deliver(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Post one body and return the status, 0 for no answer in 10 seconds; follow no redirect."""
    return await asyncio.to_thread(_deliver, url, body, headers)


def _deliver(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=POST_SECONDS)
    try:
        json = {"Content-Type": "application/json", "User-Agent": "SendGrid Event API"}
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request("POST", target, body, {**json, **headers})
        return connection.getresponse().status
    except (OSError, HTTPException):
        return 0
    finally:
        connection.close()
