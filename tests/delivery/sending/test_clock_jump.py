"""Clock jumps while batches wait for their retry (fault matrix, E03)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from digest.delivery.sending.batch_worker import send_batch, settle_and_claim
from digest.delivery.sending.dispatcher import dispatch
from digest.delivery.sending.worker_processes import StopSignal
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, NotSent
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.fake_sleep import InstantWaits

JUMPS = [timedelta(hours=1), timedelta(days=8), timedelta(days=-1), timedelta(minutes=-5)]


@pytest.mark.parametrize("jump", JUMPS, ids=["+1 h", "+8 days", "-1 day", "-5 min"])
def test_E03_a_batch_that_waits_goes_out_soon_although_the_clock_jumps(
    make_readers: MakeReaders, make_sending: MakeSending, now: datetime, jump: timedelta
) -> None:
    make_readers(3)
    jumped: list[timedelta] = []

    def unreachable_once(mailing: Mailing) -> Answer:
        if jumped:
            return Accepted()
        jumped.append(jump)
        return NotSent(detail="no connection", wait=600.0)

    transport = MemoryTransport(answer=unreachable_once)
    stop_event = InstantWaits()

    def clock() -> datetime:
        return now + sum(jumped, timedelta(0)) + timedelta(seconds=sum(stop_event.waits))

    sending = replace(make_sending(transport), clock=clock)
    counts = dispatch(sending, concurrency=1, stop_signal=StopSignal(stopping=stop_event))
    assert counts.accepted == 3
    assert sum(stop_event.waits) <= 1200


@pytest.mark.parametrize(("back", "left"), [(timedelta(days=2), 0), (timedelta(minutes=1), 3)])
def test_E03_a_clock_set_back_prolongs_no_lease(
    make_readers: MakeReaders, make_sending: MakeSending, now: datetime, back: timedelta, left: int
) -> None:
    make_readers(3)
    sending = make_sending()
    _, claim = settle_and_claim(sending, None, more=True)
    assert claim is not None
    send_batch(sending, claim)
    counts = dispatch(
        replace(sending, clock=lambda: now - back), concurrency=1, is_alive=lambda _: None
    )
    assert (counts.in_doubt, counts.under_way) == (3, left)
