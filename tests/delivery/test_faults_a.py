"""Row A of the fault matrix, as far as no process has to die for it; see also tests/stories."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from digest.db import Database
from digest.delivery.dispatch import dispatch, recovered
from digest.delivery.send import Sending
from digest.mail.memory import MemoryTransport
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.test_dispatch import counted


def overtaken(sending: Sending, at: str, now: datetime) -> Sending:
    """Return it as a sender that freezes after a step, until its lease is over and it is robbed."""
    later = replace(sending, clock=lambda: now + timedelta(hours=1))
    done: list[str] = []

    def step(name: str) -> None:
        if name == at and not done:
            done.append(name)
            recovered(later, lambda _: None)

    return replace(sending, step=step)


def test_A13_a_sender_that_wakes_after_its_claim_was_taken_back_gives_up(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3)
    transport = MemoryTransport()
    sending = make_sending(transport)
    counts = dispatch(overtaken(sending, "claimed", now), concurrency=1)
    assert (counts.accepted, len(transport.accepted)) == (3, 1)


def test_A13_a_sender_that_wakes_after_its_start_was_taken_back_does_not_connect(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3)
    transport = MemoryTransport()
    sending = make_sending(transport)
    seen: list[int] = []
    frozen = overtaken(sending, "started", now)

    def step(name: str) -> None:
        frozen.step(name)
        seen.append(counted(database, sending.edition_id).in_doubt)

    counts = dispatch(replace(sending, step=step), concurrency=1)
    # It was in doubt; then its own sender said that nothing had left, and it went out once.
    assert 3 in seen
    assert (counts.accepted, counts.in_doubt, len(transport.accepted)) == (3, 0, 1)
