"""Send a whole edition with a few threads, until no batch can be sent now.

This module decides how threads share the queue: when each claims, waits and stops, and when the
issue counts as sent.
"""

from __future__ import annotations

import gc
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlmodel import Session

from digest.delivery.counts import DeliveryCounts, count_deliveries
from digest.delivery.models import Rollout
from digest.delivery.pace import AdaptiveLimit, PaceWait, WarmUpLimits, judge_warm_up, waits
from digest.delivery.sending.batch_worker import (
    EditionSend,
    UnsettledResponse,
    send_batch,
    settle_patiently,
)
from digest.delivery.sending.queue import Claim, cancel_batches, due
from digest.delivery.sending.recovery import RecoveryResult, recover
from digest.delivery.sending.rollout import judge_rollout
from digest.delivery.sending.settlement import Settlement
from digest.delivery.sending.worker_processes import OnSettlement, StopSignal, WorkerProcesses
from digest.issues.announcing import announce_issue, announce_paused
from digest.issues.models import Edition, Issue, IssueState
from digest.process_id import alive
from subscribers.announcements.models import AnnouncementKind

POLL_SECONDS = 1.0  # seconds: the delay within which a stop or a resumed batch is noticed
ROOM_SECONDS = 0.2  #: after which a thread that waits for room looks whether to stop
FAR_POLL_SECONDS = 30.0  #: the same where a limit lets the next batch go only later than that
JUDGED_EVERY = timedelta(minutes=1)  #: how often a send judges a warm-up
TOLD_FROM = timedelta(minutes=2)  #: a wait for the pace that a person is told of
WAITS = "waits"  #: the outcome of a report that nothing may go yet


def dispatch(
    sending: EditionSend,
    *,
    concurrency: int = 2,
    stop_signal: StopSignal | None = None,
    progress: OnSettlement = lambda _: None,
    is_alive: Callable[[str], bool | None] = alive,
    workers: WorkerProcesses | None = None,
    longest_wait: float = math.inf,
) -> DeliveryCounts:
    """Send every batch that can be sent; return the edition's counts.

    It ends when each batch is settled, in doubt or parked, when the issue is paused, after
    `StopSignal.stop`, or when no batch is due within *longest_wait* seconds. It may be called again
    at any time, from any number of processes. After a stop, requests under way have the grace of
    *stop_signal*, in seconds, to end; recovery puts the others in doubt. *concurrency* is the
    most requests under way at once, those of *workers* included; how many there are follows the
    provider's answers. Raise the first fault of a thread, once the other threads have ended.
    """
    stop_signal = stop_signal or StopSignal()
    workers = WorkerProcesses() if workers is None else workers
    recover_dead_senders(sending, is_alive)
    again = True
    threads = max(1, concurrency - len(workers) * requests_per_process(concurrency, len(workers)))
    with rare_garbage_collection():
        senders = _SenderThreads(sending, stop_signal, progress, threads, longest_wait)
        workers.follow(senders.report)
        while again:
            _send_all(senders, stop_signal, workers)
            # Another process may have died meanwhile, and no process may have claimed its batches.
            again = (
                not stop_signal.stopping.is_set()
                and recover_dead_senders(sending, is_alive).unsent > 0
            )
    with sending.store.write() as session:
        counts = mark_sent_if_done(session, sending.edition_id, sending.clock())
        sending.job_queue.enqueue_batches(session, sending.clock())
        return counts


def requests_per_process(concurrency: int, workers: int) -> int:
    """Return how many requests each of *workers* worker processes may have under way."""
    return max(1, concurrency // (workers + 1))


def send_alongside(
    sending: EditionSend, on_settlement: OnSettlement, *, concurrency: int, stop_signal: StopSignal
) -> None:
    """Send as a worker process; recovery and marking the issue sent are left to the parent."""
    with rare_garbage_collection():
        senders = _SenderThreads(sending, stop_signal, on_settlement, concurrency)
        _send_all(senders, stop_signal, WorkerProcesses())


def _send_all(senders: _SenderThreads, stop_signal: StopSignal, workers: WorkerProcesses) -> None:
    threads = [
        # Daemon threads: once the grace is over, the process may end without them.
        threading.Thread(target=senders.work, name=f"sender-{n}", daemon=True)
        for n in range(senders.most)
    ]
    for thread in threads:
        thread.start()
    _wait_for(threads, stop_signal, workers, senders.lease)
    if senders.fault is not None:
        raise senders.fault


def _wait_for(
    threads: list[threading.Thread],
    stop_signal: StopSignal,
    workers: WorkerProcesses,
    lease: float,
) -> None:
    """Wait for threads and worker processes; kill those that outlive the threads by a lease."""
    end = kill_at = math.inf
    while _first_alive([*threads, *workers.followers], 0.1) and time.monotonic() < end:
        if stop_signal.stopping.is_set() and end == math.inf:
            end = time.monotonic() + stop_signal.grace
            workers.stop()
        if kill_at == math.inf and not _first_alive(threads, 0):
            kill_at = time.monotonic() + lease
        if time.monotonic() > kill_at:
            workers.kill()


def _first_alive(threads: list[threading.Thread], seconds: float) -> bool:
    """Wait up to *seconds* for the first live thread; return ``False`` when no thread is alive."""
    for thread in threads:
        if thread.is_alive():
            thread.join(seconds)
            return True
    return False


def recover_dead_senders(
    sending: EditionSend, is_alive: Callable[[str], bool | None] = alive
) -> RecoveryResult:
    """Move on the batches of dead senders, in a transaction of its own."""
    with sending.store.write() as session:
        return recover(session, edition_id=sending.edition_id, now=sending.clock(), alive=is_alive)


def mark_sent_if_done(session: Session, edition_id: int, now: datetime) -> DeliveryCounts:
    """Mark the issue sent when no reader is pending or in doubt; return the edition's counts.

    An issue that every reader was refused is paused with that reason instead. In a cancelled issue,
    batches that came back unsent since are cancelled too. The caller commits.
    """
    issue = session.get_one(Issue, session.get_one(Edition, edition_id).issue_id)
    session.refresh(issue, with_for_update=True)  # a person may be cancelling it
    if issue.state is IssueState.CANCELLED:
        cancel_batches(session, [edition_id], issue.note)
    counts = count_deliveries(session, edition_id)
    if issue.state is IssueState.PREPARED and counts.pending == 0 and counts.in_doubt == 0:
        if counts.refused and not counts.accepted:
            why = f"nobody got it: the provider refused all {counts.refused:,} readers"
            issue.state, issue.note = IssueState.PAUSED, why
            announce_paused(session, issue, why, now)
        else:
            issue.state, issue.sent_at, issue.note = IssueState.SENT, now, ""
            numbers = {"accepted": counts.accepted, "refused": counts.refused}
            announce_issue(session, AnnouncementKind.ISSUE_SENT, issue, now, **numbers)
        session.add(issue)
    return counts


@contextmanager
def rare_garbage_collection() -> Iterator[None]:
    """Run the garbage collector rarely: a batch makes thousands of objects and no cycle.

    At the default threshold, the collector walks every object over and over, which takes a third of
    the time of a send.
    """
    young, *older = gc.get_threshold()
    gc.set_threshold(max(young, 100_000), *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)


class _SenderThreads:
    """The state that the threads of one dispatch share, and the loop that each runs."""

    def __init__(
        self,
        sending: EditionSend,
        stop_signal: StopSignal,
        progress: OnSettlement,
        most: int,
        longest_wait: float = math.inf,
    ) -> None:
        self.most, self._longest_wait = most, longest_wait
        self._sending, self._stop_signal, self._progress = sending, stop_signal, progress
        self._lock = threading.Lock()
        self._limit = AdaptiveLimit(most, now=time.monotonic())
        self._room = threading.Condition()  # notified when another thread may come in
        self._inside = 0  # threads that send, or look for a batch; at most the limit
        self._busy = 0  # threads that hold a batch
        self._told = ""  # the last wait that was reported
        self._judged = datetime.min.replace(tzinfo=UTC)  # when the warm-up was judged last
        self._failed = threading.Event()
        self.lease = sending.lease
        self.fault: BaseException | None = None

    def work(self) -> None:
        """Send batch after batch until no batch can be sent, or a stop; the loop of one thread."""
        try:
            while self._go_on():
                if not self._enter():
                    continue
                try:
                    self._run()
                finally:
                    self._leave()
                if self._go_on() and not self._wait():
                    return
        except BaseException as fault:  # raised by `dispatch`; the others finish their batches
            self.fault = self.fault or fault
            self._failed.set()

    def _go_on(self) -> bool:
        return not (self._stop_signal.stopping.is_set() or self._failed.is_set())

    def _enter(self) -> bool:
        """Wait for a moment until one thread more may send; return whether it may."""
        with self._room:
            if self._inside >= self._limit.requests:
                self._room.wait(ROOM_SECONDS)
            may = self._inside < self._limit.requests
            self._inside += may
            return may

    def _leave(self) -> None:
        with self._room:
            self._inside -= 1
            self._room.notify()

    def _is_one_too_many(self) -> bool:
        with self._room:
            return self._inside > self._limit.requests

    def _run(self) -> None:
        """Send while batches can be claimed; always settle a batch that was handed over."""
        busy = 0  # 0 while the thread only looks for a batch, which some thread always does
        try:
            unsettled: UnsettledResponse | None = None
            while True:
                settlement, claimed = self._settle_and_claim(unsettled)
                if settlement is not None:
                    self._act_on(settlement)
                if claimed is None and unsettled is None:
                    return
                if not busy:
                    busy = 1
                    with self._lock:
                        self._busy += 1
                unsettled = self._send(claimed) if claimed else None
        finally:
            with self._lock:
                self._busy -= busy

    def _send(self, claimed: Claim) -> UnsettledResponse | None:
        """Send a batch, and learn from the answer how many may be under way."""
        began = time.monotonic()
        unsettled = send_batch(self._sending, claimed)
        if unsettled is not None:
            with self._room:
                self._limit.note(unsettled.answer, began=began, ended=time.monotonic())
                self._room.notify()
        return unsettled

    def _settle_and_claim(
        self, unsettled: UnsettledResponse | None
    ) -> tuple[Settlement | None, Claim | None]:
        return settle_patiently(
            self._sending,
            unsettled,
            more=self._go_on() and not self._is_one_too_many(),
            stopping=self._stop_signal.stopping,
        )

    def report(self, settlement: Settlement) -> None:
        """Report a settlement of this process or of a worker process to `progress`."""
        with self._lock:
            self._progress(settlement)

    def _act_on(self, settlement: Settlement) -> None:
        self.report(settlement)
        if settlement.stop:
            self._failed.set()

    def _wait(self) -> bool:
        """Wait until a batch may be due; return ``False`` when none is, or not within the limit."""
        with self._lock:
            others = self._busy > 0
        due_at = self._due()
        if due_at is None and not others:
            return False
        seconds = (due_at - self._sending.clock()).total_seconds() if due_at else POLL_SECONDS
        if not others and seconds > self._longest_wait:
            return False
        is_far = self._sending.pace.is_limited and seconds > FAR_POLL_SECONDS
        poll = FAR_POLL_SECONDS if is_far else POLL_SECONDS
        # Another thread may return its batch, or the halves of it, to the queue at any moment.
        self._stop_signal.stopping.wait(min(max(seconds, 0.01), 0.05 if others else poll))
        return True

    def _due(self) -> datetime | None:
        """Return when the next batch is due, or the first wave judged; ``None`` when neither is."""
        sending = self._sending
        judges = sending.pace.warm_up and self._is_time_to_judge(sending.clock())
        with sending.store.read() as session:
            if not judges and session.get(Rollout, sending.edition_id) is None:
                return self._next(session)
        with sending.store.write() as session:
            now, limits = sending.clock(), sending.rollout_limits
            if judges:
                rates = WarmUpLimits(bounced=limits.bounced, complained=limits.complained)
                judge_warm_up(session, now, rates)
            judged_at = judge_rollout(session, sending.edition_id, now, limits)
            return judged_at or self._next(session)

    def _is_time_to_judge(self, now: datetime) -> bool:
        """Return whether a minute is over: judging a warm-up reads the mails of some days."""
        with self._lock:
            is_over = not timedelta(0) <= now - self._judged < JUDGED_EVERY
            if is_over:
                self._judged = now
        return is_over

    def _next(self, session: Session) -> datetime | None:
        sending, now = self._sending, self._sending.clock()
        due_at = due(session, sending.edition_id, now, sending.pace)
        if due_at is not None and due_at >= now + TOLD_FROM:
            wait = waits(session, sending.pace, now)
            if wait is not None:
                self._tell(wait)
        return due_at

    def _tell(self, wait: PaceWait) -> None:
        """Report once that everything waits for the pace."""
        with self._lock:
            is_new, self._told = wait.words != self._told, wait.words
        if is_new:
            self.report(Settlement(outcome=WAITS, count=0, detail=wait.words))
