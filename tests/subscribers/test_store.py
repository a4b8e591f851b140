"""The store of readers: identity, exclusions, pauses and deletion."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from subscribers import consent, store
from subscribers.address.syntax import parse
from subscribers.audience import audience
from subscribers.models import (
    JOINED,
    AddressChange,
    ConsentNetwork,
    RecordedSignup,
    Standing,
    Subscriber,
)
from tests.subscribers.conftest import NEWSLETTER, MakeReader


def exclusions(session: Session, now: datetime) -> list[str | None]:
    return [row.exclusion for row in session.execute(audience(NEWSLETTER, now))]


def test_no_address_is_in_what_a_value_shows(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    make_reader(session, "secret@example.com")
    kept: dict[str, Any] = dict.fromkeys(("address", "address_key"), "secret@example.com")
    values = [
        store.find(session, "secret@example.com"),
        Subscriber(created_at=now, **kept),
        AddressChange(subscriber_id=1, former="secret@example.com", asked_at=now, **kept),
        RecordedSignup(
            newsletter="weekly", form="page", wording="", language="en", seen_from="192.0.2.7",
            at=now, **kept,
        ),
        ConsentNetwork(subscriber_id=1, newsletter="weekly", at=now, network="192.0.2.7"),
    ]  # fmt: skip
    shown = repr(values)
    assert "secret" not in shown
    assert "192.0.2.7" not in shown


def test_a_confirmed_reader_may_be_mailed(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(session, "Reader@example.com")
    rows = session.execute(audience(NEWSLETTER, now)).all()
    assert [tuple(row) for row in rows] == [
        (reader, "Reader@example.com", Standing.CONFIRMED, None)
    ]


@pytest.mark.parametrize(
    ("standing", "exclusion"),
    [
        (Standing.PENDING, "pending"),
        (Standing.UNSUBSCRIBED, "unsubscribed"),
    ],
)
def test_who_is_not_confirmed_is_excluded_in_a_word(
    session: Session, make_reader: MakeReader, now: datetime, standing: Standing, exclusion: str
) -> None:
    make_reader(session, standing=standing)
    assert exclusions(session, now) == [exclusion]


def test_a_suppressed_reader_is_excluded_with_the_reason(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    make_reader(session)
    store.mark_suppressed(session, ["reader@example.com"], "complaint")
    assert exclusions(session, now) == ["suppressed: complaint"]


def test_a_pause_ends_by_itself(session: Session, make_reader: MakeReader, now: datetime) -> None:
    reader = make_reader(session)
    until = now + timedelta(days=7)
    store.move(
        session,
        reader,
        NEWSLETTER,
        Standing.PAUSED,
        now,
        among=[Standing.CONFIRMED],
        paused_until=until,
    )
    assert exclusions(session, now) == ["paused"]
    assert exclusions(session, until) == [None]


def test_G05_one_mailbox_is_one_reader_however_it_is_written(
    session: Session, now: datetime
) -> None:
    spellings = ["Reader@münchen.de", "reader@MÜNCHEN.de", "reader@xn--mnchen-3ya.de"]
    numbers = {store.add(session, parse(spelling), now) for spelling in spellings}
    assert len(numbers) == 1


def test_the_first_spelling_is_the_one_mail_goes_to(session: Session, now: datetime) -> None:
    number = store.add(session, parse("Reader@Example.com"), now)
    store.add(session, parse("reader@example.com"), now)
    reader = store.find_by_id(session, number)
    assert reader is not None
    assert reader.address == "Reader@Example.com"


def test_a_subscriber_id_is_never_given_again(session: Session, make_reader: MakeReader) -> None:
    first = make_reader(session, "first@example.com")
    store.delete_reader(session, first)
    assert make_reader(session, "second@example.com") > first


def test_deleting_a_reader_deletes_the_subscriptions_and_keeps_the_consent_entries(
    session: Session, make_reader: MakeReader
) -> None:
    reader = make_reader(session)
    store.delete_reader(session, reader)
    assert store.all_standings(session, reader) == []
    assert len(consent.entries(session, reader)) == 2


def test_a_wording_is_kept_once_however_often_it_is_agreed_to(
    session: Session, make_reader: MakeReader
) -> None:
    first = make_reader(session, "first@example.com")
    make_reader(session, "second@example.com")
    assert session.execute(text("SELECT count(*) FROM wording")).scalar_one() == 1
    assert consent.entries(session, first)[0]["wording"] == "Send me the weekly mail."


def test_a_choice_of_everything_is_kept_as_nothing(
    session: Session, make_reader: MakeReader
) -> None:
    reader = make_reader(session)
    for topics in (["Audio"], None):
        assert store.set_topics(session, reader, NEWSLETTER, topics, among=JOINED)
    nothing = text("SELECT count(*) FROM subscription WHERE topics IS NULL")
    assert session.execute(nothing).scalar_one() == 1
