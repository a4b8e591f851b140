"""Rows E of the fault matrix that a send can meet: the clock jumps while batches wait (E03)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from digest.delivery.brake import Brake
from digest.delivery.dispatch import dispatch
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, NotSent
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.naps import Naps

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
    naps = Naps()

    def clock() -> datetime:
        return now + sum(jumped, timedelta(0)) + timedelta(seconds=sum(naps.waits))

    sending = replace(make_sending(transport), clock=clock)
    counts = dispatch(sending, concurrency=1, brake=Brake(stopping=naps))
    assert counts.accepted == 3
    assert sum(naps.waits) <= 1200
