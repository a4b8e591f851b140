"""What events do to the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from sqlmodel import select

from digest.db import Database
from digest.delivery.counts import count
from digest.delivery.dispatch import dispatch
from digest.delivery.models import Attempt, Batch, Delivery, News
from digest.delivery.send import Sending
from digest.delivery.track import Tracked, track
from digest.mail.events import EventKind, MailEvent
from digest.mail.memory import MemoryTransport
from digest.mail.transport import InDoubt
from subscribers.models import SuppressionReason
from tests.delivery.conftest import MakeReaders, MakeSending


@pytest.fixture
def sent(make_readers: MakeReaders, make_sending: MakeSending) -> Sending:
    """An edition accepted for three readers in one batch."""
    make_readers(3)
    sending = make_sending()
    dispatch(sending)
    return sending


def an_event(database: Database, now: datetime, kind: EventKind, **more: object) -> MailEvent:
    with database.read() as session:
        attempt = session.exec(select(Attempt)).one()
        delivery = session.exec(select(Delivery)).first()
        assert delivery is not None
    event = MailEvent(kind=kind, at=now, delivery=str(delivery.id), attempt=attempt.key)
    return replace(event, **more)  # type: ignore[arg-type]  # fields by name


def told(database: Database, now: datetime, *events: MailEvent) -> Tracked:
    with database.write() as session:
        return track(session, events, now)


def standing(database: Database) -> tuple[News | None, datetime | None]:
    with database.read() as session:
        delivery = session.exec(select(Delivery)).first()
        assert delivery is not None
        return delivery.news, delivery.news_at


def test_C01_an_event_told_again_counts_once(
    database: Database, sent: Sending, now: datetime
) -> None:
    event = an_event(database, now, EventKind.DELIVERED, provider_id="one")
    again = replace(event, provider_id="another")
    assert [told(database, now, e).new for e in (event, again, event)] == [1, 0, 0]
    with database.read() as session:
        assert count(session, sent.edition_id).delivered == 1


def test_C02_any_order_ends_in_the_same_standing(
    database: Database, sent: Sending, now: datetime
) -> None:
    kinds = [
        EventKind.PROCESSED,
        EventKind.DEFERRED,
        EventKind.DELIVERED,
        EventKind.OPENED,
        EventKind.COMPLAINED,
    ]
    events = [an_event(database, now + timedelta(minutes=n), kind) for n, kind in enumerate(kinds)]
    ends = set()
    for order in permutations(events):
        with database.write() as session:
            session.exec(select(Delivery)).first().news = None  # type: ignore[union-attr]
        for event in order:
            told(database, now, event)
        ends.add(standing(database))
    assert ends == {(News.COMPLAINED, now + timedelta(minutes=4))}


def test_C04_news_of_no_delivery_of_ours_changes_nothing(
    database: Database, sent: Sending, now: datetime
) -> None:
    event = an_event(database, now, EventKind.BOUNCED)
    strangers = [
        replace(event, attempt="f" * 32),
        replace(event, attempt=None),
        replace(event, delivery="99999999999999999999999"),
        replace(event, delivery="²"),
    ]
    found = told(database, now, *strangers)
    assert (found.unknown, found.new, found.suppress) == (4, 0, {})
    assert standing(database) == (None, None)


def test_C12_one_event_of_an_attempt_settles_its_doubt(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3)
    sending = make_sending(MemoryTransport(answer=lambda _: InDoubt(detail="no answer")))
    dispatch(sending)
    found = told(database, now, an_event(database, now, EventKind.PROCESSED))
    with database.read() as session:
        counts = count(session, sending.edition_id)
    assert found.settled == (sending.edition_id,)
    assert (counts.accepted, counts.in_doubt) == (3, 0)


@pytest.mark.parametrize(
    ("kind", "detail", "reason"),
    [
        (EventKind.BOUNCED, "550 no such user", SuppressionReason.HARD_BOUNCE),
        (EventKind.COMPLAINED, "", SuppressionReason.COMPLAINT),
        (EventKind.DROPPED, "Bounced Address", SuppressionReason.HARD_BOUNCE),
        (EventKind.DROPPED, "Spam Content", None),
        (EventKind.BLOCKED, "blocked for now", None),
        (EventKind.DEFERRED, "later", None),
    ],
)
def test_C14_only_news_of_the_address_itself_suppresses(
    database: Database,
    sent: Sending,
    now: datetime,
    kind: EventKind,
    detail: str,
    reason: SuppressionReason | None,
) -> None:
    found = told(database, now, an_event(database, now, kind, detail=detail))
    assert list(found.suppress.values()) == ([reason] if reason else [])


def test_news_is_bound_to_the_batch_its_attempt_belongs_to(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(6)
    dispatch(make_sending())
    with database.read() as session:
        batches = session.exec(select(Batch)).all()
    event = MailEvent(
        kind=EventKind.BOUNCED,
        at=now,
        delivery=str(batches[1].first_delivery),
        attempt=batches[0].attempt,
    )
    assert told(database, now, event).unknown == 1
