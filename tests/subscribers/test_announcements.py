"""Announcements: which endpoints get a message of what, in the transaction of what happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from digest.db import Database
from subscribers import lifecycle
from subscribers.announcements import Announcement, announce, announce_all, announce_once
from subscribers.announcements.models import (
    AnnouncementKind,
    EndpointState,
    WebhookEndpoint,
    WebhookKind,
    WebhookMessage,
)
from subscribers.models import Standing
from subscribers.store import Evidence
from subscribers.tokens import DatedTarget, Hashes, LetterCause
from tests.subscribers.conftest import NEWSLETTER, MakeReader

CONFIRMED, LEFT = AnnouncementKind.SUBSCRIBER_CONFIRMED, AnnouncementKind.SUBSCRIBER_LEFT
PUBLISHED = AnnouncementKind.COMPARISON_PUBLISHED
PAGE = Evidence(channel="page")
MakeEndpoint = Callable[..., int]


@pytest.fixture
def make_endpoint(now: datetime) -> MakeEndpoint:
    """Return a function that adds an endpoint for some kinds, by default of all newsletters."""

    def make(session: Session, *kinds: AnnouncementKind, newsletter: str = "") -> int:
        row = WebhookEndpoint(
            url="https://hooks.example/in",
            newsletter=newsletter,
            state=EndpointState.ACTIVE,
            nonce="0" * 32,
            added_at=now,
        )
        session.add(row)
        session.flush()
        session.add_all([WebhookKind(kind=kind, webhook_id=row.id or 0) for kind in kinds])
        session.flush()
        return row.id or 0

    return make


def told(session: Session) -> list[tuple[int, AnnouncementKind, str]]:
    rows = session.execute(
        select(
            col(WebhookMessage.webhook_id), col(WebhookMessage.kind), col(WebhookMessage.subject)
        ).order_by(col(WebhookMessage.id))
    )
    return [(webhook, kind, subject) for webhook, kind, subject in rows]


def facts(session: Session) -> list[dict[str, object]]:
    rows = session.execute(select(col(WebhookMessage.data)).order_by(col(WebhookMessage.id)))
    return [json.loads(data) for data in rows.scalars()]


def leave_and_fail(database: Database, reader: int, now: datetime) -> None:
    with database.write() as session:
        lifecycle.leave(session, reader, NEWSLETTER, PAGE, now)
        _ = 1 / (1 - len(told(session)))


def confirm(session: Session, reader: int, hashes: Hashes, now: datetime) -> None:
    lifecycle.confirm(session, DatedTarget(reader, NEWSLETTER, now), PAGE, hashes, now)


def test_only_endpoints_that_asked_for_this_kind_are_told(
    session: Session, make_endpoint: MakeEndpoint, now: datetime
) -> None:
    asked = make_endpoint(session, LEFT, CONFIRMED)
    make_endpoint(session, PUBLISHED)
    assert announce(session, LEFT, "subscriber/1", {"subscriber": 1}, now) == 1
    assert told(session) == [(asked, LEFT, "subscriber/1")]


def test_many_announcements_are_told_to_each_endpoint_in_their_order(
    session: Session, make_endpoint: MakeEndpoint, now: datetime
) -> None:
    first, second = (make_endpoint(session, LEFT) for _ in range(2))
    many = [Announcement(f"subscriber/{n}", {"subscriber": n}) for n in range(3)]
    assert announce_all(session, LEFT, many, now) == 6
    for endpoint in (first, second):
        mine = [subject for webhook, _, subject in told(session) if webhook == endpoint]
        assert mine == ["subscriber/0", "subscriber/1", "subscriber/2"]


def test_an_endpoint_of_one_newsletter_is_told_of_no_other(
    session: Session, make_endpoint: MakeEndpoint, make_reader: MakeReader, now: datetime
) -> None:
    here, there = (make_endpoint(session, LEFT, newsletter=slug) for slug in (NEWSLETTER, "daily"))
    announce(session, LEFT, "subscriber/1", {}, now, newsletter=NEWSLETTER)
    announce(session, LEFT, "nothing", {}, now)
    reader = make_reader(session)
    announce(session, LEFT, "an address", {}, now, subscriber_id=reader)
    mine = [subject for webhook, _, subject in told(session) if webhook == here]
    others = [subject for webhook, _, subject in told(session) if webhook == there]
    assert mine == ["subscriber/1", "nothing", "an address"]
    assert others == ["nothing"]


def test_what_is_announced_once_is_told_once_and_not_to_who_comes_later(
    session: Session, make_endpoint: MakeEndpoint, now: datetime
) -> None:
    both = [Announcement("comparison/a", {}), Announcement("comparison/b", {})]
    assert announce_once(session, PUBLISHED, both[:1], now) == 1
    late = make_endpoint(session, PUBLISHED)
    assert announce_once(session, PUBLISHED, both, now) == 1
    assert told(session) == [(late, PUBLISHED, "comparison/b")]


def test_what_is_rolled_back_is_told_to_nobody(
    database: Database, make_endpoint: MakeEndpoint, make_reader: MakeReader, now: datetime
) -> None:
    with database.write() as session:
        make_endpoint(session, LEFT)
        reader = make_reader(session)
    with pytest.raises(ZeroDivisionError):
        leave_and_fail(database, reader, now)
    with database.read() as session:
        assert told(session) == []


def test_a_reader_who_confirms_leaves_and_comes_back_is_told_of_each_time(
    session: Session,
    make_endpoint: MakeEndpoint,
    make_reader: MakeReader,
    hashes: Hashes,
    now: datetime,
) -> None:
    make_endpoint(session, CONFIRMED, LEFT)
    reader = make_reader(session, standing=Standing.PENDING)
    for _ in range(2):  # the second time changes nothing
        confirm(session, reader, hashes, now)
    for _ in range(2):
        lifecycle.leave(session, reader, NEWSLETTER, PAGE, now)
    lifecycle.come_back(session, DatedTarget(reader, NEWSLETTER, now), PAGE, hashes, now)
    assert [kind for _, kind, _ in told(session)] == [CONFIRMED, LEFT, CONFIRMED]
    first, _, back = facts(session)
    assert first == {"subscriber": reader, "newsletter": NEWSLETTER, "channel": "page"}
    assert back == {**first, "returned": True}


def test_who_never_confirmed_does_not_leave(
    session: Session, make_endpoint: MakeEndpoint, make_reader: MakeReader, now: datetime
) -> None:
    make_endpoint(session, LEFT)
    reader = make_reader(session, standing=Standing.PENDING)
    lifecycle.decline(session, LetterCause("0" * 32, NEWSLETTER, reader), PAGE, now)
    assert told(session) == []


def test_an_erased_reader_has_left_each_newsletter_and_no_message_holds_the_address(
    session: Session,
    make_endpoint: MakeEndpoint,
    make_reader: MakeReader,
    hashes: Hashes,
    now: datetime,
) -> None:
    make_endpoint(session, CONFIRMED, LEFT)
    reader = make_reader(session, standing=Standing.PENDING)
    confirm(session, reader, hashes, now)
    lifecycle.erase(session, reader, PAGE, hashes, now + timedelta(days=1))
    assert [kind for _, kind, _ in told(session)] == [CONFIRMED, LEFT]
    assert facts(session)[1]["erased"] is True
    assert "example.com" not in json.dumps(facts(session))
