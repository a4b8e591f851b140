"""Lets further processes send the same edition: one interpreter keeps to one core.

They are forked before any thread is started and before a connection is open, and hold batches of
their own like any other sender: one that dies leaves no more behind than any other does.
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

from digest.delivery.owner import this_process
from digest.delivery.send import Sending
from digest.delivery.settle import Settled

#: Fewer batches than this are sent before another process has begun.
WORTH_IT = 8
LAST_SECONDS = 5.0  #: what a process may still take when all it does is done

Tell = Callable[[Settled], None]
#: Sends until nothing is left, or the brake says so; it is given how to tell what was settled.
Work = Callable[[Sending, Tell], None]

log = logging.getLogger(__name__)


@dataclass
class Hands:
    """The processes that help; each tells through a pipe what it has settled."""

    running: dict[int, BinaryIO] = field(default_factory=dict)

    def __len__(self) -> int:
        """Tell how many were started."""
        return len(self.running)

    def follow(self, tell: Tell) -> list[threading.Thread]:
        """Start telling what they settle; the threads end when they do."""
        threads = [
            threading.Thread(target=_follow, args=(pipe, tell), daemon=True)
            for pipe in self.running.values()
        ]
        for thread in threads:
            thread.start()
        return threads

    def stop(self) -> None:
        """Ask each to finish what is under way."""
        for pid in self.running:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def usable_cores() -> int:
    """Return how many cores this process may use; 1 where it can't be forked safely."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1


@contextmanager
def lent(
    sending: Sending, count: int, *, work: Work, close_store: Callable[[], None]
) -> Iterator[Hands]:
    """Start *count* further processes that *work*; they have ended when this is left.

    *close_store* closes every connection, so that no process inherits one.
    """
    close_store()
    hands = Hands()
    gc.freeze()  # what is here by now stays shared between the processes
    try:
        for _ in range(count):
            pid, pipe = _fork(sending, work)
            hands.running[pid] = pipe
        yield hands
    except BaseException:
        hands.stop()
        raise
    finally:
        gc.unfreeze()
        for pid, pipe in hands.running.items():
            if code := _ended(pid):
                log.warning("a process that helped to send ended with %d", code)
            pipe.close()


def _fork(sending: Sending, work: Work) -> tuple[int, BinaryIO]:
    reading, writing = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, os.fdopen(reading, "rb")
    code = 1
    try:
        os.close(reading)
        random.seed()  # waits must not be in step
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
            work(replace(sending, owner=this_process()), lambda settled: _tell(pipe, settled))
        code = 0
    finally:
        os._exit(code)  # nothing of the parent's is cleaned up twice


def _ended(pid: int) -> int:
    """Wait for the end of a process that has closed its pipe or used up its grace."""
    end = time.monotonic() + LAST_SECONDS
    while (found := os.waitpid(pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            end = math.inf
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(found[1])


def _end_with(parent: int) -> None:
    """Stop when the process that began it all is gone: nobody would know of this one."""
    waiting = threading.Event()
    while os.getppid() == parent:
        waiting.wait(0.2)
    os.kill(os.getpid(), signal.SIGTERM)


def _tell(pipe: BinaryIO, settled: Settled) -> None:
    with suppress(BrokenPipeError):
        pipe.write(orjson.dumps(asdict(settled)) + b"\n")


def _follow(pipe: BinaryIO, tell: Tell) -> None:
    for line in pipe:
        with suppress(orjson.JSONDecodeError, TypeError):  # its last line may be cut short
            tell(Settled(**orjson.loads(line)))
