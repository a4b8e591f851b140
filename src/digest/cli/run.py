"""The command `digest run`: scheduler, sending, events and public site in one process.

Hides the order in which the parts start and stop, signals, and jumps of the clock.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from digest.app.installation import App
from digest.cli.context import CommandContext, Port, call_of, counted
from digest.delivery.models import Attempt, Batch, BatchState
from digest.delivery.sending import StopSignal, restore_guard, this_process
from digest.doctor import HealthLevel, run_checks
from digest.errors import DigestError
from digest.service import ClockJumpDetector, Job, Scheduler, jobs_of, run_if_due, set_up_logs
from digest.settings import LogFormat
from digest.web.app import make_site
from digest.web.server import listen, serve_in_thread

app = typer.Typer()
log = logging.getLogger(__name__)

POLL_SECONDS = 0.25  # how late a stop or a jump of the clock is noticed at most


class UnfitInstallation(DigestError):
    """The installation's checks keep the service from starting."""


@app.command()
def run(
    context: typer.Context,
    port: Port = 8000,
    host: Annotated[
        str, typer.Option(help="The address to listen on, such as 0.0.0.0 or ::1.")
    ] = "127.0.0.1",
) -> None:
    """Run everything in one process: schedule, sending, events and the public site."""
    call = call_of(context)
    _require_fit(call)
    call.app.require_secrets()
    set_up_logs(as_json=call.settings.log is LogFormat.JSON)
    installation = call.app
    stop_signal = StopSignal(grace=call.settings.grace)
    scheduler = Scheduler(jobs_of(installation, stop_signal), partial(_run, installation))
    sock = listen(port, host)
    site = make_site(installation, ticking=True)
    clock = ClockJumpDetector()
    with _stopped_by_signals() as (stop, end_at_next), serve_in_thread(site, sock) as url:
        call.out.print(f"The service is at {url}  (stop with Ctrl-C)")
        _log_hold(installation)
        scheduler.start()
        _watch(scheduler, clock, stop)
        end_at_next()
        log.info("stopping: nothing new is begun, what is under way has %.0f s", stop_signal.grace)
        stop_signal.stop()
        scheduler.stop()
    left = _under_way(installation)
    log.info("stopped, %s left in doubt", counted(left, "request"))
    if left:
        raise typer.Exit(1)


def _run(installation: App, job: Job, woken: bool) -> bool:
    if job.name == "send":  # one service of many sends; each advances its restore guard
        with suppress(DigestError, SQLAlchemyError, OSError):  # the job itself reports these
            restore_guard.refresh_guard(
                installation.database, installation.sending.restore_guard_file
            )
    return run_if_due(job, installation.database, installation.clock, this_process(), woken=woken)


def _require_fit(call: CommandContext) -> None:
    failed = [check for check in run_checks(call.app) if check.weight is HealthLevel.REFUSED]
    for check in failed:
        call.err.print(f"{check.about}: {check.says}", markup=False)
        if check.next_step:
            call.err.print(f"  next: {check.next_step}", markup=False)
    if failed:
        many = "that" if len(failed) == 1 else f"these {len(failed)}"
        raise UnfitInstallation(f"the service doesn't start with {many}", next_step="digest doctor")


def _log_hold(installation: App) -> None:
    held = restore_guard.hold_reason(installation.database, installation.sending.restore_guard_file)
    if held:
        log.error("HOLD, nothing is sent: %s; next: %s", held, restore_guard.NEXT_STEP)


def _watch(scheduler: Scheduler, clock: ClockJumpDetector, stop: threading.Event) -> None:
    """Wait for *stop*, and wake every job when the clock is set."""
    while not stop.wait(POLL_SECONDS):
        jump = clock.jumped()
        if jump is not None:
            log.warning("the clock was set by %+.0f seconds", jump.total_seconds())
            scheduler.wake()


@contextmanager
def _stopped_by_signals() -> Iterator[tuple[threading.Event, Callable[[], None]]]:
    """Yield an event that SIGINT or SIGTERM sets, and a function that arms the second signal.

    Once armed, the next signal ends the process at once. Signals sent together count as one until
    then: a process group may get a signal that its leader gets as well. SIGHUP sets the event too
    and never ends the process at once: a closing terminal may send it more than once.
    """
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    numbers: list[int] = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, on_signal) for number in numbers}

    def end_at_next() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, before[number])

    try:
        yield stop, end_at_next
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _under_way(installation: App) -> int:
    """Return the number of this process's requests without an answer."""
    query = (
        select(Batch.id)
        .join(Attempt, col(Attempt.key) == col(Batch.attempt))
        .where(Batch.state == BatchState.STARTED, col(Attempt.owner).endswith(this_process()))
    )
    with installation.database.read() as session:
        return len(session.exec(query).all())
