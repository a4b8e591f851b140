"""Notices a database that was put back from a copy, so that what it forgot isn't sent again.

A file beside the database counts the attempts that were started. A database that knows of fewer
is older than the file; one that was made by a backup says so itself. Neither sends anything until
a person has said that it may.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from digest.delivery.control import pause
from digest.delivery.models import Attempt, Installation
from digest.delivery.plan import new_key
from digest.delivery.store import Store
from digest.errors import DatabaseUnfit
from digest.issues.editorial import Approval
from digest.issues.models import Issue, IssueState, Newsletter, Turn, TurnState
from digest.migrations.upgrade import require_newest

NEXT_STEP = (
    "find out what went out meanwhile (the provider's activity; digest docs operating), then:"
    " digest resume --after-restore --by NAME --why TEXT"
)


class Restored(DatabaseUnfit):
    """The database is a copy, and may not know what was sent since."""

    next_step = NEXT_STEP


@dataclass(frozen=True, kw_only=True)
class Noted:
    """What the file says: which database it belongs to, and how many attempts were started."""

    key: str
    attempts: int


@dataclass(frozen=True)
class EpochFile:
    """One line of fixed length, written in one piece under a lock."""

    path: Path

    def read(self) -> Noted | None:
        """Return what is noted, ``None`` without a file; raises `Restored` for rubbish."""
        try:
            return _parse(self.path.read_bytes())
        except FileNotFoundError:
            return None

    def count(self) -> None:
        """Note one more attempt; does nothing before `begin` has been called once."""
        with self._locked() as number:
            noted = _parse(os.pread(number, 200, 0))
            if noted is not None:
                os.pwrite(number, _line(noted.key, noted.attempts + 1), 0)

    def begin(self, key: str, attempts: int) -> None:
        """Make the file say at least this much, durably."""
        with self._locked() as number:
            noted = _parse(os.pread(number, 200, 0))
            known = noted.attempts if noted is not None and noted.key == key else 0
            os.pwrite(number, _line(key, max(known, attempts)), 0)
            os.fsync(number)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        number = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            yield number
        finally:
            os.close(number)


def hold(store: Store, file: EpochFile) -> str | None:
    """Say why nothing may be sent from this database; ``None`` when it may.

    The file is read first, and the database in a transaction of its own after that: an attempt is
    counted once it is on record, so whatever the file says by then, the database holds. A
    transaction that was begun earlier sees it as it was, while a sender at work counts on.
    """
    unreadable = noted = None
    try:
        noted = file.read()
    except Restored as fault:
        unreadable = str(fault)
    with store.read() as session:
        here = session.get(Installation, 1)
        started = _started(session)
    if started and noted is None and _appeared(file):
        return hold(store, file)  # the first sender of all began in between
    if here is not None and here.copied_at is not None:
        return f"this database is a copy made on {here.copied_at:%Y-%m-%d at %H:%M} UTC"
    return unreadable or _amiss(noted, here, started, file)


def _appeared(file: EpochFile) -> bool:
    try:
        return file.read() is not None
    except Restored:
        return False


def _amiss(
    noted: Noted | None, here: Installation | None, started: int, file: EpochFile
) -> str | None:
    if noted is None:
        # Whoever has never sent anything has nothing to send twice.
        return f"{file.path} is missing, and mail was sent before" if started else None
    if here is None or noted.key != here.key:
        return f"{file.path} belongs to another database, or to an earlier life of this one"
    if noted.attempts > started:
        return (
            f"this database knows of {started} requests to the provider, and {noted.attempts} were"
            " made: it is older than what was sent"
        )
    return None


def begin(store: Store, file: EpochFile) -> None:
    """Check that sending may begin, and make the file agree; raises `DatabaseUnfit`."""
    with store.read() as session:
        require_newest(session.connection())
    why = hold(store, file)
    if why is not None:
        raise Restored(f"nothing is sent: {why}")
    with store.read() as session:
        here = session.get(Installation, 1)
        key = here.key if here else None
        started = _started(session)
    if key is None:
        with store.write() as session:
            here = session.get(Installation, 1)
            if here is None:
                here = Installation(id=1, key=new_key())
                session.add(here)
            key = here.key
    file.begin(key, started)


class Doubtful(NamedTuple):
    """The numbers of issues that may have gone out without this database knowing."""

    paused: list[int | None]  #: on their way as it knows; now paused
    built: list[int | None]  #: not sent as it knows; their approvals are void now


def accept(store: Store, file: EpochFile, *, by: str, why: str, now: datetime) -> Doubtful:
    """Let a restored database go on by a person's word; returns what to look at.

    What it takes for unsent may have been sent: every issue on its way is paused first, one that
    was only built needs a new approval, and of the moments that have passed none makes an issue go
    by itself any more.
    """
    with store.write() as session:
        here = session.get(Installation, 1) or Installation(id=1, key="")
        here.key, here.copied_at = new_key(), None
        here.accepted_by, here.accepted_why, here.accepted_at = by, why, now
        session.add(here)
        paused, built = _in(session, IssueState.PREPARED), _in(session, IssueState.BUILT)
        for issue in paused:
            pause(session, issue, f"the database was put back from a copy ({by}: {why})")
        of_built = col(Approval.issue_id).in_([issue.id for issue in built])
        session.connection().execute(delete(Approval).where(of_built))
        _leave_the_past(session, now)
        key, started = here.key, _started(session)
    file.path.unlink(missing_ok=True)
    file.begin(key, started)
    return Doubtful(*([issue.number for issue in each] for each in (paused, built)))


def _in(session: Session, state: IssueState) -> list[Issue]:
    return list(session.exec(select(Issue).where(Issue.state == state)).all())


def _leave_the_past(session: Session, now: datetime) -> None:
    open_ = [TurnState.AHEAD, TurnState.DRAFTED, TurnState.HELD]
    session.connection().execute(
        update(Turn)
        .where(col(Turn.due_at) <= now, col(Turn.state).in_(open_))
        .values(state=TurnState.MISSED, note="the database was put back from a copy since")
    )
    session.connection().execute(update(Newsletter).values(scheduled_since=now))


def _started(session: Session) -> int:
    found = select(func.count()).select_from(Attempt).where(col(Attempt.started_at).is_not(None))
    return session.exec(found).one()


def _line(key: str, attempts: int) -> bytes:
    return f"digest-epoch {key} {attempts:015d}\n".encode("ascii")


def _parse(raw: bytes) -> Noted | None:
    if not raw:
        return None
    try:
        name, key, attempts = raw.decode("ascii").split()
        if name == "digest-epoch":
            return Noted(key=key, attempts=int(attempts))
    except ValueError:
        pass
    raise Restored("the epoch file beside the database can't be read")
