"""The service on the command line: scheduler, sender, intake and site in one process."""

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
from digest.cli.context import CommandContext, Port, call_of, some
from digest.delivery.models import Attempt, Batch, BatchState
from digest.delivery.sending import StopSignal, restore_guard, this_process
from digest.doctor import HealthLevel, examine
from digest.errors import DigestError
from digest.service import ClockWatch, Job, Scheduler, jobs_of, run_if_due, set_up_logs
from digest.settings import LogForm
from digest.web.app import make_site
from digest.web.server import listen, served

app = typer.Typer()
log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25  # how late a stop or a jump of the clock may be noticed


class Unfit(DigestError):
    """The service doesn't start as things are."""


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
    set_up_logs(as_json=call.settings.log is LogForm.JSON)
    installation = call.app
    brake = StopSignal(grace=call.settings.grace)
    alarm = Scheduler(jobs_of(installation, brake), partial(_run, installation))
    sock = listen(port, host)
    site = make_site(installation, ticking=True)
    clock = ClockWatch()
    with _stopped_by_signals() as (stop, end_at_next), served(site, sock) as url:
        call.out.print(f"The service is at {url}  (stop with Ctrl-C)")
        _tell_hold(installation)
        alarm.start()
        _watch(alarm, clock, stop)
        end_at_next()
        log.info("stopping: nothing new is begun, what is under way has %.0f s", brake.grace)
        brake.stop()
        alarm.stop()
    left = _under_way(installation)
    log.info("stopped, %s left in doubt", some(left, "request"))
    if left:
        raise typer.Exit(1)


def _run(installation: App, chore: Job, woken: bool) -> bool:
    if chore.name == "send":  # which one of many services does; each notes what that comes to
        with suppress(DigestError, SQLAlchemyError, OSError):  # the chores tell of these
            restore_guard.keep_up(installation.database, installation.epoch())
    return run_if_due(chore, installation.database, installation.clock, this_process(), woken=woken)


def _require_fit(call: CommandContext) -> None:
    bad = [fact for fact in examine(call.app) if fact.weight is HealthLevel.REFUSED]
    for fact in bad:
        call.err.print(f"{fact.about}: {fact.says}", markup=False)
        if fact.next_step:
            call.err.print(f"  next: {fact.next_step}", markup=False)
    if bad:
        many = "that" if len(bad) == 1 else f"these {len(bad)}"
        raise Unfit(f"the service doesn't start with {many}", next_step="digest doctor")


def _tell_hold(installation: App) -> None:
    held = restore_guard.hold_reason(installation.database, installation.epoch())
    if held:
        log.error("HOLD, nothing is sent: %s; next: %s", held, restore_guard.NEXT_STEP)


def _watch(alarm: Scheduler, clock: ClockWatch, stop: threading.Event) -> None:
    """Wait for the end, and wake everything when somebody sets the clock."""
    while not stop.wait(LOOK_SECONDS):
        jump = clock.jumped()
        if jump is not None:
            log.warning("the clock was set by %+.0f seconds", jump.total_seconds())
            alarm.wake()


@contextmanager
def _stopped_by_signals() -> Iterator[tuple[threading.Event, Callable[[], None]]]:
    """Yield an event that Ctrl-C or SIGTERM sets, and what lets the next one end it all at once.

    Signals that come together are one: a whole group may be told what its leader is told too.
    SIGHUP sets it too, and never ends it at once: a terminal that goes away may say so twice.
    """
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    numbers: list[int] = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
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
    """Count the requests of this process that nobody has heard the end of."""
    mine = (
        select(Batch.id)
        .join(Attempt, col(Attempt.key) == col(Batch.attempt))
        .where(Batch.state == BatchState.STARTED, col(Attempt.owner).endswith(this_process()))
    )
    with installation.database.read() as session:
        return len(session.exec(mine).all())
