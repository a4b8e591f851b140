"""Fixtures of SMTP: a relay in a process of its own, shared by the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.mail.smtp.relay import RunningRelay, running_relay


@pytest.fixture(scope="module")
def shared_relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRelay]:
    with running_relay(tmp_path_factory.mktemp("relay") / "mails") as relay:
        yield relay


@pytest.fixture
def relay(shared_relay: RunningRelay) -> RunningRelay:
    shared_relay.reset()
    return shared_relay
