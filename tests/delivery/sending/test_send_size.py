"""Requests of the largest size the provider allows (fault matrix, S02)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from digest.db import Database
from digest.delivery.sending.dispatcher import dispatch
from digest.fake_sendgrid import RunningFake, running_fake
from digest.mail.mailing import Recipient
from digest.mail.sendgrid.sendgrid_transport import SendGrid
from tests.delivery.conftest import MakeReaders, MakeSending

LARGEST = 9_900  # of the 10,000 bytes a personalization's parts may have


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture(params=[30_000_000, 2_000_000], ids=["the provider's cap", "a smaller cap"])
def fake(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[RunningFake]:
    with running_fake(
        tmp_path_factory.mktemp("fake"), hold_events=True, body_cap=request.param
    ) as fake:
        yield fake


def heavy(readers: Sequence[Sequence[Any]]) -> list[Recipient]:
    parts = {"-digest_unsubscribe_token-": "x" * LARGEST}
    return [Recipient(str(delivery), address, parts, {}) for delivery, _, address, *_ in readers]


def test_S02_a_thousand_readers_with_the_largest_parts_are_mailed_once(
    fake: RunningFake, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(1000)
    transport = SendGrid(api_key="any-key", url=fake.url, seconds=60)
    sending = replace(make_sending(transport, batch_size=1000), recipients=heavy)
    counts = dispatch(sending, concurrency=1)
    took = fake.counts()
    assert (counts.accepted, counts.refused, counts.parked) == (1000, 0, 0)
    assert (took["addresses"], took["duplicates"]) == (1000, 0)
