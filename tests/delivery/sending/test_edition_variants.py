"""Variants of an edition: each reader gets one mail, the one of their seat, whatever happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pytest
from sqlmodel import col, select

from digest.db import Database
from digest.delivery.counts import count_deliveries
from digest.delivery.models import Batch, BatchState, Delivery
from digest.delivery.sending import control
from digest.delivery.sending.batch_worker import EditionSend, settle_and_claim
from digest.delivery.sending.dispatcher import dispatch
from digest.delivery.sending.recovery import recover
from digest.delivery.sending.rollout import start_rollout
from digest.issues.models import Issue
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, Refused
from subscribers.models import Subscriber
from tests.delivery.conftest import MakeReaders, MakeSending

SEATS = (1, 2, 4)


@pytest.fixture
def transport() -> MemoryTransport:
    return MemoryTransport()


def varied(sending: EditionSend) -> EditionSend:
    """Return what sends an edition with a variant for each of `SEATS`."""
    variants = {
        seat: replace(sending.content, html=f"<p>{seat}</p>", text=str(seat)) for seat in SEATS
    }
    return replace(sending, variants=variants)


def got(database: Database, transport: MemoryTransport) -> dict[int, list[tuple[str, str]]]:
    """Return what each subscriber got: the HTML and the text of every mail."""
    with database.read() as session:
        ids = dict(session.exec(select(Subscriber.address, Subscriber.id)).all())
    mails: dict[int, list[tuple[str, str]]] = {}
    for mailing in transport.accepted:
        for reader in mailing.recipients:
            words = (mailing.content.html, mailing.content.text)
            mails.setdefault(ids[reader.address] or 0, []).append(words)
    return mails


def expected(readers: list[int], seats: Mapping[int, int]) -> dict[int, list[tuple[str, str]]]:
    as_it_is = [("<p>H</p>", "T")]
    return {
        reader: [(f"<p>{seats[reader]}</p>", str(seats[reader]))] if reader in seats else as_it_is
        for reader in readers
    }


def chosen(readers: list[int]) -> dict[int, int]:
    """Give a seat to two readers of three, in no order."""
    return {reader: SEATS[n % 3] for n, reader in enumerate(readers) if n % 3 or n % 2}


def batches(database: Database) -> list[Batch]:
    with database.read() as session:
        return list(session.exec(select(Batch).order_by(col(Batch.number), col(Batch.id))).all())


def test_every_reader_gets_exactly_one_mail_and_it_is_theirs(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    transport: MemoryTransport,
) -> None:
    readers = make_readers(40)
    seats = chosen(readers)
    strangers = {10_000: 2}
    counts = dispatch(varied(make_sending(transport, seats={**seats, **strangers})), concurrency=1)
    assert counts.balances
    assert got(database, transport) == expected(readers, seats)
    with database.read() as session:
        ids = session.exec(select(Delivery.id).order_by(col(Delivery.id))).all()
    covered = sorted(
        number
        for batch in batches(database)
        for number in range(batch.first_delivery, batch.last_delivery + 1)
    )
    assert covered == list(ids)
    assert {batch.seat for batch in batches(database)} == {0, *SEATS}


def test_without_a_seat_the_batches_are_what_they_always_were(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    readers = make_readers(7)
    make_sending()
    assert [(batch.seat, batch.size) for batch in batches(database)] == [(0, 3), (0, 3), (0, 1)]
    with database.read() as session:
        rows = session.exec(select(Delivery.subscriber_id).order_by(col(Delivery.id))).all()
    assert rows == readers


def test_a_seat_without_a_variant_gets_the_edition_as_it_is(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    transport: MemoryTransport,
) -> None:
    readers = make_readers(4)
    dispatch(varied(make_sending(transport, seats={readers[1]: 3, readers[2]: 2})), concurrency=1)
    assert got(database, transport) == expected(readers, {readers[2]: 2})


def test_the_first_wave_is_as_large_as_asked_whatever_mail_they_get(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    transport: MemoryTransport,
    now: datetime,
) -> None:
    left = make_readers(2, suppressed="manual")
    readers = make_readers(20)
    seats = chosen([*left, *readers])
    sending = varied(make_sending(transport, batch_size=4, first_wave=7, seats=seats))
    with database.write() as session:
        start_rollout(session, sending.edition_id, readers=7, wait_seconds=600)
    dispatch(sending, concurrency=1, longest_wait=0.0)
    first = got(database, transport)
    assert (len(first), first) == (
        7,
        {reader: expected(readers, seats)[reader] for reader in first},
    )
    with database.write() as session:
        control.resume(session, session.exec(select(Issue)).one(), now, past_first_wave=True)
    dispatch(sending, concurrency=1)
    assert got(database, transport) == expected(readers, seats)


def test_a_first_wave_of_more_readers_than_there_are_is_all_of_them(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    readers = make_readers(5)
    make_sending(first_wave=9, batch_size=9, seats={readers[0]: 2})
    assert [(batch.seat, batch.size) for batch in batches(database)] == [(0, 4), (2, 1)]


def test_the_parts_of_a_split_batch_keep_its_seat(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    transport: MemoryTransport,
) -> None:
    readers = make_readers(24)
    seats = dict.fromkeys(readers[::2], 4)
    bad = {"confirmed-free-2@example.org", "confirmed-free-3@example.org"}

    def answer(mailing: Mailing) -> Answer:
        if bad & {reader.address for reader in mailing.recipients}:
            return Refused(status=400, detail="the provider gave no reason")
        return Accepted()

    transport.answer = answer
    sending = varied(make_sending(transport, batch_size=12, seats=seats))
    policy = replace(sending.retry_policy, first_wait=0.0)
    dispatch(replace(sending, retry_policy=policy), concurrency=1)
    kept = [reader for n, reader in enumerate(readers) if n not in {2, 3}]
    assert got(database, transport) == expected(kept, seats)
    parts = [batch for batch in batches(database) if batch.state is not BatchState.SPLIT]
    assert Counter(batch.root for batch in parts).most_common(1)[0][1] > 1
    assert {batch.seat for batch in parts} == {0, 4}


def test_who_was_refused_is_offered_the_mail_of_their_seat_again(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    transport: MemoryTransport,
) -> None:
    readers = make_readers(9)
    seats = {readers[1]: 2, readers[4]: 4, readers[8]: 2}
    transport.answer = lambda mailing: Refused(
        status=400, detail="bad", recipients=dict.fromkeys(range(len(mailing.recipients)), "bad")
    )
    sending = varied(make_sending(transport, batch_size=3, seats=seats))
    dispatch(sending, concurrency=1)
    transport.answer = lambda _: Accepted()
    with database.write() as session:
        issue = session.exec(select(Issue)).one()
        assert control.requeue_refused(session, issue, 3) == len(readers)
    counts = dispatch(sending, concurrency=1)
    assert counts.balances
    assert got(database, transport) == expected(readers, seats)
    with database.read() as session:
        assert count_deliveries(session, sending.edition_id).accepted == len(readers)


def test_a_batch_that_was_not_sent_comes_back_with_its_seat(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    transport: MemoryTransport,
    now: datetime,
) -> None:
    readers = make_readers(3)
    sending = varied(make_sending(transport, seats=dict.fromkeys(readers, 2)))
    _, claimed = settle_and_claim(sending, None, more=True)
    assert claimed is not None
    assert claimed.seat == 2
    with database.write() as session:
        recover(session, edition_id=sending.edition_id, now=now, alive=lambda _: False)
    dispatch(sending, concurrency=1)
    assert got(database, transport) == expected(readers, dict.fromkeys(readers, 2))
