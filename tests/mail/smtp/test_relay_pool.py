"""Connections to a relay: kept while they are used, closed once they are idle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from digest.mail.smtp.relay_connection import CannotOpen, Deadline
from digest.mail.smtp.relay_pool import RelayPool
from digest.mail.smtp.relay_session import RelaySession
from tests.mail.smtp.relay import RunningRelay


@dataclass
class Connections:
    """Opens sessions with a relay, and remembers them; its time is what it is set to."""

    relay: RunningRelay
    opened: list[RelaySession] = field(default_factory=list)
    now: float = 0.0

    def open(self, deadline: Deadline) -> RelaySession:
        self.opened.append(RelaySession(self.relay.address(), deadline))
        return self.opened[-1]


@pytest.fixture
def connections(relay: RunningRelay) -> Iterator[Connections]:
    connections = Connections(relay)
    yield connections
    for session in connections.opened:
        session.close()


@pytest.fixture
def pool(connections: Connections) -> RelayPool:
    return RelayPool(connections.open, clock=lambda: connections.now)


def test_a_connection_that_is_idle_for_long_is_closed_and_another_kept(
    pool: RelayPool, connections: Connections
) -> None:
    with pool.session(Deadline(5)), pool.session(Deadline(5)):
        pass
    connections.now = 15.0
    with pool.session(Deadline(5)) as used:
        assert used in connections.opened[:2]
    connections.now = 25.0
    pool.close_idle()
    assert [session.is_usable for session in connections.opened] == [
        session is used for session in connections.opened
    ]


def test_two_requests_at_once_have_two_connections(
    pool: RelayPool, connections: Connections
) -> None:
    with pool.session(Deadline(5)) as one, pool.session(Deadline(5)) as two:
        assert one is not two
    with pool.session(Deadline(5)) as again:
        assert again in {one, two}
    assert len(connections.opened) == 2


def test_a_connection_whose_use_failed_is_closed(pool: RelayPool, connections: Connections) -> None:
    with pytest.raises(ValueError, match="of ours"), pool.session(Deadline(5)):
        raise ValueError("a fault of ours")
    assert not connections.opened[0].is_usable
    with pool.session(Deadline(5)) as fresh:
        assert fresh is connections.opened[1]


def test_a_request_without_time_left_certainly_sends_nothing(
    pool: RelayPool, connections: Connections
) -> None:
    with pool.session(Deadline(5)):
        pass
    with pytest.raises(CannotOpen), pool.session(Deadline(0)):
        pass
    assert not connections.opened[0].is_usable


def test_a_pool_that_is_gone_leaves_no_connection(connections: Connections) -> None:
    pool = RelayPool(connections.open)
    with pool.session(Deadline(5)):
        pass
    del pool
    assert not connections.opened[0].is_usable
