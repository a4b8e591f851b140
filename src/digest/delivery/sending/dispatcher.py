"""Sends a whole edition with a few threads, until nothing more can be done now."""

from __future__ import annotations

import gc
import itertools
import logging
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from digest.delivery.counts import DeliveryCounts, count_deliveries
from digest.delivery.models import Batch, BatchState, Rollout
from digest.delivery.sending.batch_worker import (
    AWAY,
    EditionSend,
    UnsettledResponse,
    away_in_words,
    send_batch,
    settle_and_claim,
)
from digest.delivery.sending.circuit_breaker import probe_at
from digest.delivery.sending.process_id import alive
from digest.delivery.sending.queue import MAY_GO, Claim, call_off
from digest.delivery.sending.recovery import RecoveryResult, recover
from digest.delivery.sending.rollout import judge_rollout
from digest.delivery.sending.settlement import Settlement
from digest.delivery.sending.worker_processes import StopSignal, Tell, WorkerProcesses
from digest.issues.models import Edition, Issue, IssueState

log = logging.getLogger(__name__)

LONGEST_NAP = 1.0  # seconds; how late a stop or a resumed batch may be noticed
#: Seconds between tries to write an answer down; on a server, the last again and again until a
#: lease is over. Then the batch is left in doubt.
_SETTLE_PAUSES = (0.1, 0.5, 2.0, 5.0)


def dispatch(
    sending: EditionSend,
    *,
    concurrency: int = 2,
    brake: StopSignal | None = None,
    progress: Tell = lambda _: None,
    is_alive: Callable[[str], bool | None] = alive,
    hands: WorkerProcesses | None = None,
    longest_wait: float = math.inf,
) -> DeliveryCounts:
    """Send what can be sent; returns when all is settled, in doubt, parked, paused or stopped.

    Or when nothing falls due within *longest_wait* seconds: whoever asks again soon needn't wait.
    Safe to call again at any time, from any number of processes. After `Brake.stop` what is under
    way has the brake's grace to end; what hasn't then is left to recovery, which puts it in doubt.
    The processes of *hands* share the work: *concurrency* counts the requests of all of them.
    """
    brake = brake or StopSignal()
    hands = WorkerProcesses() if hands is None else hands
    recover_dead_senders(sending, is_alive)
    again = True
    threads = max(1, concurrency - len(hands) * requests_per_process(concurrency, len(hands)))
    with _calm_collector():
        crew = _Crew(sending, brake, progress, longest_wait)
        hands.follow(crew.told)
        while again:
            _send_all(crew, threads, brake, hands)
            # Another process may have died meanwhile and left batches nobody has claimed since.
            again = (
                not brake.stopping.is_set() and recover_dead_senders(sending, is_alive).unsent > 0
            )
    with sending.store.write() as session:
        return mark_sent_if_done(session, sending.edition_id, sending.clock())


def requests_per_process(concurrency: int, helping: int) -> int:
    """Return how many requests each process that helps may have under way."""
    return max(1, concurrency // (helping + 1))


def send_alongside(
    sending: EditionSend, tell: Tell, *, concurrency: int, brake: StopSignal
) -> None:
    """Send along with the process that was told to; recovery and the end of it are its business."""
    with _calm_collector():
        _send_all(_Crew(sending, brake, tell), concurrency, brake, WorkerProcesses())


def _send_all(crew: _Crew, concurrency: int, brake: StopSignal, hands: WorkerProcesses) -> None:
    threads = [
        # Daemons: when their grace is over, the process may end without them.
        threading.Thread(target=crew.work, name=f"sender-{n}", daemon=True)
        for n in range(concurrency)
    ]
    for thread in threads:
        thread.start()
    _wait_for(threads, brake, hands, crew.lease)
    if crew.fault is not None:
        raise crew.fault


def _wait_for(
    threads: list[threading.Thread], brake: StopSignal, hands: WorkerProcesses, lease: float
) -> None:
    """Wait for both, but for no process that is frozen longer than it may hold a batch."""
    end = too_long = math.inf
    while _first_alive([*threads, *hands.telling], 0.1) and time.monotonic() < end:
        if brake.stopping.is_set() and end == math.inf:
            end = time.monotonic() + brake.grace
            hands.stop()
        if too_long == math.inf and not _first_alive(threads, 0):
            too_long = time.monotonic() + lease
        if time.monotonic() > too_long:
            hands.kill()


def _first_alive(threads: list[threading.Thread], seconds: float) -> bool:
    """Wait a moment for the first that lives; false when none does."""
    for thread in threads:
        if thread.is_alive():
            thread.join(seconds)
            return True
    return False


def recover_dead_senders(
    sending: EditionSend, is_alive: Callable[[str], bool | None] = alive
) -> RecoveryResult:
    """Move on what dead senders left behind."""
    with sending.store.write() as session:
        return recover(session, edition_id=sending.edition_id, now=sending.clock(), alive=is_alive)


def mark_sent_if_done(session: Session, edition_id: int, now: datetime) -> DeliveryCounts:
    """Mark the issue sent when nothing is pending and nothing is in doubt; the caller commits.

    One that nobody got, since everybody was refused, isn't sent: it is paused with that reason.
    Of a cancelled one, what came back unsent after the cancellation is called off too.
    """
    issue = session.get_one(Issue, session.get_one(Edition, edition_id).issue_id)
    if issue.state is IssueState.CANCELLED:
        call_off(session, [edition_id], issue.note)
    counts = count_deliveries(session, edition_id)
    if issue.state is IssueState.PREPARED and counts.pending == 0 and counts.in_doubt == 0:
        if counts.refused and not counts.accepted:
            words = f"nobody got it: the provider refused all {counts.refused:,} readers"
            issue.state, issue.note = IssueState.PAUSED, words
        else:
            issue.state, issue.sent_at, issue.note = IssueState.SENT, now, ""
        session.add(issue)
    return counts


@contextmanager
def _calm_collector() -> Iterator[None]:
    """Let the garbage collector run rarely: a batch makes thousands of values and no cycle.

    At its default pace it looks through every module's objects again and again, which takes a
    third of the time of a send.
    """
    young, *older = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(max(young, 100_000), *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)
        gc.unfreeze()


class _Crew:
    """What the threads of one dispatch share."""

    def __init__(
        self,
        sending: EditionSend,
        brake: StopSignal,
        progress: Tell,
        longest_wait: float = math.inf,
    ) -> None:
        self._longest_wait = longest_wait
        self._sending, self._brake, self._progress = sending, brake, progress
        self._lock = threading.Lock()
        self._busy = 0
        self._resting = 0  # threads that wait as long as the provider asked for
        self._failed = threading.Event()
        self.lease = sending.lease
        self.fault: BaseException | None = None

    def work(self) -> None:
        """Send batch after batch until there is nothing left to do."""
        try:
            while self._go_on():
                self._run()
                if self._go_on() and not self._wait():
                    return
        except BaseException as fault:  # told by `dispatch`; the others finish what they hold
            self.fault = self.fault or fault
            self._failed.set()

    def _go_on(self) -> bool:
        return not (self._brake.stopping.is_set() or self._failed.is_set())

    def _run(self) -> None:
        """Send while there are batches; what was handed over is always settled."""
        busy = 0  # not while it only looks: of many threads one always does
        try:
            handed: UnsettledResponse | None = None
            while True:
                settled, taken = self._turn(handed)
                if settled is not None:
                    self._heed(settled)
                if taken is None and handed is None:
                    return
                if not busy:
                    busy = 1
                    with self._lock:
                        self._busy += 1
                handed = send_batch(self._sending, taken) if taken else None
        finally:
            with self._lock:
                self._busy -= busy

    def _turn(self, handed: UnsettledResponse | None) -> tuple[Settlement | None, Claim | None]:
        """Settle and claim; an answer that can't be written now is kept and written later."""
        began = time.monotonic()
        more = self._go_on() and not self._resting
        for tries in itertools.count():
            try:
                return settle_and_claim(self._sending, handed, more=more)
            except AWAY as fault:
                if handed is None or self._is_over(fault, tries, began):
                    raise
                if tries == 0:
                    log.warning("an answer can't be written down yet: %s", away_in_words(fault))
                self._nap(_SETTLE_PAUSES[min(tries, len(_SETTLE_PAUSES) - 1)])
                more = False  # an answer takes no room on a full disk; a claim does
        raise AssertionError("it returns or raises")

    def _is_over(self, fault: Exception, tries: int, began: float) -> bool:
        """Tell whether to give up: a server may come back, a file that can't be written doesn't."""
        if isinstance(getattr(fault, "orig", None), sqlite3.Error):
            return tries >= len(_SETTLE_PAUSES)
        return time.monotonic() >= began + self.lease

    def _nap(self, seconds: float) -> None:
        """Wait, shorter while the grace runs."""
        if self._brake.stopping.is_set():
            time.sleep(min(seconds, 0.5))
        else:
            self._brake.stopping.wait(seconds)

    def told(self, settled: Settlement) -> None:
        """Tell of what this process or one that helps has settled."""
        with self._lock:
            self._progress(settled)

    def _heed(self, settled: Settlement) -> None:
        self.told(settled)
        if settled.stop:
            self._failed.set()
        elif settled.wait:
            self._rest(settled.wait)

    def _rest(self, seconds: float) -> None:
        """Wait as long as the provider asked for; the other threads claim nothing meanwhile."""
        with self._lock:
            self._resting += 1
        self._brake.stopping.wait(seconds)
        with self._lock:
            self._resting -= 1

    def _wait(self) -> bool:
        """Wait for a batch to fall due; false when none will, or not for long."""
        with self._lock:
            others = self._busy > 0
        due = self._due()
        if due is None and not others:
            return False
        seconds = (due - self._sending.clock()).total_seconds() if due else LONGEST_NAP
        if not others and seconds > self._longest_wait:
            return False
        if self._resting:
            seconds = max(seconds, LONGEST_NAP / 4)
        # While another thread holds a batch, it may put it (or its halves) back at any moment.
        self._brake.stopping.wait(min(max(seconds, 0.01), 0.05 if others else LONGEST_NAP))
        return True

    def _due(self) -> datetime | None:
        """When there will be something to do; ``None`` when there won't."""
        sending = self._sending
        with sending.store.read() as session:
            if session.get(Rollout, sending.edition_id) is None:
                return self._next(session)
        with sending.store.write() as session:
            judged_at = judge_rollout(session, sending.edition_id, sending.clock(), sending.bounds)
            return judged_at or self._next(session)

    def _next(self, session: Session) -> datetime | None:
        waiting = (
            select(col(Batch.not_before))
            .join(Edition, col(Edition.id) == col(Batch.edition_id))
            .join(Issue, col(Issue.id) == col(Edition.issue_id))
            .join(Rollout, col(Rollout.edition_id) == col(Batch.edition_id), isouter=True)
            .where(
                col(Batch.edition_id) == self._sending.edition_id,
                col(Batch.state) == BatchState.PENDING,
                col(Issue.state) == IssueState.PREPARED,
                MAY_GO,
            )
            .order_by(col(Batch.not_before).asc().nulls_first())
            .limit(1)
        )
        first = session.connection().execute(waiting).first()
        if first is None:
            return None
        now = self._sending.clock()
        held_until = probe_at(session, self._sending.edition_id, now)
        return max(first[0] or now, held_until or now)
