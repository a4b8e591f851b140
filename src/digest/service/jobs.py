"""Runs a chore when the database says that it is due, and records what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col

from digest.delivery.unit_of_work import UnitOfWork
from digest.errors import DigestError
from digest.issues.calendar import slots
from digest.issues.models import JobRun
from digest.service.logging_setup import scrub
from subscribers.errors import SubscribersError

log = logging.getLogger(__name__)

MINUTE = timedelta(minutes=1)
NOTHING = "nothing to do"


@dataclass(frozen=True, kw_only=True)
class Job:
    """Work that is done again and again; doing it once more than needed does no harm.

    *run* is given the moment, and returns what it did in a line, nothing when there was nothing.
    """

    name: str
    every: timedelta
    run: Callable[[datetime], str]
    then: tuple[str, ...] = ()  #: chores that have something to do once this one did something


def run_if_due(
    chore: Job, store: UnitOfWork, clock: Callable[[], datetime], owner: str, *, woken: bool = False
) -> bool:
    """Run a chore unless it, or another process, ran it lately; tells whether it did something.

    *woken* runs it although it isn't due. Whatever fails in it is recorded and told, and is tried
    again the next time; so is what the database itself refuses.
    """
    now = clock()
    try:
        if not _take(chore, store, now, owner, woken=woken):
            return False
        ok, said = _run(chore, now)
        _record(chore, store, clock(), owner, ok=ok, said=said or NOTHING)
    except SQLAlchemyError as fault:
        kind = type(fault).__name__
        log.error("%s: the database can't be used: %s; next: digest doctor", chore.name, kind)
        return False
    return ok and bool(said)


def _run(chore: Job, now: datetime) -> tuple[bool, str]:
    try:
        said = chore.run(now)
    except (DigestError, SubscribersError, OSError) as fault:
        said = scrub(str(fault))
    except SQLAlchemyError as fault:
        said = f"the database refused: {type(fault).__name__}"
    except Exception as fault:  # a fault of ours must not end the service, and must be seen
        log.exception("%s failed", chore.name)
        said = f"an internal fault: {type(fault).__name__}"
    else:
        if said:
            log.info("%s: %s", chore.name, said)
        return True, said
    log.error("%s: %s", chore.name, said)
    return False, said


def _take(chore: Job, store: UnitOfWork, now: datetime, owner: str, *, woken: bool) -> bool:
    """Take the chore's next run; false when it isn't due or somebody else has just taken it."""
    with store.read() as session:
        before = session.get(JobRun, chore.name)
        seen = before.started_at if before else None
        if before is not None and not (woken or _due(before, now)):
            return False
    values: dict[str, Any] = {
        "every": int(chore.every.total_seconds()),
        "started_at": now,
        "ended_at": None,
        "next_at": now.replace(second=0, microsecond=0) + chore.every,  # asked at full minutes
        "owner": owner,
    }
    with store.write() as session:
        if seen is not None:
            mine = (col(JobRun.name) == chore.name, col(JobRun.started_at) == seen)
            taken = update(JobRun).where(*mine).values(**values)
            return session.connection().execute(taken).rowcount == 1
        fresh = slots.insert(session, JobRun).values(name=chore.name, ok=True, result="", **values)
        return _won(session, fresh)


def _won(session: Session, fresh: Any) -> bool:
    done = session.connection().execute(fresh.on_conflict_do_nothing().returning(col(JobRun.name)))
    return done.first() is not None


def _due(tick: JobRun, now: datetime) -> bool:
    # A clock that was set back must not leave a chore waiting for a moment that it has seen before.
    return now >= tick.next_at or now < tick.started_at - MINUTE


def _record(
    chore: Job, store: UnitOfWork, now: datetime, owner: str, *, ok: bool, said: str
) -> None:
    with store.write() as session:
        session.connection().execute(
            update(JobRun)
            .where(col(JobRun.name) == chore.name, col(JobRun.owner) == owner)
            .values(ended_at=now, ok=ok, result=said)
        )
