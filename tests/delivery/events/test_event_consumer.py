"""The event consumer: a burst in any order ends as the ordered events do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.events import end_of
from benchmarks.storm import START, fill, storm
from digest.db import Database
from digest.delivery.events.dead_letters import count_dead_letters
from digest.delivery.events.event_consumer import EventConsumer
from digest.delivery.events.spool import Spool
from digest.mail.sendgrid.webhook import parse
from subscribers.tokens import Hashes

EVENTS = 20_000
READERS = 5_000
HASHES = Hashes(["a secret for tests only, long enough"])


def applied(path: Path, bodies: Iterator[bytes]) -> Database:
    database = Database(f"sqlite:///{path}")
    fill(database, READERS)
    spool = Spool(path.parent / f"{path.name}-events", file_bytes=2 << 20)
    for body in bodies:
        spool.append(body, START)
    consumer = EventConsumer(
        store=database,
        spool=spool,
        parse=parse,
        hashes=lambda: HASHES,
        clock=lambda: datetime.fromtimestamp(START + 9999, UTC),
    )
    assert consumer.apply_all() > 0
    assert spool.files() == []
    return database


def test_events_in_any_order_end_byte_for_byte_as_in_order(tmp_path: Path) -> None:
    events = round(EVENTS * 0.69)
    ordered = applied(tmp_path / "calm.db", storm(READERS, events, disorder=False))
    shuffled = applied(tmp_path / "storm.db", storm(READERS, EVENTS, disorder=True))
    assert end_of(tmp_path / "storm.db") == end_of(tmp_path / "calm.db")
    with shuffled.read() as session:
        assert count_dead_letters(session).ever == EVENTS - events - round(EVENTS * 0.30)
    ordered.close()
    shuffled.close()
