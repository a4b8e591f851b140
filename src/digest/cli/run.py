"""The command `digest run`: scheduler, sending, events and public site in one process.

Hides the order in which the parts start and stop, signals, and jumps of the clock.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Annotated, Any

import typer
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from digest.app.installation import App
from digest.cli.context import CommandContext, Port, call_of, counted
from digest.delivery.models import Attempt, Batch, BatchState
from digest.delivery.sending import StopSignal, restore_guard, this_process
from digest.doctor import CheckResult, HealthLevel, run_checks
from digest.errors import DigestError
from digest.issues import store
from digest.issues.calendar.next_issue import next_issue
from digest.issues.models import Newsletter
from digest.service import (
    ClockJumpDetector,
    Job,
    Scheduler,
    jobs_of,
    moment_words,
    run_if_due,
    set_up_logs,
)
from digest.settings import LogFormat
from digest.web.app import make_site
from digest.web.server import listen, serve_in_thread

app = typer.Typer()
log = logging.getLogger(__name__)

POLL_SECONDS = 0.25  # how late a stop or a jump of the clock is noticed at most


class UnfitInstallation(DigestError):
    """The service can't start with the problems above."""


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
    checks = _require_fit(call)
    call.app.require_secrets()
    logs_json = call.settings.log is LogFormat.JSON
    set_up_logs(as_json=logs_json)
    installation = call.app
    stop_signal = StopSignal(grace=call.settings.grace)
    scheduler = Scheduler(jobs_of(installation, stop_signal), partial(_run, installation))
    sock = listen(port, host)
    site = make_site(installation, ticking=True)
    clock = ClockJumpDetector()
    with _stopped_by_signals() as (stop, end_at_next), serve_in_thread(site, sock) as url:
        call.out.print(f"The service is at {url}  (stop with Ctrl-C)")
        facts = start_facts(installation, checks)
        if logs_json:
            log.info("started", extra={"facts": facts})
        else:
            call.out.print("\n".join(start_lines(facts)), markup=False)
        _log_hold(installation)
        scheduler.start()
        _watch(scheduler, clock, stop)
        end_at_next()
        log.info(
            "stopping: nothing new starts, and requests under way have %.0f s to finish",
            stop_signal.grace,
        )
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


def start_facts(installation: App, checks: Sequence[CheckResult]) -> dict[str, Any]:
    """Return what a person wants to know at the start: where mail goes, when, and what to mend."""
    outbox = installation.outbox_folder
    with installation.database.read() as session:
        issues = [_next_issue(installation, session, row) for row in store.newsletters(session)]
    return {
        "site": installation.settings.base_url,
        "mail_goes_to": installation.settings.transport.value if outbox is None else str(outbox),
        "nobody_is_mailed": outbox is not None,
        "next_issues": issues,
        "doctor": [
            {"about": check.about, "says": check.says}
            for check in checks
            if check.weight is not HealthLevel.FINE
        ],
    }


def _next_issue(installation: App, session: Session, newsletter: Newsletter) -> dict[str, Any]:
    facts: dict[str, Any] = {"newsletter": newsletter.slug, "period": None, "at": None, "says": ""}
    if newsletter.archived_at is not None:
        return {**facts, "says": "it's archived"}
    if not newsletter.running:
        return {**facts, "says": "its schedule is paused; to continue: digest schedule resume"}
    try:
        moment = next_issue(session, newsletter, installation.clock())
    except DigestError as fault:
        return {**facts, "says": str(fault)}
    once = "" if newsletter.unattended else ", once approved"
    says = f"{moment.period} leaves on {moment_words(newsletter, moment.at)}{once}"
    return {**facts, "period": moment.period, "at": moment.at, "says": says}


def start_lines(facts: dict[str, Any]) -> list[str]:
    """Return `start_facts` as lines for people."""
    lines = [f"Public site: {facts['site']}"]
    lines += [f"{issue['newsletter']}: {issue['says']}" for issue in facts["next_issues"]]
    if facts["nobody_is_mailed"]:
        folder = facts["mail_goes_to"]
        lines.append(
            f"Mail goes to the folder {folder}, and reaches nobody. To send mail: digest setup"
        )
    else:
        lines.append(f"Mail goes to readers, through {facts['mail_goes_to']}.")
    lines += [f"Look: {mark['about']}: {mark['says']}" for mark in facts["doctor"]]
    if facts["doctor"]:
        lines.append("To see how to fix this: digest doctor")
    return lines


def _require_fit(call: CommandContext) -> list[CheckResult]:
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
