"""The command `digest worker`: jobs alone, on as many machines as one likes.

Hides what is said at the start, and which queues there are by default.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from digest.app.installation import App
from digest.cli.context import call_of, counted
from digest.cli.service.service_process import (
    doctor_lines,
    doctor_marks,
    end,
    log_hold,
    mail_line,
    require_fit,
    stopped_by_signals,
    work_until_stopped,
)
from digest.delivery.job_queue import QueueName
from digest.delivery.sending import StopSignal
from digest.errors import BadSetting, DatabaseUnfit
from digest.service import set_up_logs
from digest.settings import LogFormat
from digest.worker import Worker

app = typer.Typer()
log = logging.getLogger(__name__)

ALL_QUEUES = ",".join(QueueName)
MOST_AT_ONCE = 64


@app.command()
def worker(
    context: typer.Context,
    queues: Annotated[
        str, typer.Option(metavar="NAMES", help="The queues to work on, separated by commas.")
    ] = ALL_QUEUES,
    concurrency: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST_AT_ONCE,
            metavar="N",
            help="The number of jobs to run at once; by default, DIGEST_CONCURRENCY.",
        ),
    ] = None,
) -> None:
    """Work on the jobs of a PostgreSQL database, beside any number of other workers.

    Start it on as many machines as you like, as often as you like. A worker on "send" sends
    issues, one on "letters" sends letters to readers and editors, one on "events" applies what the
    provider reports, and one on "schedule" does what is due.
    """
    call = call_of(context)
    names = parse_queues(queues)
    _require_postgres(call.settings.database_url)
    checks = require_fit(call)
    call.app.require_secrets()
    logs_json = call.settings.log is LogFormat.JSON
    set_up_logs(as_json=logs_json)
    stop_signal = StopSignal(grace=call.settings.grace)
    at_once = concurrency or call.settings.concurrency
    runner = Worker(call.app, stop_signal, names, at_once)
    with stopped_by_signals() as signals:
        facts = start_facts(call.app, names, at_once) | {"doctor": doctor_marks(checks)}
        if logs_json:
            log.info("started", extra={"facts": facts})
        else:
            call.out.print("\n".join(start_lines(facts)), markup=False)
        log_hold(call.app)
        work_until_stopped(runner, signals, stop_signal)
    end(call.app)


def parse_queues(names: str) -> tuple[QueueName, ...]:
    """Return the queues that a comma-separated list names, each once; raise `BadSetting`."""
    known = {queue.value: queue for queue in QueueName}
    given = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in given if name not in known]
    if unknown or not given:
        what = f"there is no queue {', '.join(unknown)}" if unknown else "no queue is named"
        raise BadSetting(f"--queues: {what}", next_step=f"name some of these: {ALL_QUEUES}")
    return tuple(dict.fromkeys(known[name] for name in given))


def _require_postgres(url: str) -> None:
    if url.startswith("sqlite"):
        raise DatabaseUnfit(
            "a worker needs PostgreSQL, and this database is SQLite",
            next_step="digest run does all the work here; to work on several machines: digest"
            " docs machines",
        )


def start_facts(installation: App, queues: Sequence[QueueName], at_once: int) -> dict[str, Any]:
    """Return what a person wants to know at the start: what it works on, and where mail goes."""
    outbox = installation.outbox_folder
    return {
        "queues": [queue.value for queue in queues],
        "jobs_at_once": at_once,
        "mail_goes_to": installation.settings.transport.value if outbox is None else str(outbox),
        "nobody_is_mailed": outbox is not None,
    }


def start_lines(facts: dict[str, Any]) -> list[str]:
    """Return `start_facts` and the doctor's marks as lines for people."""
    jobs = counted(facts["jobs_at_once"], "job")
    return [
        f"This worker is on {', '.join(facts['queues'])}, {jobs} at once  (stop with Ctrl-C)",
        mail_line(facts),
        *doctor_lines(facts),
    ]
