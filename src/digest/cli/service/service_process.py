"""The life of a process that works until a signal ends it: checks, start, stop, what is left.

Hides signals, jumps of the clock, and the order in which the parts stop.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Protocol

import typer
from sqlmodel import col, select

from digest.app.installation import App
from digest.cli.context import CommandContext, counted
from digest.delivery.models import Attempt, Batch, BatchState
from digest.delivery.sending import StopSignal, restore_guard
from digest.doctor import CheckResult, HealthLevel, run_checks
from digest.errors import DigestError
from digest.process_id import this_process
from digest.service import ClockJumpDetector

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25  # how late a stop or a jump of the clock is noticed at most


class UnfitInstallation(DigestError):
    """The service can't start with the problems above."""


class JobRunner(Protocol):
    """What runs the service's jobs: the scheduler, or a worker."""

    def start(self) -> None:
        """Run the jobs from now on; return at once."""
        ...

    def wake(self) -> None:
        """Ask every job whether it is due, since the clock was set."""
        ...

    def stop(self) -> None:
        """Start no more jobs, and wait for those that run."""
        ...


def require_fit(call: CommandContext) -> list[CheckResult]:
    """Return the results of the checks; raise `UnfitInstallation` where one refuses the start."""
    checks = run_checks(call.app)
    failed = [check for check in checks if check.weight is HealthLevel.REFUSED]
    for check in failed:
        call.err.print(f"{check.about}: {check.says}", markup=False)
        if check.next_step:
            call.err.print(f"  next: {check.next_step}", markup=False)
    if failed:
        many = "that" if len(failed) == 1 else f"these {len(failed)} problems"
        raise UnfitInstallation(
            f"the service can't start because of {many}", next_step="digest doctor"
        )
    return checks


def doctor_marks(checks: Sequence[CheckResult]) -> list[dict[str, str]]:
    """Return what the checks found that a person should look at."""
    return [
        {"about": check.about, "says": check.says}
        for check in checks
        if check.weight is not HealthLevel.FINE
    ]


def doctor_lines(facts: dict[str, Any]) -> list[str]:
    """Return the `doctor_marks` in *facts* as lines for people."""
    lines = [f"Look: {mark['about']}: {mark['says']}" for mark in facts["doctor"]]
    return [*lines, "To see how to fix this: digest doctor"] if lines else []


def mail_line(facts: dict[str, Any]) -> str:
    """Return where mail goes, as a line for people."""
    if not facts["nobody_is_mailed"]:
        return f"Mail goes to readers, through {facts['mail_goes_to']}."
    return (
        f"Mail goes to the folder {facts['mail_goes_to']}, and reaches nobody. To send mail:"
        " digest setup"
    )


def log_hold(installation: App) -> None:
    """Log the hold after a restore, if there is one."""
    held = restore_guard.hold_reason(installation.database, installation.sending.restore_guard_file)
    if held:
        log.error("HOLD, nothing is sent: %s; next: %s", held, restore_guard.NEXT_STEP)


class Signals:
    """The signals that end this process: SIGINT, SIGTERM and SIGHUP ask it to stop.

    Signals sent together count as one: a process group may get a signal that its leader gets as
    well. Once `end_at_next` was called, the next SIGINT or SIGTERM ends the process at once. SIGHUP
    never does: a closing terminal may send it more than once.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
            numbers.append(signal.SIGHUP)
        self._before: dict[int, Any] = {
            number: signal.signal(number, self._on_signal) for number in numbers
        }

    def end_at_next(self) -> None:
        """Let the next signal end the process at once."""
        self._restore(signal.SIGINT, signal.SIGTERM)

    def give_back(self) -> None:
        """Let every signal do what it did before."""
        self._restore(*self._before)

    def _restore(self, *numbers: int) -> None:
        for number in numbers:
            signal.signal(number, self._before[number])

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stop.set()


@contextmanager
def stopped_by_signals() -> Iterator[Signals]:
    """Yield the signals that end the block, and give them back afterwards."""
    signals = Signals()
    try:
        yield signals
    finally:
        signals.give_back()


def work_until_stopped(runner: JobRunner, signals: Signals, stop_signal: StopSignal) -> None:
    """Run jobs until a signal comes, then let those under way end."""
    clock = ClockJumpDetector()
    runner.start()
    while not signals.stop.wait(POLL_SECONDS):
        jump = clock.jumped()
        if jump is not None:
            log.warning("the clock was set by %+.0f seconds", jump.total_seconds())
            runner.wake()
    signals.end_at_next()
    log.info(
        "stopping: nothing new starts, and requests under way have %.0f s to finish",
        stop_signal.grace,
    )
    stop_signal.stop()
    runner.stop()


def end(installation: App) -> None:
    """Log how many requests are left in doubt; raise `Exit` with code 1 if there are any."""
    left = _under_way(installation)
    log.info("stopped, %s left in doubt", counted(left, "request"))
    if left:
        raise typer.Exit(1)


def _under_way(installation: App) -> int:
    """Return the number of this process's requests without an answer."""
    query = (
        select(Batch.id)
        .join(Attempt, col(Attempt.key) == col(Batch.attempt))
        .where(Batch.state == BatchState.STARTED, col(Attempt.owner).endswith(this_process()))
    )
    with installation.database.read() as session:
        return len(session.exec(query).all())
