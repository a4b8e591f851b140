"""Fixtures for the fake SendGrid: a running server, and bodies to send to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from digest.fake_sendgrid import RunningFake, running_fake
from tests.fake_sendgrid.webhook_receiver import Webhook, running_webhook


@pytest.fixture(scope="module")
def shared_fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFake]:
    """One fake for all the tests of a module: for those that send nothing."""
    with running_fake(
        tmp_path_factory.mktemp("fake"), hold_events=True, may_kill=True, shares={"all": 0.0}
    ) as fake:
        yield fake


@pytest.fixture
def fake(shared_fake: RunningFake) -> RunningFake:
    """The fake SendGrid, reset."""
    shared_fake.reset()
    return shared_fake


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A webhook that keeps what it is posted."""
    with running_webhook() as webhook:
        yield webhook
