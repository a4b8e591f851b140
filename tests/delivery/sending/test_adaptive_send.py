"""A send by several threads: how many requests are under way by how the provider answers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from digest.delivery.pace.adaptive_limit import FIRST
from digest.delivery.sending.dispatcher import dispatch
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, NotSent
from tests.delivery.conftest import MakeReaders, MakeSending


@dataclass
class Provider:
    """Gives the requests numbers, and knows how many were under way when each arrived."""

    says: Callable[[int], Answer]
    under_way: int = 0
    arrivals: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, _mailing: Mailing) -> Answer:
        with self.lock:
            self.under_way += 1
            self.arrivals.append(self.under_way)
            number = len(self.arrivals)
        said = self.says(number)
        with self.lock:
            self.under_way -= 1
        return said


def test_a_round_of_answers_lets_twice_as_many_requests_go(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    together = threading.Barrier(2 * FIRST)

    def says(number: int) -> Answer:
        if number > FIRST:
            together.wait(60)  # for long, if there were fewer
        return Accepted()

    provider = Provider(says)
    make_readers(FIRST + together.parties)
    sending = make_sending(MemoryTransport(answer=provider.answer), batch_size=1)
    assert dispatch(sending, concurrency=8).accepted == FIRST + together.parties
    assert max(provider.arrivals[:FIRST]) <= FIRST


def test_B08_after_an_answer_to_slow_down_half_as_many_are_under_way(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    together = threading.Barrier(FIRST)

    def says(number: int) -> Answer:
        if number > FIRST:
            return Accepted()
        together.wait(60)
        return NotSent(status=429, detail="slow down", wait=0.0, counts=False)

    provider = Provider(says)
    make_readers(6)
    sending = make_sending(MemoryTransport(answer=provider.answer), batch_size=1)
    assert dispatch(sending, concurrency=8).accepted == 6
    assert provider.arrivals[FIRST] == FIRST // 2


def test_B08_a_storm_of_answers_to_slow_down_loses_and_doubles_nobody(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    none_taken = range(20, 60)

    def says(number: int) -> Answer:
        if number in none_taken or number % 10 in {1, 2, 7}:
            return NotSent(status=429, detail="slow down", wait=0.0, counts=False)
        return Accepted()

    transport = MemoryTransport(answer=Provider(says).answer)
    make_readers(60)
    counts = dispatch(make_sending(transport, batch_size=2), concurrency=8)
    assert (counts.accepted, counts.pending, counts.in_doubt) == (60, 0, 0)
    assert sorted(Counter(transport.addresses()).values()) == [1] * 60
