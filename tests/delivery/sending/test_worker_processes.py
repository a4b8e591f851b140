"""Worker processes: their shares of a send, one that hangs, and one that gives up."""

from __future__ import annotations

import gc
import itertools
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from digest.delivery.sending.dispatcher import dispatch, requests_per_process
from digest.delivery.sending.settlement import Settlement
from digest.delivery.sending.worker_processes import (
    StopSignal,
    WorkerProcesses,
    usable_cores,
    worker_pool,
)
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, NotSent
from tests.delivery.conftest import MakeReaders, MakeSending

THREADS = 3


@dataclass
class HangingWorkers(WorkerProcesses):
    """Worker processes that hang and report nothing."""

    killed: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)

    def follow(self, on_settlement: Callable[[Settlement], None]) -> None:
        self.followers = [threading.Thread(target=self.killed.wait, daemon=True)]
        self.followers[0].start()

    def stop(self) -> None:
        self.stopped.set()

    def kill(self) -> None:
        self.killed.set()


def test_a_helper_frozen_for_longer_than_a_lease_is_ended(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(6)
    workers = HangingWorkers()
    counts = dispatch(replace(make_sending(), lease=0.2), workers=workers)
    assert (counts.accepted, workers.killed.is_set(), workers.stopped.is_set()) == (6, True, False)


def test_a_frozen_helper_keeps_nobody_longer_than_the_grace(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(6)
    workers, stop_signal = HangingWorkers(), StopSignal(grace=0.2)
    stop_signal.stop()
    counts = dispatch(make_sending(), workers=workers, stop_signal=stop_signal)
    workers.killed.set()
    assert (counts.pending, workers.stopped.is_set()) == (6, True)


@pytest.mark.parametrize(("all_of_them", "processes"), [(2, 2), (3, 2), (5, 2), (7, 4), (64, 8)])
def test_all_processes_together_have_no_more_under_way_than_was_set(
    all_of_them: int, processes: int
) -> None:
    of_a_helper = requests_per_process(all_of_them, processes - 1)
    assert of_a_helper >= 1
    assert all_of_them - of_a_helper * (processes - 1) >= 1


def test_B08_while_the_provider_asks_for_rest_no_thread_claims_anything(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(60)
    rested: list[tuple[int, int]] = []
    met: list[str] = []
    waits, first = itertools.count(1), list[int]()

    class EndingEvent(threading.Event):
        """Lets the provider's pause end at the twentieth wait in it."""

        def wait(self, timeout: float | None = None) -> bool:
            number = next(waits) if met else 0
            if number == 1:
                first.append(len(met))
            super().wait(None if timeout is None else min(timeout, 0.02))
            if number == 20:
                rested.append((first[0], len(met)))
            return self.is_set()

    def answer(mailing: Mailing) -> Answer:
        met.append(mailing.attempt)
        slow_down = NotSent(detail="slow down", wait=6.0, counts=False)
        return slow_down if len(met) == 1 else Accepted()

    sending = make_sending(MemoryTransport(answer=answer), batch_size=1)
    begin, hour = sending.clock(), timedelta(hours=1)
    late = replace(sending, clock=lambda: begin + hour * len(rested))
    counts = dispatch(late, concurrency=THREADS, stop_signal=StopSignal(stopping=EndingEvent()))
    [(before, after)] = rested
    # What was under way when it asked may still arrive.
    assert after - before < THREADS
    assert counts.accepted == 60


def test_no_search_for_garbage_after_a_send_looks_at_what_was_imported(
    make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(6)
    sending, stop_signal = make_sending(), StopSignal()
    gc.freeze()  # as a command does once its modules are there
    try:
        imported = gc.get_freeze_count()
        with worker_pool(
            sending,
            0,
            work=lambda *_: None,
            stop_signal=stop_signal,
            close_store=lambda: None,
        ) as workers:
            dispatch(sending, workers=workers)
        assert gc.get_freeze_count() > imported / 2
    finally:
        gc.unfreeze()


GIVES_UP = """
from dataclasses import dataclass
from digest.delivery.sending.worker_processes import StopSignal
from digest.delivery.sending.worker_processes import worker_pool

@dataclass
class Sending:
    owner: str = ""

def work(sending, tell):
    raise OSError(13, "Permission denied", "digest.db")

calm = StopSignal()
with worker_pool(Sending(), 1, work=work, stop_signal=calm, close_store=lambda: None) as workers:
    told = []
    workers.follow(told.append)
    workers.followers[0].join()
    print(len(workers), told)
"""


@pytest.mark.skipif(usable_cores() < 2, reason="only one core: a send stays in one process")
def test_a_helper_that_gives_up_says_why_and_leaves_the_rest_to_the_others() -> None:
    done = subprocess.run(  # noqa: S603 - these lines
        [sys.executable, "-c", GIVES_UP], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "1 []\n")
    assert done.stderr == ("a worker process gave up: [Errno 13] Permission denied: 'digest.db'\n")
