"""The job queue on PostgreSQL: jobs as rows in the tables of Procrastinate, in the same database.

This module decides which batches get a job, and how a job is written. The caller's own transaction
writes it, so that what is planned and the jobs for it are there together or not at all. The
library's own function for it would fail on a job that waits already, and the transaction with it.

Only batches that may be sent now have a job, and of those so many at once: the job in the middle
enqueues the next ones. For a batch that waits for a time there is a run of the job "send" at that
time. So when a pause begins, no more than those jobs end for nothing; and a search for a job that
may run needn't pass a hundred thousand others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Integer,
    String,
    Subquery,
    Text,
    and_,
    bindparam,
    cast,
    column,
    delete,
    exists,
    false,
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
from digest.delivery.models import Batch, BatchState, CircuitBreaker
from digest.delivery.pace import has_limit
from digest.delivery.sending import FREE_AT, MAY_GO_NOW, TOO_LATE, pending_batches


@dataclass(frozen=True)
class PostgresJobQueue:
    """The queue of the database that the caller's session is on."""

    at_once: int = 1_000  #: batches that one call enqueues at most

    def enqueue_batches(self, session: Session, now: datetime, *, root: str | None = None) -> int:
        """Enqueue what may be sent now, and ask for a look at what may be sent later."""
        session.flush()  # what the caller has planned may not be in the tables yet
        of = {"now": now, "never": now + TOO_LATE, "root": root, "at_once": self.at_once}
        connection = session.connection()
        later = connection.execute(_LATER, of).scalar()
        if later is not None:
            self.wake(session, SEND_JOB, at=later)
        if root is None:
            connection.execute(_DELETE_VOID)
        return sum(connection.execute(each, of).rowcount for each in _ENQUEUE)

    def wake(self, session: Session, *names: str, at: datetime | None = None) -> None:
        """Ask for a run of each job; bring one that waits for a later time forward."""
        for name in names:
            asked = {"task": name, "queue": queue_of(name), "lock": f"wake/{name}", "at": at}
            session.connection().execute(_WAKE, asked)


_JOBS = table(
    "procrastinate_jobs",
    column("id", BigInteger),
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


def _enqueue(due: Subquery, *, more: ColumnElement[bool]) -> Any:
    """Return the statement that enqueues the batches *due*, unless a job of theirs waits.

    The job of a batch for which *more* is true enqueues others.
    """
    jobs = select(
        literal(QueueName.SEND.value),
        literal(SEND_BATCH),
        _lock_of(due.c.id),
        func.jsonb_build_object("batch_id", due.c.id, "more", more),
    )
    names = ["queue_name", "task_name", "queueing_lock", "args"]
    rows = jobs.where(~_waits(due.c.id)).order_by(due.c.id)
    return postgresql.insert(_JOBS).from_select(names, rows).on_conflict_do_nothing(**_ONE_WAITS)


def _next_batches() -> Any:
    """Return the statement that enqueues the next batches of every issue."""
    next_ones = (
        pending_batches(col(Batch.id), col(Batch.edition_id), *_ORDER)
        .where(MAY_GO_NOW, col(CircuitBreaker.probe_at).is_(None), ~_IS_PACED, _OF_ROOT)
        .where(~_waits(col(Batch.id)))
        .order_by(col(Batch.edition_id), *_ORDER)
        .limit(_AT_ONCE)
        .subquery()
    )
    place = func.row_number().over(order_by=list(next_ones.c)[1:])
    due = select(next_ones.c.id, place.label("place"), func.count().over().label("all")).subquery()
    return _enqueue(due, more=and_(due.c.all == _AT_ONCE, due.c.place == (_AT_ONCE + 1) // 2))


def _probes() -> Any:
    """Return the statement that enqueues one batch where the circuit breaker lets one try."""
    return _first_of_each(col(Batch.edition_id), where=col(CircuitBreaker.probe_at).is_not(None))


def _paced_batches() -> Any:
    """Return the statement that enqueues the next batch for each mailbox provider with a limit.

    The jobs of others would run in vain.
    """
    unbroken = and_(col(CircuitBreaker.probe_at).is_(None), _IS_PACED)
    return _first_of_each(col(Batch.edition_id), col(Batch.mailbox_provider), where=unbroken)


def _first_of_each(*kind: Any, where: ColumnElement[bool]) -> Any:
    first = (
        pending_batches(col(Batch.id))
        .where(MAY_GO_NOW, where, _OF_ROOT)
        .ext(postgresql.distinct_on(*kind))
        .order_by(*kind, *_ORDER)
        .subquery()
    )
    return _enqueue(first, more=false())


def _delete_void() -> Any:
    """Return the statement that deletes jobs whose batch was sent without them."""
    batch = cast(_JOBS.c.args["batch_id"], BigInteger)
    pending = exists().where(col(Batch.id) == batch, col(Batch.state) == BatchState.PENDING)
    void = (
        select(_JOBS.c.id)
        .where(_JOBS.c.task_name == SEND_BATCH, text("status = 'todo'"), ~pending)
        .with_for_update(skip_locked=True)  # a worker has just taken it, or another call deletes it
    )
    return delete(_JOBS).where(_JOBS.c.id.in_(void))


def _lock_of(batch: Any) -> ColumnElement[str]:
    return cast(f"{SEND_BATCH}/", Text).concat(cast(batch, Text))


def _waits(batch: Any) -> ColumnElement[bool]:
    """Return the condition that a job of the batch waits."""
    return exists().where(_JOBS.c.queueing_lock == _lock_of(batch), text("status = 'todo'"))


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


_ORDER = (col(Batch.number), col(Batch.first_delivery))
_AT_ONCE = bindparam("at_once", type_=Integer)
_ROOT = bindparam("root", type_=String)
_OF_ROOT = or_(_ROOT.is_(None), col(Batch.root) == _ROOT)
_IS_PACED = has_limit(col(Batch.mailbox_provider))
_ENQUEUE = (_next_batches(), _paced_batches(), _probes())
_LATER = pending_batches(func.min(FREE_AT)).where(~MAY_GO_NOW, _OF_ROOT)
_DELETE_VOID = _delete_void()
_WAKE = _wake()
