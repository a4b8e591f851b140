"""Put Procrastinate together: which tasks there are, and how it reaches the database.

This module hides the library. Each task says in a line what of ours it runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import URL

from digest.app.installation import App
from digest.delivery.job_queue import BEFORE_BATCHES, SEND_BATCH, QueueName, queue_of
from digest.delivery.sending import StopSignal
from digest.errors import PackageMissing
from digest.service import jobs_of
from digest.worker.batch_jobs import BatchJobs
from digest.worker.daemon_threads import in_thread
from digest.worker.service_jobs import ServiceJobs
from digest.worker.upkeep import delete_failed, delete_stalled

#: Connections of a worker's own business: jobs are fetched, finished and swept one at a time.
CONNECTIONS = 4
CONNECTION_SECONDS = 3.0  #: that a worker waits for one of them before its database counts as away
EVERY_MINUTE = "* * * * *"


def job_app(app: App, queues: Sequence[QueueName], stop_signal: StopSignal) -> Any:
    """Return a `procrastinate.App` that knows every task of an installation; it isn't open yet.

    The service jobs of *queues* are asked for every minute. Raise `PackageMissing` without the
    library.
    """
    try:
        import procrastinate
    except ModuleNotFoundError as fault:
        raise PackageMissing(
            f"a worker needs a package that isn't installed: {fault.name}"
        ) from None
    connector = procrastinate.PsycopgConnector(
        **connection_of(app.database.url, pooled=app.database.is_pooled),
        min_size=1,
        max_size=CONNECTIONS,
        timeout=CONNECTION_SECONDS,
    )
    jobs = procrastinate.App(connector=connector)
    batches = BatchJobs(app, stop_signal)

    @jobs.task(name=SEND_BATCH, queue=QueueName.SEND.value)
    async def send_batch(batch_id: int, *, more: bool = False) -> None:
        await in_thread(SEND_BATCH, partial(batches.send, batch_id, more=more))

    service = ServiceJobs(app, {job.name: job for job in jobs_of(app, stop_signal)})
    for name in service.jobs:
        _add(jobs, name, partial(service.run, name), every_minute=queue_of(name) in queues)
    if QueueName.SCHEDULE in queues:
        _add_upkeep(jobs)
    return jobs


def _add(jobs: Any, name: str, run: Callable[[], None], *, every_minute: bool) -> None:
    """Add the task of a service job, which is asked for by a wake, and by each minute once."""

    async def task(**_minute: int) -> None:
        await in_thread(name, run)

    added = jobs.task(name=name, queue=queue_of(name).value)(task)
    if every_minute:
        # A minute's run waits for that of the minute before; a wake waits for neither.
        once = f"minute/{name}"
        asked = {"lock": once, "queueing_lock": once, "priority": BEFORE_BATCHES}
        jobs.periodic(cron=EVERY_MINUTE, **asked)(added)


def _add_upkeep(jobs: Any) -> None:
    """Add what a worker does for the queue itself; no lock, which a dead worker would hold."""
    for work, cron in ((delete_stalled, EVERY_MINUTE), (delete_failed, "30 3 * * *")):
        task = jobs.task(name=work.__name__, queue=QueueName.SCHEDULE.value)(_timed(work, jobs))
        asked = {"queueing_lock": f"minute/{work.__name__}", "priority": BEFORE_BATCHES}
        jobs.periodic(cron=cron, **asked)(task)


def _timed(work: Callable[[Any], Awaitable[None]], jobs: Any) -> Callable[..., Awaitable[None]]:
    async def run(**_minute: int) -> None:
        await work(jobs)

    return run


def connection_faults() -> tuple[type[Exception], ...]:
    """Return what is raised while the database can't be reached."""
    from procrastinate.exceptions import ConnectorException
    from psycopg import Error
    from sqlalchemy.exc import SQLAlchemyError  # no connection was free in time, among others

    return (ConnectorException, SQLAlchemyError, Error, OSError)


def connection_of(url: URL, *, pooled: bool) -> dict[str, Any]:
    """Return what psycopg's pool needs to connect as `digest.db` does.

    A commit about a job needn't wait for the disk, as one of the ledger's must: a job that runs
    twice does nothing twice, and one that is lost is found within a minute. Where the server is
    *pooled*, it does wait, since a pool passes no option on; and statements are prepared only if
    the URL says after how many runs.
    """
    from psycopg.conninfo import make_conninfo

    _, told = url.get_dialect()().create_connect_args(url)
    threshold = told.pop("prepare_threshold", None) or ("none" if pooled else "5")
    kwargs = {"prepare_threshold": None if threshold == "none" else int(threshold)}
    if not pooled:
        told["options"] = f"{told.get('options', '')} -csynchronous_commit=off".strip()
    return {"conninfo": make_conninfo("", **told), "kwargs": kwargs}
