"""Posts on a database server: any machine applies them, each once, and a dead one keeps none."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, func, select

from digest.db import Database
from digest.delivery.events import waiting_posts
from digest.delivery.events.event_consumer import EventConsumer
from digest.delivery.events.shared_posts import AT_ONCE, take_posts
from digest.delivery.events.spool import Spool, SpoolOffset
from digest.delivery.models import DeadLetter
from digest.mail.provider_events import ParsedPost
from digest.mail.sendgrid.webhook import parse
from subscribers.sql import UnitOfWork
from subscribers.tokens import Hashes

pytestmark = pytest.mark.postgres
HASHES = Hashes(["a secret for tests only, long enough"])
NOON = 1_795_600_800


class Away:
    """A database server that can't be reached."""

    def read(self) -> AbstractContextManager[Session]:
        raise OperationalError("connect", None, Exception("refused"))

    write = read


def machine(store: UnitOfWork, folder: Path) -> EventConsumer:
    return EventConsumer(
        store=store,
        spool=Spool(folder),
        parse=parse,
        hashes=lambda: HASHES,
        clock=lambda: datetime.fromtimestamp(NOON, UTC),
        shared=True,
    )


def post(number: int) -> bytes:
    """Return a post of one event that no mail of ours is behind, which leaves a dead letter."""
    event = {"event": "delivered", "timestamp": NOON, "email": f"reader{number}@example.org"}
    return orjson.dumps([event | {"sg_event_id": f"event-{number}"}])


def dead_letters(database: Database) -> int:
    with database.read() as session:
        return session.exec(select(func.count()).select_from(DeadLetter)).one()


def waiting(database: Database) -> int:
    with database.read() as session:
        return waiting_posts(session)[0]


def test_another_machine_applies_what_one_has_taken_in(
    postgres_database: Database, tmp_path: Path
) -> None:
    first, second = (machine(postgres_database, tmp_path / name) for name in ("a", "b"))
    for number in range(AT_ONCE + 1):
        first.receive(post(number), NOON)
    assert (waiting(postgres_database), first.spool.files()) == (AT_ONCE + 1, [])
    assert second.apply_all() == AT_ONCE + 1
    assert (waiting(postgres_database), dead_letters(postgres_database)) == (0, AT_ONCE + 1)


def test_two_machines_never_take_the_same_post(postgres_database: Database, tmp_path: Path) -> None:
    consumer = machine(postgres_database, tmp_path)
    for number in range(AT_ONCE + 3):
        consumer.receive(post(number), NOON)
    with postgres_database.write() as one, postgres_database.write() as other:
        taken = [take_posts(session) for session in (one, other, other)]
    assert [len(records) for records in taken] == [AT_ONCE, 3, 0]
    assert len({record.end for records in taken for record in records}) == AT_ONCE + 3


def test_what_a_machine_held_when_it_died_is_applied_by_the_next(
    postgres_database: Database, tmp_path: Path
) -> None:
    def die(_body: bytes) -> ParsedPost:
        raise KeyboardInterrupt

    dying = replace(machine(postgres_database, tmp_path), parse=die)
    dying.receive(post(1), NOON)
    with pytest.raises(KeyboardInterrupt):
        dying.apply_next()
    assert waiting(postgres_database) == 1
    assert machine(postgres_database, tmp_path).apply_all() == 1
    assert dead_letters(postgres_database) == 1


def test_while_the_server_is_away_the_disk_takes_the_posts(
    postgres_database: Database, tmp_path: Path
) -> None:
    away = machine(Away(), tmp_path)
    place = away.receive(post(1), NOON)
    assert away.spool.files() == [place.file]
    assert machine(postgres_database, tmp_path).apply_all() == 1


def test_a_post_counts_as_applied_once_no_row_is_left(
    postgres_database: Database, tmp_path: Path
) -> None:
    first, second = (machine(postgres_database, tmp_path / name) for name in ("a", "b"))
    places = [first.receive(post(number), NOON) for number in (1, 2)]
    for place in places:
        first.expect(place)
    assert applied(first, places) == [False, False]
    second.apply_all()
    assert first.apply_next() is None
    assert applied(first, places) == [True, True]


def applied(consumer: EventConsumer, places: Sequence[SpoolOffset]) -> list[bool]:
    return [consumer.is_applied(place) for place in places]
