"""Fork worker processes, so that a send uses every core, and stop them between two requests.

This module decides how a worker process is started, reports its settlements through a pipe, and is
ended: by a signal, or once its parent is gone.
"""

from __future__ import annotations

import gc
import logging
import math
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import BinaryIO

import orjson

from digest.delivery.sending.batch_worker import EditionSend
from digest.delivery.sending.settlement import Settlement
from digest.process_id import this_process

#: With fewer batches than this, the send ends before a worker process would have started.
MIN_BATCHES = 8
STOP = signal.SIGUSR1  #: asks a worker process to stop; sent twice, it has no further effect
LAST_SECONDS = 5.0  #: seconds that a worker process may take to end after its last request

OnSettlement = Callable[[Settlement], None]
#: Sends until no batch is left or a stop; is given the function that reports a settlement.
Work = Callable[[EditionSend, OnSettlement], None]

log = logging.getLogger(__name__)


@dataclass
class WorkerProcesses:
    """The running worker processes; each reports its settlements through a pipe."""

    running: dict[int, BinaryIO] = field(default_factory=dict)  #: pipe by PID
    followers: list[threading.Thread] = field(default_factory=list)  #: one per pipe

    def __len__(self) -> int:
        """Return how many worker processes were started."""
        return len(self.running)

    def follow(self, on_settlement: OnSettlement) -> None:
        """Start a thread per pipe that passes each settlement to *on_settlement*."""
        self.followers = [
            threading.Thread(target=_follow, args=(pipe, on_settlement), daemon=True)
            for pipe in self.running.values()
        ]
        for thread in self.followers:
            thread.start()

    def stop(self) -> None:
        """Ask each worker process to finish its requests under way and end."""
        self._signal(STOP)

    def kill(self) -> None:
        """Kill each worker process; recovery moves on the batches it held."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        for pid in self.running:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def usable_cores() -> int:
    """Return how many cores this process may use; 1 where forking isn't safe."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


@contextmanager
def worker_pool(
    sending: EditionSend,
    count: int,
    *,
    work: Work,
    stop_signal: StopSignal,
    close_store: Callable[[], None],
) -> Iterator[WorkerProcesses]:
    """Fork *count* worker processes that run *work*; all have ended when the context is left.

    *close_store* closes every database connection, so that no process inherits one. *work* obeys
    *stop_signal*, whose grace, in seconds, holds for the worker processes too.
    """
    close_store()
    workers, seconds = WorkerProcesses(), LAST_SECONDS
    # Keeps the memory of today's objects shared between the processes. They stay so: the search at
    # the end of the process would take longer than 30,000 readers.
    gc.freeze()
    _forget_looked_up_names()
    try:
        for _ in range(count):
            pid, pipe = _fork(sending, work, stop_signal)
            workers.running[pid] = pipe
        yield workers
    except BaseException as fault:
        workers.stop()
        seconds += stop_signal.grace if isinstance(fault, Exception) else 0
        raise
    finally:
        for pid, pipe in workers.running.items():
            if (code := _wait_for_end(pid, seconds)) < 0:
                log.warning("a worker process was killed (signal %d)", -code)
            pipe.close()


def _forget_looked_up_names() -> None:
    """Empty the interpreter's cache of the attributes that it looked up in classes.

    It counts references to their names: each name that another takes the place of would cost both
    processes a page of memory of their own. From Python 3.12 on, names have no such count.
    """
    if sys.version_info < (3, 12):
        sys._clear_type_cache()


def _fork(sending: EditionSend, work: Work, stop_signal: StopSignal) -> tuple[int, BinaryIO]:
    """Fork one worker process; return its PID and the pipe that it writes settlements to."""
    reading, writing = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, os.fdopen(reading, "rb")
    code = 1
    try:
        os.close(reading)
        # Not SIGTERM: a supervisor may send it to both processes, and a second one ends at once.
        signal.signal(STOP, lambda _number, _frame: stop_signal.stop())
        random.seed()  # else each process would draw the same jitter
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            threading.Thread(target=_stop_with, args=(parent, stop_signal), daemon=True).start()
            work(
                replace(sending, owner=this_process()),
                lambda settlement: _write(pipe, settlement),
            )
        code = 0
    except Exception as fault:  # the parent goes on alone
        reason = fault if isinstance(fault, OSError) else getattr(fault, "orig", None)
        log.warning("a worker process gave up: %s", reason or type(fault).__name__)
    finally:
        os._exit(code)  # runs none of the parent's cleanup


def _wait_for_end(pid: int, seconds: float) -> int:
    """Wait up to *seconds* for a process to end, then kill it; return its exit code."""
    end = time.monotonic() + seconds
    while (ended := os.waitpid(pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            end = math.inf
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(ended[1])


def _stop_with(parent: int, stop_signal: StopSignal) -> None:
    """Stop this worker process once its parent has ended, since no other process waits for it.

    End at once if it was asked to stop before: the parent was stopped a second time then.
    """
    waiting = threading.Event()
    while os.getppid() == parent:
        waiting.wait(0.2)
    if stop_signal.stopping.is_set():
        os._exit(1)
    os.kill(os.getpid(), STOP)


def _write(pipe: BinaryIO, settlement: Settlement) -> None:
    with suppress(BrokenPipeError):
        pipe.write(orjson.dumps(asdict(settlement)) + b"\n")


def _follow(pipe: BinaryIO, on_settlement: OnSettlement) -> None:
    for line in pipe:
        with suppress(orjson.JSONDecodeError, TypeError):  # the last line may be incomplete
            on_settlement(Settlement(**orjson.loads(line)))


@dataclass
class StopSignal:
    """The request to stop, shared by every sender; safe to set from a signal handler."""

    grace: float = 30.0  #: seconds that requests under way have to end after a stop
    stopping: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Let no further batch be claimed; requests under way are finished."""
        self.stopping.set()
