"""Decides where posts wait, and how they are applied: in order of arrival, in short transactions.

The transaction that applies posts of the spool stores the position behind them, too, so a crash
neither loses nor repeats an event. It begins only once they are read and parsed. On a database
server posts wait in a table, and are deleted by the transaction that applies them; in the spool
they wait only while the server can't be used.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlmodel import Session, col

from digest.delivery.events.dead_letters import UNREADABLE, add_dead_letters
from digest.delivery.events.event_handler import HandledEvents, handle_events
from digest.delivery.events.shared_posts import add_post, take_posts
from digest.delivery.events.spool import Spool, SpoolOffset, SpoolRecord
from digest.delivery.models import SpoolPosition
from digest.mail.provider_events import ParsedPost, ProviderEvent
from subscribers.sql import UnitOfWork, upsert
from subscribers.tokens import Hashes

CHUNK_BYTES = 2 << 20  #: posts in one transaction; tens of milliseconds of writing
OLD_SECONDS = 25 * 3600  #: the provider retries a post for 24 hours
SIGNED_LONG_AGO = "signed more than a day before it arrived"
NOT_APPLIED = "could not be applied"
SHARED = ""  #: the name, for a `SpoolOffset`, of the table where posts wait
_PAUSES = (0.05, 0.2, 1.0, 2.0, 5.0)
log = logging.getLogger(__name__)


class _AppliedElsewhere(Exception):
    """Another process has already applied this part of the spool."""


@dataclass
class EventConsumer:
    """Keeps posts until they are applied to the database, and applies them.

    *shared* says that they wait in the database, so that any machine applies them.
    """

    store: UnitOfWork
    spool: Spool
    parse: Callable[[bytes], ParsedPost]
    hashes: Callable[[], Hashes]
    clock: Callable[[], datetime]
    chunk_bytes: int = CHUNK_BYTES
    shared: bool = False
    _positions: dict[str, int] = field(default_factory=dict)

    def receive(self, body: bytes, received: int, signed: int = 0) -> SpoolOffset:
        """Store a post durably, and return where it waits; raise `SpoolFull` if it can't be."""
        if not self.shared:
            return self.spool.append(body, received, signed)
        try:
            with self.store.write() as session:
                row = add_post(session, body, received, signed)
        except SQLAlchemyError:  # until the server is back, the disk takes the posts
            return self.spool.append(body, received, signed)
        return SpoolOffset(SHARED, row)

    def apply_next(self) -> int | None:
        """Apply the next posts; return how many events they held, ``None`` if none wait."""
        for name in self.spool.files():
            offset = self._position(name)
            records = self.spool.read(name, offset, self.chunk_bytes)
            if records:
                return self._apply(name, offset, records)
            if self.spool.finish(name, offset):
                self._forget(name)
        return self._apply_shared() if self.shared else None

    def apply_all(self) -> int:
        """Apply all posts that wait; return how many events they held."""
        total = 0
        while (count := self.apply_next()) is not None:
            total += count
        return total

    def is_applied(self, post: SpoolOffset) -> bool:
        """Return whether a post has been applied; reads memory only."""
        known = self._positions.get(post.file)
        return known is None or known >= post.end

    def expect(self, post: SpoolOffset) -> None:
        """Let `is_applied` return false for a post just spooled, until the post is applied."""
        self._positions.setdefault(post.file, 0)

    def _apply(self, name: str, offset: int, records: Sequence[SpoolRecord]) -> int:
        posts = [self.parse(record.body) for record in records]
        end = records[-1].end
        try:
            with self.store.write() as session:
                count = self._handle_posts(session, posts, records)
                _advance(session, name, offset, end)
        except _AppliedElsewhere:
            self._positions.pop(name, None)
            return 0
        self._positions[name] = end
        return count

    def _apply_shared(self) -> int | None:
        with self.store.write() as session:
            records = take_posts(session)
            posts = [self.parse(record.body) for record in records]
            count = self._handle_posts(session, posts, records) if posts else None
        if records:
            self._positions[SHARED] = records[-1].end
        else:
            self._positions.pop(SHARED, None)
        return count

    def _handle_posts(
        self, session: Session, posts: Sequence[ParsedPost], records: Sequence[SpoolRecord]
    ) -> int:
        """Apply posts and store what of them can't be used; return how many events they held."""
        events = [event for post in posts for event in post.events]
        handled = self._handle(session, events)
        unusable = [letter for post in posts for letter in _unreadable_entries(post)]
        add_dead_letters(session, unusable + _late_posts(records), self.clock())
        log.info("events: %d read, %d new, %d unknown", len(events), handled.new, handled.unknown)
        return len(events)

    def _handle(self, session: Session, events: Sequence[ProviderEvent]) -> HandledEvents:
        now, hashes = self.clock(), self.hashes()
        try:
            with session.begin_nested():
                return handle_events(session, events, hashes=hashes, now=now)
        except OperationalError:
            raise
        except (SQLAlchemyError, ValueError, TypeError, LookupError, ArithmeticError) as fault:
            log.warning("events are applied one by one: %s", type(fault).__name__)
        return self._one_by_one(session, events, hashes, now)

    def _one_by_one(
        self, session: Session, events: Sequence[ProviderEvent], hashes: Hashes, now: datetime
    ) -> HandledEvents:
        """Apply each event in a savepoint of its own, so that a failing one stops no other."""
        new = 0
        for event in events:
            try:
                with session.begin_nested():
                    new += handle_events(session, [event], hashes=hashes, now=now).new
            except OperationalError:
                raise
            except Exception as fault:  # whatever it is, the events behind must be applied
                why = f"{NOT_APPLIED}: {type(fault).__name__}"
                add_dead_letters(session, [(why, f"kind {event.kind}, at {event.at}")], now)
        return HandledEvents(new=new)

    def _position(self, name: str) -> int:
        known = self._positions.get(name)
        if known:
            return known
        with self.store.read() as session:
            rows = session.connection().execute(
                select(col(SpoolPosition.offset)).where(col(SpoolPosition.file) == name)
            )
            self._positions[name] = rows.scalar() or 0
        return self._positions[name]

    def _forget(self, name: str) -> None:
        if self._positions.pop(name, 0):
            with self.store.write() as session:
                session.connection().execute(
                    delete(SpoolPosition).where(col(SpoolPosition.file) == name)
                )


@dataclass
class ConsumerThread:
    """Runs an event consumer in a thread that ends when no post waits."""

    consumer: EventConsumer
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None
    _wanted: bool = False
    _stopping: threading.Event = field(default_factory=threading.Event)

    def wake(self, post: SpoolOffset | None = None) -> None:
        """Start the thread if it isn't running; *post* is one that a caller will `wait` for."""
        with self._changed:
            if post is not None:
                self.consumer.expect(post)
            self._wanted = True
            if self._thread is None and not self._stopping.is_set():
                # A daemon thread: posts not applied when the process ends still wait.
                self._thread = threading.Thread(
                    target=self._run, name="event-consumer", daemon=True
                )
                self._thread.start()

    def wait(self, post: SpoolOffset, seconds: float) -> bool:
        """Wait until a post is applied; return false if it isn't after *seconds*."""
        with self._changed:
            return self._changed.wait_for(lambda: self.consumer.is_applied(post), seconds)

    def stop(self, seconds: float = 10.0) -> None:
        """Stop after the current transaction, waiting at most *seconds*; the rest is kept."""
        self._stopping.set()
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _run(self) -> None:
        failed = 0
        while self._should_run():
            try:
                self._apply_all()
                failed = 0
            except Exception as fault:  # such as a locked database: the posts still wait
                log.warning("events can't be applied yet: %s", type(fault).__name__)
                self._stopping.wait(_PAUSES[min(failed, len(_PAUSES) - 1)])
                failed += 1
                with self._changed:
                    self._wanted = True

    def _apply_all(self) -> None:
        while not self._stopping.is_set() and self.consumer.apply_next() is not None:
            with self._changed:
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _should_run(self) -> bool:
        with self._changed:
            wanted, self._wanted = self._wanted and not self._stopping.is_set(), False
            if not wanted:
                self._thread = None
            return wanted


def _unreadable_entries(post: ParsedPost) -> list[tuple[str, str]]:
    """Return one dead letter for each entry that is no event; only a sample has a description."""
    return [
        (UNREADABLE, post.unreadable[n] if n < len(post.unreadable) else "")
        for n in range(post.unread)
    ]


def _late_posts(records: Sequence[SpoolRecord]) -> list[tuple[str, str]]:
    return [
        (SIGNED_LONG_AGO, f"signed {datetime.fromtimestamp(record.signed, UTC):%Y-%m-%d %H:%M} UTC")
        for record in records
        if record.signed and record.received - record.signed > OLD_SECONDS
    ]


def _advance(session: Session, name: str, offset: int, end: int) -> None:
    insert = upsert(session, SpoolPosition).values(file=name, offset=end)
    moved = session.connection().execute(
        insert.on_conflict_do_update(
            index_elements=["file"],
            set_={"offset": end},
            where=col(SpoolPosition.offset) == offset,
        )
    )
    if moved.rowcount != 1:
        raise _AppliedElsewhere
