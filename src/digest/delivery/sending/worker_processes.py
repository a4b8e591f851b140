"""Stops a send between two requests."""

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
from digest.delivery.sending.process_id import this_process_beside
from digest.delivery.sending.settlement import Settlement

#: Fewer batches than this are sent before another process has begun.
WORTH_IT = 8
STOP = signal.SIGUSR1  #: asks a process that helps to stop; asking again changes nothing
LAST_SECONDS = 5.0  #: what a process may still take when all it does is done

Tell = Callable[[Settlement], None]
#: Sends until nothing is left, or the brake says so; it is given how to tell what was settled.
Work = Callable[[EditionSend, Tell], None]

log = logging.getLogger(__name__)


@dataclass
class WorkerProcesses:
    """The processes that help; each tells through a pipe what it has settled."""

    running: dict[int, BinaryIO] = field(default_factory=dict)
    telling: list[threading.Thread] = field(default_factory=list)  #: alive while a process is

    def __len__(self) -> int:
        """Tell how many were started."""
        return len(self.running)

    def follow(self, tell: Tell) -> None:
        """Start telling what they settle."""
        self.telling = [
            threading.Thread(target=_follow, args=(pipe, tell), daemon=True)
            for pipe in self.running.values()
        ]
        for thread in self.telling:
            thread.start()

    def stop(self) -> None:
        """Ask each to finish what is under way."""
        self._signal(STOP)

    def kill(self) -> None:
        """End each at once; what it held is left to recovery."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        for pid in self.running:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def usable_cores() -> int:
    """Return how many cores this process may use; 1 where it can't be forked safely."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


@contextmanager
def worker_pool(
    sending: EditionSend,
    count: int,
    *,
    work: Work,
    brake: StopSignal,
    close_store: Callable[[], None],
) -> Iterator[WorkerProcesses]:
    """Start *count* further processes that *work*; they have ended when this is left.

    *close_store* closes every connection, so that no process inherits one. *brake* is what *work*
    heeds; its grace is theirs.
    """
    close_store()
    hands, seconds = WorkerProcesses(), LAST_SECONDS
    gc.freeze()  # what is here by now stays shared between the processes
    try:
        for _ in range(count):
            pid, pipe = _fork(sending, work, brake)
            hands.running[pid] = pipe
        yield hands
    except BaseException as fault:
        hands.stop()
        seconds += brake.grace if isinstance(fault, Exception) else 0
        raise
    finally:
        gc.unfreeze()
        for pid, pipe in hands.running.items():
            if (code := _ended(pid, seconds)) < 0:
                log.warning("a process that helped to send was killed (signal %d)", -code)
            pipe.close()


def _fork(sending: EditionSend, work: Work, brake: StopSignal) -> tuple[int, BinaryIO]:
    reading, writing = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, os.fdopen(reading, "rb")
    code = 1
    try:
        os.close(reading)
        # Not SIGTERM: a supervisor may have sent that to both, and the second ends at once.
        signal.signal(STOP, lambda _number, _frame: brake.stop())
        random.seed()  # waits must not be in step
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            threading.Thread(target=_end_with, args=(parent, brake), daemon=True).start()
            work(
                replace(sending, owner=this_process_beside(sending.owner)),
                lambda settled: _tell(pipe, settled),
            )
        code = 0
    except Exception as fault:  # whoever began it all goes on alone
        words = fault if isinstance(fault, OSError) else getattr(fault, "orig", None)
        log.warning("a process that helped to send gave up: %s", words or type(fault).__name__)
    finally:
        os._exit(code)  # nothing of the parent's is cleaned up twice


def _ended(pid: int, seconds: float) -> int:
    """Wait for the end of a process, so long at most; then end it."""
    end = time.monotonic() + seconds
    while (found := os.waitpid(pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            end = math.inf
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(found[1])


def _end_with(parent: int, brake: StopSignal) -> None:
    """Stop when the process that began it all is gone: nobody would know of this one.

    At once if it had been told to stop: it was told a second time then.
    """
    waiting = threading.Event()
    while os.getppid() == parent:
        waiting.wait(0.2)
    if brake.stopping.is_set():
        os._exit(1)
    os.kill(os.getpid(), STOP)


def _tell(pipe: BinaryIO, settled: Settlement) -> None:
    with suppress(BrokenPipeError):
        pipe.write(orjson.dumps(asdict(settled)) + b"\n")


def _follow(pipe: BinaryIO, tell: Tell) -> None:
    for line in pipe:
        with suppress(orjson.JSONDecodeError, TypeError):  # its last line may be cut short
            tell(Settlement(**orjson.loads(line)))


@dataclass
class StopSignal:
    """Tells every sender to stop, or to wait; safe to use from a signal handler."""

    grace: float = 30.0  #: seconds that what is under way has to end after a stop
    stopping: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Let no further batch be claimed; what is under way is finished."""
        self.stopping.set()
