"""Status updates: how each provider event changes a delivery and its reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from sqlmodel import col, select

from digest import webhooks
from digest.db import Database
from digest.delivery.counts import count_deliveries
from digest.delivery.events.dead_letters import ACCOUNT
from digest.delivery.events.event_handler import HandledEvents, handle_events
from digest.delivery.events.event_privacy import change_tracking
from digest.delivery.models import (
    Attempt,
    Batch,
    BatchState,
    DeadLetter,
    Decision,
    Delivery,
    DeliveryStatus,
    MailEvent,
)
from digest.delivery.sending.batch_worker import EditionSend
from digest.delivery.sending.control import DoubtResolution, resolve
from digest.delivery.sending.dispatcher import dispatch
from digest.errors import WrongState
from digest.issues.models import Edition, Newsletter, Tracking
from digest.mail.marked_copy import inert_recipient
from digest.mail.memory import MemoryTransport
from digest.mail.provider_events import EventKind, ProviderEvent
from digest.mail.transport import Accepted, Answer, InDoubt
from subscribers.announcements.models import AnnouncementKind, WebhookMessage
from subscribers.lifecycle import erase
from subscribers.models import (
    Consent,
    ConsentAct,
    Standing,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
)
from subscribers.store import Evidence
from subscribers.suppression import find
from subscribers.tokens import Hashes
from tests.delivery.conftest import SECRET, MakeReaders, MakeSending

HASHES = Hashes([SECRET])
ROWS = "SELECT * FROM mail_event ORDER BY delivery_id, kind, moment, link"
OPERATOR = Evidence(channel="operator")


@pytest.fixture
def sent(make_readers: MakeReaders, make_sending: MakeSending) -> EditionSend:
    """An edition accepted for three readers in one batch."""
    make_readers(3)
    sending = make_sending()
    dispatch(sending)
    return sending


def make_event(database: Database, now: datetime, kind: EventKind, **more: object) -> ProviderEvent:
    with database.read() as session:
        attempt = session.exec(select(Attempt)).one()
        delivery = session.exec(select(Delivery).order_by(col(Delivery.id))).first()
        assert delivery is not None
    event = ProviderEvent(kind, int(now.timestamp()), str(delivery.id), attempt.key)
    return event._replace(**more)  # type: ignore[arg-type]  # fields by name


def handle(database: Database, now: datetime, *events: ProviderEvent) -> HandledEvents:
    with database.write() as session:
        return handle_events(session, events, hashes=HASHES, now=now)


def status(database: Database) -> tuple[DeliveryStatus | None, int | None]:
    with database.read() as session:
        delivery = session.exec(select(Delivery).order_by(col(Delivery.id))).first()
        assert delivery is not None
        return delivery.news, delivery.news_at


def suppressed(database: Database) -> dict[str, str | None]:
    with database.read() as session:
        return {s.address: s.suppressed for s in session.exec(select(Subscriber)).all()}


def first_reader(database: Database) -> Subscriber:
    with database.read() as session:
        reader = session.exec(select(Subscriber).order_by(col(Subscriber.id))).first()
    assert reader is not None
    return reader


def test_C01_an_event_received_46_times_with_changed_ids_counts_once(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    event = make_event(database, now, EventKind.DELIVERED)
    counts = [handle(database, now + timedelta(minutes=38 * n), event).new for n in range(46)]
    assert counts == [1] + [0] * 45
    with database.read() as session:
        assert count_deliveries(session, sent.edition_id).delivered == 1


def test_C02_any_order_ends_in_the_same_status_and_rows(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    kinds = [EventKind.DEFERRED, EventKind.DELIVERED, EventKind.COMPLAINED]
    at = int(now.timestamp())
    events = [make_event(database, now, kind, at=at + 60 * n) for n, kind in enumerate(kinds)]
    events.append(make_event(database, now, EventKind.DELIVERED, at=at - 9))
    ends = set()
    for order in permutations(events):
        with database.write() as session:
            session.connection().exec_driver_sql("DELETE FROM mail_event")
            session.connection().exec_driver_sql("UPDATE delivery SET news = NULL, news_at = NULL")
        for event in order:
            handle(database, now, event)
        with database.read() as session:
            rows = session.connection().exec_driver_sql(ROWS).all()
        ends.add((*status(database), tuple(tuple(row) for row in rows)))
    assert [end[:2] for end in ends] == [(DeliveryStatus.COMPLAINED, at + 120)]


def test_C02_of_two_deliveries_the_earlier_moment_stays(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    at = int(now.timestamp())
    for moment in (at, at + 60, at - 60):
        handle(database, now, make_event(database, now, EventKind.DELIVERED, at=moment))
    assert status(database) == (DeliveryStatus.DELIVERED, at - 60)


@pytest.mark.parametrize("person_first", [True, False])
def test_C02_copies_that_differ_end_the_same_whichever_came_first(
    database: Database, sent: EditionSend, now: datetime, person_first: bool
) -> None:
    opened = make_event(database, now, EventKind.OPENED, machine=not person_first)
    with database.write() as session:
        session.exec(select(Edition)).one().tracking = Tracking.READER
    handle(database, now, opened)
    handle(database, now, opened._replace(machine=person_first))
    with database.read() as session:
        assert session.exec(select(MailEvent)).one().machine == 0


def test_C03_a_late_event_of_an_erased_reader_suppresses_and_brings_nobody_back(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    reader = first_reader(database)
    with database.write() as session:
        erase(session, reader.id or 0, OPERATOR, HASHES, now)
    late = now + timedelta(days=30)
    handle(database, late, make_event(database, late, EventKind.COMPLAINED, address=reader.address))
    with database.read() as session:
        record = find(session, reader.address_key, HASHES)
        assert record is not None
        assert record.reason is SuppressionReason.COMPLAINT
        assert session.get(Subscriber, reader.id) is None


def test_C04_an_event_of_no_delivery_of_ours_is_counted_and_changes_nothing(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    event = make_event(database, now, EventKind.BOUNCED, address="example@test.invalid")
    unmatched = [
        event._replace(attempt="f" * 32),
        event._replace(attempt="\x00"),
        event._replace(attempt=None),
        event._replace(delivery="99999999999999999999999"),
        event._replace(delivery="²"),
        event._replace(kind=EventKind.OTHER),
    ]
    handled = handle(database, now, *unmatched)
    assert (handled.unknown, handled.new, handled.suppressed) == (6, 0, 0)
    assert status(database) == (None, None)
    with database.read() as session:
        kept = session.exec(select(DeadLetter)).all()
    assert len(kept) == 6
    assert not any("test.invalid" in letter.said for letter in kept)


def test_C04_an_event_of_a_test_copy_is_known_and_changes_nothing(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    copy = inert_recipient(sent.content, "r1@example.org", base_url="")
    event = make_event(database, now, EventKind.BOUNCED, address="r1@example.org")
    handled = handle(database, now, event._replace(attempt=None, delivery=copy.delivery))
    assert (handled.internal, handled.unknown, handled.by_address, handled.suppressed) == (
        1,
        0,
        0,
        0,
    )
    assert status(database) == (None, None)


@pytest.mark.parametrize(
    ("kind", "logged"), [(EventKind.DELIVERED, False), (EventKind.BOUNCED, True)]
)
def test_C04_an_event_of_a_letter_to_an_editor_is_known_and_a_bounce_is_logged(
    database: Database,
    sent: EditionSend,
    now: datetime,
    caplog: pytest.LogCaptureFixture,
    kind: EventKind,
    logged: bool,
) -> None:
    event = make_event(database, now, kind, address="r1@example.org")
    name = "editor-1-2026-W48-draft"
    handled = handle(database, now, event._replace(attempt=None, delivery=name))
    assert (handled.internal, handled.unknown, handled.by_address, handled.suppressed) == (
        1,
        0,
        0,
        0,
    )
    assert status(database) == (None, None)
    assert (f"{name}) was bounced" in caplog.text) is logged


def test_C04_an_event_of_the_account_is_kept_and_logged(
    database: Database, sent: EditionSend, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    handle(
        database, now, ProviderEvent(EventKind.ACCOUNT, 1_795_510_800, cause="compliance_suspend")
    )
    with database.read() as session:
        [kept] = session.exec(select(DeadLetter)).all()
    assert (kept.why, kept.said) == (ACCOUNT, "compliance_suspend")
    assert "compliance_suspend" in caplog.text


def test_C12_one_event_of_an_attempt_settles_its_doubt(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3)
    sending = make_sending(MemoryTransport(answer=lambda _: InDoubt(detail="no answer")))
    dispatch(sending)
    handle(database, now, make_event(database, now, EventKind.PROCESSED))
    with database.read() as session:
        counts = count_deliveries(session, sending.edition_id)
    assert (counts.accepted, counts.in_doubt) == (3, 0)


def test_C12_one_event_settles_a_request_whose_sender_died(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    event = make_event(database, now, EventKind.PROCESSED)
    with database.write() as session:
        session.exec(select(Batch)).one().state = BatchState.STARTED
    handle(database, now, event)
    with database.read() as session:
        assert session.exec(select(Batch)).one().state is BatchState.ACCEPTED


def test_C13_a_bounce_without_ids_is_soft_evidence_against_the_address(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    reader = first_reader(database)
    bounce = ProviderEvent(
        EventKind.BOUNCED, int(now.timestamp()) + 60, address=reader.address.upper()
    )
    handled = handle(database, now, bounce, bounce)
    assert (handled.by_address, handled.unknown) == (2, 0)
    assert suppressed(database)[reader.address] == "hard-bounce"
    assert status(database) == (None, None)
    with database.read() as session:
        assert session.exec(select(Attempt)).one().proved_at is None
        assert session.exec(select(MailEvent)).one().kind == "late-bounce"


def test_a_bounce_and_a_complaint_are_announced_once_however_often_they_are_reported(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    kinds = [AnnouncementKind.SUBSCRIBER_BOUNCED, AnnouncementKind.SUBSCRIBER_COMPLAINED]
    with database.write() as session:
        webhooks.add(session, "https://hooks.example/", kinds, now=now)
    reader = first_reader(database)
    for kind in (EventKind.BOUNCED, EventKind.COMPLAINED):
        for _ in range(2):
            handle(database, now, make_event(database, now, kind))
    with database.read() as session:
        told = session.exec(select(WebhookMessage).order_by(col(WebhookMessage.id))).all()
    assert [(row.kind, row.subscriber_id) for row in told] == [(kind, reader.id) for kind in kinds]
    assert json.loads(told[0].data) == {"subscriber": reader.id}


@pytest.mark.parametrize("kind", ["change", "confirm", "moved"])
def test_C13_who_complains_of_a_letter_and_is_no_reader_is_never_written_to_again(
    database: Database, sent: EditionSend, now: datetime, kind: str
) -> None:
    address, moment = "victim@example.org", int(now.timestamp()) + 60
    complaint = ProviderEvent(EventKind.COMPLAINED, moment, f"{kind}-6b1f", address=address)
    handled = handle(database, now, complaint, complaint)
    assert (handled.by_address, handled.unknown) == (2, 0)
    with database.read() as session:
        record = find(session, address, HASHES)
    assert record is not None
    assert record.reason is SuppressionReason.COMPLAINT
    assert set(suppressed(database).values()) == {None}


def test_C13_an_opened_letter_to_no_reader_is_a_dead_letter(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    opened = ProviderEvent(
        EventKind.OPENED, int(now.timestamp()), "confirm-6b1f", address="a@example.org"
    )
    assert handle(database, now, opened).unknown == 1


@pytest.mark.parametrize(
    ("kind", "cause", "reason"),
    [
        (EventKind.BOUNCED, "Invalid Address", "hard-bounce"),
        (EventKind.COMPLAINED, "", "complaint"),
        (EventKind.DROPPED, "Bounced Address", "hard-bounce"),
        (EventKind.DROPPED, "Invalid", "hard-bounce"),
        (EventKind.DROPPED, "Spam Reporting Address", "complaint"),
        (EventKind.DROPPED, "Unsubscribed Address", "provider"),
        (EventKind.DROPPED, "Spam Content", None),
        (EventKind.BLOCKED, "Reputation", None),
        (EventKind.DEFERRED, "", None),
    ],
)
def test_C14_only_an_event_about_the_address_itself_suppresses(
    database: Database,
    sent: EditionSend,
    now: datetime,
    kind: EventKind,
    cause: str,
    reason: str | None,
) -> None:
    handle(database, now, make_event(database, now, kind, cause=cause))
    assert suppressed(database)[first_reader(database).address] == reason


@pytest.mark.parametrize("kind", [EventKind.UNSUBSCRIBED, EventKind.RESIGNED])
def test_C14_leaving_by_the_providers_link_ends_the_subscription(
    database: Database, sent: EditionSend, now: datetime, kind: EventKind
) -> None:
    handle(database, now, make_event(database, now, kind))
    with database.read() as session:
        standings = [s.standing for s in session.exec(select(Subscription)).all()]
    assert standings.count(Standing.UNSUBSCRIBED) == 1


def test_C14_an_event_from_before_a_new_confirmation_suppresses_nothing(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    reader = first_reader(database)
    later = now + timedelta(days=1)
    with database.write() as session:
        session.add(
            Consent(
                subscriber_id=reader.id or 0, newsletter="weekly", act=ConsentAct.CONFIRMED,
                channel="page", at=later,
            )
        )  # fmt: skip
    handle(database, later, make_event(database, now, EventKind.BOUNCED))
    assert suppressed(database)[reader.address] is None


def test_C15_a_bounce_of_a_former_address_leaves_the_new_one_alone(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    old = first_reader(database).address
    with database.write() as session:
        moved = session.exec(select(Subscriber).order_by(col(Subscriber.id))).first()
        assert moved is not None
        moved.address = moved.address_key = "moved@example.org"
    handle(database, now, make_event(database, now, EventKind.BOUNCED, address=old))
    assert set(suppressed(database).values()) == {None}
    with database.read() as session:
        assert find(session, old, HASHES) is not None


def test_C15_an_address_of_somebody_else_is_not_touched(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    other = sorted(suppressed(database))[-1]
    handle(database, now, make_event(database, now, EventKind.BOUNCED, address=other))
    assert set(suppressed(database).values()) == {None}


def test_C15_a_complaint_goes_with_the_reader_whatever_the_address(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    event = make_event(database, now, EventKind.COMPLAINED, address="alias@example.net")
    handle(database, now, event)
    assert suppressed(database)[first_reader(database).address] == "complaint"


def test_C16_a_scanner_that_follows_every_link_changes_no_consent(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    with database.read() as session:
        before = session.exec(select(Consent)).all()
    clicks = [
        make_event(database, now, EventKind.CLICKED, url=f"https://e.example/{n}") for n in range(9)
    ]
    handle(database, now, *clicks)
    with database.read() as session:
        assert session.exec(select(Consent)).all() == before
        assert session.exec(select(Suppression)).all() == []
        subscriptions = session.exec(select(Subscription)).all()
    assert {row.standing for row in subscriptions} == {Standing.CONFIRMED}


def _decided_unsent(database: Database, now: datetime) -> ProviderEvent:
    event = make_event(database, now, EventKind.PROCESSED)
    with database.write() as session:
        batch = session.exec(select(Batch)).one()
        resolve(session, batch.key, DoubtResolution.UNSENT, by="Ada", why="no trace of it", now=now)
    return event


def test_C17_proof_against_a_decision_raises_the_alarm_with_the_number_of_doubles(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3)
    answers: Iterator[Answer] = iter([InDoubt(detail="no answer"), Accepted()])
    sending = make_sending(MemoryTransport(answer=lambda _: next(answers)))
    dispatch(sending)
    event = _decided_unsent(database, now)
    dispatch(sending)
    handle(database, now, event)
    with database.read() as session:
        decision = session.exec(select(Decision)).one()
        batch = session.exec(select(Batch)).one()
    assert (decision.contradicted, batch.state) == (3, BatchState.ACCEPTED)
    assert batch.attempt != event.attempt


def test_C17_proof_in_time_keeps_the_second_copy_from_leaving(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3)
    transport = MemoryTransport(answer=lambda _: InDoubt(detail="no answer"))
    sending = make_sending(transport)
    dispatch(sending)
    event = _decided_unsent(database, now)
    handle(database, now, event)
    counts = dispatch(sending)
    assert (counts.accepted, counts.pending) == (3, 0)
    with database.read() as session:
        assert session.exec(select(Decision)).one().contradicted == 0


def test_an_event_is_bound_to_the_batch_its_attempt_belongs_to(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(6)
    dispatch(make_sending())
    with database.read() as session:
        batches = session.exec(select(Batch).order_by(col(Batch.id))).all()
    event = ProviderEvent(
        EventKind.BOUNCED,
        int(now.timestamp()),
        str(batches[1].first_delivery),
        batches[0].attempt,
    )
    assert handle(database, now, event).unknown == 1


@pytest.mark.parametrize(
    ("mode", "rows"), [(Tracking.OFF, 0), (Tracking.ANONYMOUS, 1), (Tracking.READER, 1)]
)
def test_what_is_kept_of_an_opening_is_what_the_newsletter_says(
    database: Database, sent: EditionSend, now: datetime, mode: Tracking, rows: int
) -> None:
    with database.write() as session:
        session.exec(select(Edition)).one().tracking = mode
    opened = make_event(database, now, EventKind.OPENED)
    handle(database, now, opened, opened)
    handle(database, now, opened)
    with database.read() as session:
        kept = session.exec(select(MailEvent)).all()
    assert len(kept) == rows
    named = [row.delivery_id == int(opened.delivery or 0) for row in kept]
    assert named == [mode is Tracking.READER] * rows


def test_a_readers_own_part_of_a_link_is_not_kept(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    with database.write() as session:
        session.exec(select(Edition)).one().tracking = Tracking.READER
    for path in ("u/{}", "v/{}/lathe/ship"):
        url = "https://news.example.com/" + path.format("x" * 40)
        handle(database, now, make_event(database, now, EventKind.CLICKED, url=url))
    with database.read() as session:
        kept = session.connection().exec_driver_sql("SELECT url FROM event_link").scalars().all()
    assert sorted(kept) == [
        "https://news.example.com/u/…",
        "https://news.example.com/v/…/lathe/ship",
    ]


def test_what_a_mail_said_of_tracking_holds_whatever_the_newsletter_does_later(
    database: Database, sent: EditionSend, now: datetime
) -> None:
    with database.write() as session:
        session.exec(select(Edition)).one().tracking = Tracking.ANONYMOUS
        session.exec(select(Newsletter)).one().tracking = Tracking.READER
    handle(database, now, make_event(database, now, EventKind.CLICKED, url="https://e.org"))
    with database.read() as session:
        [kept] = session.exec(select(MailEvent)).all()
    assert kept.delivery_id < 0


def test_tracking_cannot_change_under_a_mail_that_says_otherwise(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(1)
    sending = make_sending()
    with database.write() as session:
        weekly = session.exec(select(Newsletter)).one()
        with pytest.raises(WrongState, match="issue 1 is prepared"):
            change_tracking(session, weekly, Tracking.READER)
    dispatch(sending)
    with database.write() as session:
        change_tracking(session, session.exec(select(Newsletter)).one(), Tracking.READER)
    with database.read() as session:
        assert session.exec(select(Newsletter)).one().tracking is Tracking.READER
