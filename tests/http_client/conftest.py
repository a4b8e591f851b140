from __future__ import annotations

from collections.abc import Iterator

import pytest

from digest.http_client import AddressRules, OutboundClient
from tests.http_client.hostile_server import HostileServer, hostile_server

AGENT = "digest-engine/0 (+https://news.example.com)"


@pytest.fixture(scope="package")
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


@pytest.fixture(scope="package")
def client() -> Iterator[OutboundClient]:
    with OutboundClient(user_agent=AGENT, rules=AddressRules.allowing("127.0.0.0/8")) as made:
        yield made
