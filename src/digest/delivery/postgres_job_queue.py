"""The job queue on PostgreSQL: jobs as rows in the tables of Procrastinate, in the same database.

This module decides which batches get a job, and how a job is written. The caller's own transaction
writes it, so that what is planned and the jobs for it are there together or not at all. The
library's own function for it would fail on a job that waits already, and the transaction with it.

Only batches that may be sent now have a job. For one that waits for a time there is a run of the
job "send" at that time: a thousand jobs that wait would slow down every search for one that
doesn't.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    DateTime,
    Integer,
    String,
    Text,
    bindparam,
    cast,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlmodel import Session, col

from digest.delivery.job_queue import BEFORE_BATCHES, SEND_BATCH, SEND_JOB, QueueName, queue_of
from digest.delivery.models import Batch, CircuitBreaker
from digest.delivery.sending import FREE_AT, MAY_GO_NOW, TOO_LATE, pending_batches


class PostgresJobQueue:
    """The queue of the database that the caller's session is on."""

    def enqueue_batches(self, session: Session, now: datetime, *, root: str | None = None) -> int:
        """Enqueue what may be sent now, and ask for a look at what may be sent later."""
        session.flush()  # what the caller has planned may not be in the tables yet
        of = {"now": now, "never": now + TOO_LATE, "root": root}
        connection = session.connection()
        later = connection.execute(_LATER, of).scalar()
        if later is not None:
            self.wake(session, SEND_JOB, at=later)
        return connection.execute(_ENQUEUE, of).rowcount

    def wake(self, session: Session, *names: str, at: datetime | None = None) -> None:
        """Ask for a run of each job; bring one that waits for a later time forward."""
        for name in names:
            asked = {"task": name, "queue": queue_of(name), "lock": f"wake/{name}", "at": at}
            session.connection().execute(_WAKE, asked)


_JOBS = table(
    "procrastinate_jobs",
    column("queue_name", String),
    column("task_name", String),
    column("priority", Integer),
    column("queueing_lock", Text),
    column("args", postgresql.JSONB),
    column("status", String),
    column("scheduled_at", DateTime(timezone=True)),
)
#: The library's unique index: of the jobs with one lock, one waits at a time.
_ONE_WAITS: dict[str, Any] = {
    "index_elements": ["queueing_lock"],
    "index_where": text("status = 'todo'"),
}


def _enqueue() -> Any:
    """Return the statement that enqueues batches.

    While the circuit breaker is open, that is the next batch alone: it will be the probe.
    """
    order = (col(Batch.number), col(Batch.first_delivery))
    place = func.row_number().over(partition_by=col(Batch.edition_id), order_by=order)
    due = (
        pending_batches(
            col(Batch.id),
            cast(f"{SEND_BATCH}/", Text).concat(cast(col(Batch.id), Text)).label("lock"),
            place.label("place"),
            col(CircuitBreaker.probe_at),
        )
        .where(MAY_GO_NOW, _OF_ROOT)
        .subquery()
    )
    waits = exists().where(_JOBS.c.queueing_lock == due.c.lock, text("status = 'todo'"))
    jobs = (
        select(
            literal(QueueName.SEND.value),
            literal(SEND_BATCH),
            due.c.lock,
            func.jsonb_build_object("batch_id", due.c.id),
        )
        .where(or_(due.c.probe_at.is_(None), due.c.place == 1), ~waits)
        .order_by(due.c.id)
    )
    names = ["queue_name", "task_name", "queueing_lock", "args"]
    return postgresql.insert(_JOBS).from_select(names, jobs).on_conflict_do_nothing(**_ONE_WAITS)


def _wake() -> Any:
    at = func.coalesce(bindparam("at", type_=DateTime(timezone=True)), func.now())
    row = postgresql.insert(_JOBS).values(
        task_name=bindparam("task"),
        queue_name=bindparam("queue"),
        queueing_lock=bindparam("lock"),
        priority=BEFORE_BATCHES,
        args=text("'{}'"),
        scheduled_at=at,
    )
    sooner = row.excluded.scheduled_at
    return row.on_conflict_do_update(
        **_ONE_WAITS, set_={"scheduled_at": sooner}, where=_JOBS.c.scheduled_at > sooner
    )


_OF_ROOT = or_(
    bindparam("root", type_=String).is_(None), col(Batch.root) == bindparam("root", type_=String)
)
_ENQUEUE = _enqueue()
_LATER = pending_batches(func.min(FREE_AT)).where(~MAY_GO_NOW, _OF_ROOT)
_WAKE = _wake()
