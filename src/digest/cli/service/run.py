"""The command `digest run`: schedule, sending, events and public site in one process.

Hides what runs the jobs on each kind of database, and what is said at the start.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Annotated, Any

import typer
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from digest.app.installation import App
from digest.cli.context import Port, call_of
from digest.cli.service.service_process import (
    JobRunner,
    doctor_lines,
    doctor_marks,
    end,
    log_hold,
    mail_line,
    require_fit,
    stopped_by_signals,
    work_until_stopped,
)
from digest.delivery.sending import StopSignal, restore_guard
from digest.doctor import CheckResult
from digest.errors import DigestError
from digest.issues import store
from digest.issues.calendar.next_issue import next_issue
from digest.issues.models import Newsletter
from digest.process_id import this_process
from digest.service import Job, Scheduler, jobs_of, moment_words, run_if_due, set_up_logs
from digest.settings import LogFormat
from digest.web.app import make_site
from digest.web.server import listen, serve_in_thread
from digest.worker import Worker
from subscribers.announcements import wrote_messages

app = typer.Typer()
log = logging.getLogger(__name__)


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
    checks = require_fit(call)
    call.app.require_secrets()
    logs_json = call.settings.log is LogFormat.JSON
    set_up_logs(as_json=logs_json)
    installation = call.app
    stop_signal = StopSignal(grace=call.settings.grace)
    runner = _runner(installation, stop_signal)
    sock = listen(port, host)
    site = make_site(installation, ticking=True)
    with stopped_by_signals() as signals, serve_in_thread(site, sock) as url:
        call.out.print(f"The service is at {url}  (stop with Ctrl-C)")
        facts = start_facts(installation, checks)
        if logs_json:
            log.info("started", extra={"facts": facts})
        else:
            call.out.print("\n".join(start_lines(facts)), markup=False)
        log_hold(installation)
        work_until_stopped(runner, signals, stop_signal)
    end(installation)


def _runner(installation: App, stop_signal: StopSignal) -> JobRunner:
    """Return what runs the jobs: SQLite has a scheduler, PostgreSQL a queue that workers share."""
    if installation.database.is_sqlite:
        scheduler = Scheduler(jobs_of(installation, stop_signal), partial(_run, installation))
        installation.database.after_commit = partial(_wake_webhooks, scheduler)
        return scheduler
    return Worker(installation, stop_signal, concurrency=installation.settings.concurrency)


def _wake_webhooks(scheduler: Scheduler, session: Session) -> None:
    """Have the messages posted that a session has written."""
    if wrote_messages(session):
        with suppress(LookupError):  # before the start, which runs every job
            scheduler.wake("webhooks", due=False)


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
        "doctor": doctor_marks(checks),
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
    return [*lines, mail_line(facts), *doctor_lines(facts)]
