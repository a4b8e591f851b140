"""Run a job when the database says that it is due, and record the result.

Hides how one of many processes gets a run: a compare-and-set on the job's row in `JobRun`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from digest.errors import DatabaseUnfit, DigestError
from digest.issues.models import JobRun
from digest.migrations.revision import require_newest
from digest.service.logging_setup import scrub
from subscribers.errors import SubscribersError
from subscribers.sql import UnitOfWork, upsert

log = logging.getLogger(__name__)

MINUTE = timedelta(minutes=1)
NOTHING = "nothing to do"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A repeated, idempotent task.

    *run* takes the current time and returns a one-line summary, empty when it did nothing. Jobs
    named in *then* run after a run that did something.
    """

    name: str
    every: timedelta
    run: Callable[[datetime], str]
    then: tuple[str, ...] = ()  #: names of jobs to run after this one did something


def run_if_due(
    job: Job, store: UnitOfWork, clock: Callable[[], datetime], owner: str, *, woken: bool = False
) -> bool:
    """Run a job that is due and not claimed elsewhere; return whether it did something.

    *woken* runs the job although it isn't due. A failed run is recorded and logged, and the job
    runs again at its next time; an error of the database is logged only. So is one that another
    version has made or upgraded since: nothing is done there.
    """
    now = clock()
    try:
        with store.read() as session:
            require_newest(session.connection())
        if not _claim(job, store, now, owner, woken=woken):
            return False
        ok, result = _run(job, now)
        _record(job, store, clock(), owner, ok=ok, result=result or NOTHING)
    except SQLAlchemyError as fault:
        kind = type(fault).__name__
        log.error("%s: the database can't be used: %s; next: digest doctor", job.name, kind)
        return False
    except DatabaseUnfit as fault:
        log.error("%s: %s; next: %s", job.name, fault, fault.next_step)
        return False
    return ok and bool(result)


def _run(job: Job, now: datetime) -> tuple[bool, str]:
    try:
        result = job.run(now)
    except (DigestError, SubscribersError, OSError) as fault:
        result = scrub(str(fault))
    except SQLAlchemyError as fault:
        result = f"the database refused: {type(fault).__name__}"
    except Exception as fault:  # a bug in one job must not end the service, and must be seen
        log.exception("%s failed", job.name)
        result = f"an internal fault: {type(fault).__name__}"
    else:
        if result:
            log.info("%s: %s", job.name, result)
        return True, result
    log.error("%s: %s", job.name, result)
    return False, result


def _claim(job: Job, store: UnitOfWork, now: datetime, owner: str, *, woken: bool) -> bool:
    """Claim the job's next run; return ``False`` if it isn't due or is claimed already."""
    with store.read() as session:
        row = session.get(JobRun, job.name)
        last_start = row.started_at if row else None
        if row is not None and not (woken or _due(row, now)):
            return False
    values: dict[str, Any] = {
        "every": int(job.every.total_seconds()),
        "started_at": now,
        "ended_at": None,
        # The scheduler asks at full minutes.
        "next_at": now.replace(second=0, microsecond=0) + job.every,
        "owner": owner,
    }
    with store.write() as session:
        if last_start is not None:
            unchanged = (col(JobRun.name) == job.name, col(JobRun.started_at) == last_start)
            statement = update(JobRun).where(*unchanged).values(**values)
            return session.connection().execute(statement).rowcount == 1
        insert = upsert(session, JobRun).values(name=job.name, ok=True, result="", **values)
        return _inserted(session, insert)


def _inserted(session: Session, statement: Any) -> bool:
    result = session.connection().execute(
        statement.on_conflict_do_nothing().returning(col(JobRun.name))
    )
    return result.first() is not None


def _due(row: JobRun, now: datetime) -> bool:
    # A clock that was set back must not make a job wait for a time that has passed already.
    return now >= row.next_at or now < row.started_at - MINUTE


def _record(
    job: Job, store: UnitOfWork, now: datetime, owner: str, *, ok: bool, result: str
) -> None:
    with store.write() as session:
        session.connection().execute(
            update(JobRun)
            .where(col(JobRun.name) == job.name, col(JobRun.owner) == owner)
            .values(ended_at=now, ok=ok, result=result)
        )
