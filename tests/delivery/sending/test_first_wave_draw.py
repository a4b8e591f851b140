"""Who is in the first wave: as many as asked, drawn at random from those who may be mailed."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlmodel import col, select

from digest.db import Database
from digest.delivery.counts import count_deliveries
from digest.delivery.models import Batch, Delivery
from subscribers.models import Standing, Subscriber
from tests.delivery.conftest import MakeReaders, MakeSending


def the_wave(database: Database) -> list[int]:
    """Return the subscribers in the first batch, in the order of the deliveries."""
    with database.read() as session:
        first = session.exec(select(Batch).where(Batch.number == 1)).one()
        rows = session.exec(
            select(Delivery.subscriber_id)
            .where(col(Delivery.id).between(first.first_delivery, first.last_delivery))
            .order_by(col(Delivery.id))
        )
        return list(rows.all())


@pytest.mark.parametrize("strangers", [0, 900], ids=["dense", "sparse"])
def test_the_wave_is_drawn_from_the_whole_list_and_not_from_its_oldest_part(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, strangers: int
) -> None:
    oldest = make_readers(200)
    make_readers(3, suppressed="complaint")
    make_readers(strangers * 3, standing=Standing.UNSUBSCRIBED)
    newest = make_readers(200, domain="example.net")
    sending = make_sending(batch_size=1000, first_wave=40)
    wave = the_wave(database)
    assert len(wave) == 40
    assert set(wave) <= {*oldest, *newest}
    assert len(set(wave) & set(oldest)) in range(11, 30)
    with database.read() as session:
        counts = count_deliveries(session, sending.edition_id)
        batches = session.exec(select(Batch).order_by(col(Batch.number))).all()
    assert (counts.candidates, counts.excluded, counts.balances) == (403, 3, True)
    assert [batch.size for batch in batches] == [40, 360]


def test_mailbox_providers_are_in_the_wave_as_they_are_in_the_list(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    for number, domain in ((240, "gmail.com"), (120, "outlook.com"), (40, "example.org")):
        make_readers(number, domain=domain)
    make_sending(batch_size=1000, first_wave=100)
    with database.read() as session:
        addresses = session.exec(
            select(Subscriber.address).where(col(Subscriber.id).in_(the_wave(database)))
        )
        domains = Counter(address.partition("@")[2] for address in addresses)
    assert domains["gmail.com"] in range(48, 72)
    assert domains["outlook.com"] in range(19, 42)
    assert domains["example.org"] in range(3, 18)


#: Drawn for edition 1 from subscribers 1 to 30: the same on each database, and in each run.
DRAWN = [5, 9, 13, 16, 23]


def test_an_edition_s_draw_is_the_same_on_every_database(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    first = make_readers(30)[0]
    assert make_sending(batch_size=1000, first_wave=5).edition_id == 1
    assert [number - first + 1 for number in the_wave(database)] == DRAWN
