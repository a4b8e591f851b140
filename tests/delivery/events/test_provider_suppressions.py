"""Provider suppressions: lifted once a reader has confirmed again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from digest.db import Database
from digest.delivery.events.provider_suppressions import lift_provider_blocks
from digest.delivery.models import ProviderBlock
from digest.fake_sendgrid.subprocess_server import running_fake
from digest.mail.sendgrid.suppressions import SendGridSuppressions
from subscribers.models import Consent, ConsentAct, Subscriber
from subscribers.tokens import Hashes
from tests.delivery.conftest import SECRET, MakeReaders

HASHES = Hashes([SECRET])


@dataclass
class Provider:
    willing: bool = True
    asked: list[str] = field(default_factory=list)

    def remove(self, address: str) -> bool:
        self.asked.append(address)
        return self.willing


@pytest.fixture
def reader(database: Database, make_readers: MakeReaders, now: datetime) -> Subscriber:
    """A reader the provider has refused to mail since a day ago."""
    [number] = make_readers(1)
    with database.write() as session:
        row = session.get_one(Subscriber, number)
        at = int((now - timedelta(days=1)).timestamp())
        session.add(ProviderBlock(address_hash=HASHES.first(row.address_key), at=at))
        return row


def confirm(database: Database, reader: Subscriber, at: datetime) -> None:
    with database.write() as session:
        session.add(
            Consent(
                subscriber_id=reader.id or 0, newsletter="weekly", act=ConsentAct.CONFIRMED,
                channel="page", at=at,
            )
        )  # fmt: skip


def test_a_readers_new_confirmation_lifts_the_providers_block_once(
    database: Database, reader: Subscriber, now: datetime
) -> None:
    confirm(database, reader, now)
    provider = Provider()
    assert [lift_provider_blocks(database, provider, HASHES) for _ in range(2)] == [1, 0]
    assert provider.asked == [reader.address]
    with database.read() as session:
        assert session.exec(select(ProviderBlock)).all() == []


def test_a_confirmation_from_before_the_block_lifts_nothing(
    database: Database, reader: Subscriber, now: datetime
) -> None:
    confirm(database, reader, now - timedelta(days=2))
    provider = Provider()
    assert lift_provider_blocks(database, provider, HASHES) == 0
    assert provider.asked == []


def test_a_reader_we_may_not_mail_ourselves_stays_blocked(
    database: Database, reader: Subscriber, now: datetime
) -> None:
    confirm(database, reader, now)
    with database.write() as session:
        session.get_one(Subscriber, reader.id).suppressed = "complaint"
    assert lift_provider_blocks(database, Provider(), HASHES) == 0


def test_what_the_provider_cannot_do_now_is_asked_again(
    database: Database, reader: Subscriber, now: datetime
) -> None:
    confirm(database, reader, now)
    assert lift_provider_blocks(database, Provider(willing=False), HASHES) == 0
    assert lift_provider_blocks(database, Provider(), HASHES) == 1


def test_sendgrid_takes_an_address_off_its_lists(tmp_path: Path) -> None:
    mail = {
        "personalizations": [{"to": [{"email": "bounce+ann@example.org"}]}],
        "from": {"email": "us@example.com"},
        "subject": "S",
        "content": [{"type": "text/plain", "value": "T"}],
    }
    with running_fake(tmp_path, hold_events=True, events_to="http://127.0.0.1:9/none") as fake:
        fake.send(mail)
        fake.flush_events()
        before = fake.ask("GET", "/v3/suppression/bounces", headers={"Authorization": "Bearer k"})
        provider = SendGridSuppressions(api_key="k", url=fake.url, seconds=5)
        assert provider.remove("bounce+ann@example.org")
        after = fake.ask("GET", "/v3/suppression/bounces", headers={"Authorization": "Bearer k"})
    assert b"bounce+ann@example.org" in before.body
    assert after.body == b"[]"


def test_a_sendgrid_that_cannot_be_reached_is_asked_again_later() -> None:
    provider = SendGridSuppressions(api_key="secret-key", url="http://127.0.0.1:9", seconds=1)
    assert not provider.remove("ann@example.org")
    assert "secret-key" not in repr(provider)
