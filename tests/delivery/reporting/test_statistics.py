"""Statistics of an edition: counts, providers, and the range of human clicks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlmodel import col, select

from digest.db import Database
from digest.delivery.events.event_handler import handle_events
from digest.delivery.models import Attempt, Batch, BatchState, Delivery
from digest.delivery.reporting.provider_statistics import ERASED, OTHERS, mailbox_provider
from digest.delivery.reporting.statistics import (
    edition_statistics,
    from_dict,
)
from digest.delivery.sending.batch_worker import EditionSend
from digest.delivery.sending.dispatcher import dispatch
from digest.issues.models import Edition, Tracking
from digest.mail.memory import MemoryTransport
from digest.mail.provider_events import EventKind as Kind
from digest.mail.provider_events import ProviderEvent
from subscribers.models import Subscriber
from subscribers.tokens import Hashes
from tests.delivery.conftest import SECRET, MakeReaders, MakeSending


@pytest.mark.parametrize(
    ("domain", "name"),
    [
        ("gmail.com", "Gmail"),
        ("web.de", "GMX and WEB.DE"),
        ("e.org", OTHERS),
        ("hey.com", OTHERS),
        (None, ERASED),
    ],
)
def test_a_mailbox_provider_is_known_by_its_domain(domain: str | None, name: str) -> None:
    assert mailbox_provider(domain) == name


@pytest.fixture
def sent(database: Database, make_readers: MakeReaders, make_sending: MakeSending) -> EditionSend:
    """An edition accepted for six readers, two of them with Gmail, of a newsletter that tracks."""
    make_readers(6)
    with database.write() as session:
        readers = session.exec(select(Subscriber).order_by(col(Subscriber.id))).all()
        for reader in readers[:2]:
            reader.address_key = f"r{reader.id}@gmail.com"
    sending = make_sending(batch_size=6)
    dispatch(sending)
    with database.write() as session:
        session.exec(select(Edition)).one().tracking = Tracking.READER
    return sending


def report_events(
    database: Database, now: datetime, *reports: tuple[Kind, int, int, dict[str, Any]]
) -> None:
    """Tell events: kind, which of the six, seconds after the first, own fields."""
    with database.write() as session:
        attempt = session.exec(select(Attempt)).one().key
        ids = session.exec(select(Delivery.id).order_by(col(Delivery.id))).all()
        events = [
            ProviderEvent(kind, int(now.timestamp()) + after, str(ids[which]), attempt)._replace(
                **own
            )
            for kind, which, after, own in reports
        ]
        handle_events(session, events, hashes=Hashes([SECRET]), now=now)


def test_every_kind_of_news_has_its_number(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    one, two = {"url": "https://e.example/1"}, {"url": "https://e.example/2"}
    report_events(
        database,
        now,
        (Kind.DELIVERED, 0, 0, {}),
        (Kind.DELIVERED, 1, 61, {}),
        (Kind.COMPLAINED, 1, 70, {}),
        (Kind.BOUNCED, 2, 0, {"cause": "Invalid Address"}),
        (Kind.BLOCKED, 3, 0, {"cause": "Reputation"}),
        (Kind.DROPPED, 4, 0, {"cause": "Spam Content"}),
        (Kind.DEFERRED, 5, 0, {}),
        (Kind.OPENED, 0, 9, {"machine": True}),
        (Kind.OPENED, 1, 9, {"machine": True}),
        (Kind.OPENED, 1, 99, {}),
        (Kind.CLICKED, 0, 2, one),
        (Kind.CLICKED, 0, 3, two),
        (Kind.CLICKED, 1, 900, one),
        (Kind.RESIGNED, 0, 1000, {}),
    )
    with database.read() as session:
        numbers = edition_statistics(session, sent.edition_id)
    assert (numbers.accepted, numbers.delivered, numbers.complained, numbers.left) == (6, 2, 1, 1)
    assert (numbers.bounced, numbers.blocked, numbers.dropped, numbers.deferred) == (1, 1, 1, 1)
    assert (numbers.opened_people, numbers.opened_machines) == (1, 1)
    assert (numbers.clicked_surely, numbers.clicked_all) == (1, 2)
    assert [(link.url[-1], link.surely, link.readers) for link in numbers.links] == [
        ("1", 1, 2),
        ("2", 0, 1),
    ]
    assert numbers.causes == {"Invalid Address": 1, "Reputation": 1, "Spam Content": 1}
    assert [number for _, number in numbers.timeline] == [1, 1]
    assert numbers.complaint_rate == 0.5
    providers = {
        one.name: (one.accepted, one.delivered, one.complained) for one in numbers.providers
    }
    assert providers == {"Gmail": (2, 2, 1), OTHERS: (4, 0, 0)}


def test_what_is_not_accepted_yet_is_with_no_provider(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    with database.write() as session:
        session.exec(select(Batch)).one().state = BatchState.PENDING
    with database.read() as session:
        numbers = edition_statistics(session, sent.edition_id)
    assert (numbers.accepted, numbers.providers) == (0, ())


def test_numbers_survive_being_stored(database: Database, sent: EditionSend, now: datetime) -> None:
    report_events(
        database, now, (Kind.DELIVERED, 0, 0, {}), (Kind.CLICKED, 0, 99, {"url": "https://e.x"})
    )
    with database.read() as session:
        numbers = edition_statistics(session, sent.edition_id)
    assert from_dict(numbers.as_dict()) == numbers


def test_an_edition_without_news_has_zeros(database: Database, sent: EditionSend) -> None:
    with database.read() as session:
        numbers = edition_statistics(session, sent.edition_id)
    assert (numbers.delivered, numbers.clicked_all, numbers.complaint_rate) == (0, 0, None)


def test_anonymous_clicks_are_counted_by_reader_all_the_same(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    with database.write() as session:
        session.exec(select(Edition)).one().tracking = Tracking.ANONYMOUS
    url = {"url": "https://e.example/1"}
    report_events(database, now, (Kind.CLICKED, 0, 60, url), (Kind.CLICKED, 0, 90, url))
    report_events(database, now, (Kind.CLICKED, 1, 60, url), (Kind.CLICKED, 0, 60, url))
    with database.read() as session:
        numbers = edition_statistics(session, sent.edition_id)
    assert (numbers.clicked_all, numbers.clicks_all) == (2, 3)


def test_C16_anonymous_clicks_within_seconds_of_delivery_are_no_persons_either(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    with database.write() as session:
        session.exec(select(Edition)).one().tracking = Tracking.ANONYMOUS
    url = {"url": "https://e.example/1"}
    report_events(database, now, (Kind.CLICKED, 0, 63, url), (Kind.CLICKED, 1, 600, url))
    report_events(database, now, (Kind.DELIVERED, 0, 60, {}), (Kind.DELIVERED, 1, 60, {}))
    with database.read() as session:
        numbers = edition_statistics(session, sent.edition_id)
    assert (numbers.clicked_surely, numbers.clicked_all) == (1, 2)


def test_of_a_mail_server_s_mail_what_was_not_returned_counts_as_delivered(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(6)
    dispatch(make_sending(MemoryTransport(one_by_one=True), batch_size=6))
    report_events(database, now, (Kind.BOUNCED, 1, 0, {}), (Kind.COMPLAINED, 2, 0, {}))
    with database.read() as session:
        numbers = edition_statistics(session, session.exec(select(Edition)).one().id or 0)
    assert numbers.failures_only
    assert (numbers.accepted, numbers.delivered, numbers.bounced, numbers.unheard) == (6, 5, 1, 0)
    assert numbers.complaint_rate == 1 / 5
