"""Notices a database that was put back from a copy, so that what it forgot isn't sent again.

A file for each folder that sends counts the attempts that were started from there, and notes how
many the database has held in all. A database that knows of fewer is older than the file, and says
so from then on to every folder. A copy tells itself apart too: our backups are marked, and on a
database server a copy has another identity than the original. Neither sends anything until a person
has said that it may.

On a server any number of folders, on any machines, may send: one that never has begins at once. A
SQLite file has one epoch file, beside it.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import delete, func, text, update
from sqlmodel import Session, col, select

from digest.delivery.models import Attempt, Epoch, Installation
from digest.delivery.sending.control import pause
from digest.delivery.sending.planning import random_key
from digest.delivery.unit_of_work import UnitOfWork
from digest.errors import DatabaseUnfit
from digest.issues.models import Approval, Issue, IssueState, Newsletter, Slot, SlotState
from digest.migrations.upgrade import require_newest
from subscribers.store import upsert

NEXT_STEP = (
    "find out what went out meanwhile (the provider's activity; digest docs operating), then:"
    " digest resume --after-restore --by NAME --why TEXT"
)


class Restored(DatabaseUnfit):
    """The database is a copy, and may not know what was sent since."""

    next_step = NEXT_STEP


@dataclass(frozen=True, kw_only=True)
class GuardRecord:
    """What a file says of the database it belongs to.

    The two numbers are kept apart because an attempt is on record a moment before it is counted:
    whoever looks at the database in between sees one that *own* doesn't hold yet.
    """

    key: str
    seen: int  #: attempts the database was seen to hold, from wherever they were made
    place: str = ""  #: what the owners of the attempts that are counted here begin with
    own: int = 0  #: attempts that were started from here since the file was begun


@dataclass(frozen=True)
class RestoreGuardFile:
    """One line of fixed length, written in one piece under a lock."""

    path: Path

    def read(self) -> GuardRecord | None:
        """Return what is noted, ``None`` without a file; raises `Restored` for rubbish."""
        try:
            return _parse(self.path.read_bytes())
        except FileNotFoundError:
            return None

    def place(self) -> str:
        """Return what tells this folder from every other: made from its name, kept when moved."""
        noted = _readable(self)
        if noted is not None and noted.place:
            return noted.place
        return sha256(f"{socket.gethostname()}:{self.path.absolute()}".encode()).hexdigest()[:12]

    def count(self) -> None:
        """Note one more attempt; does nothing before `begin` has been called once."""
        with self._locked() as number:
            noted = _parse(os.pread(number, 200, 0))
            if noted is not None:
                os.pwrite(number, _line(replace(noted, own=noted.own + 1)), 0)

    def begin(self, key: str, seen: int, place: str = "") -> None:
        """Make the file say at least this much, durably."""
        place = place or self.place()
        with self._locked() as number:
            noted = _parse(os.pread(number, 200, 0))
            if noted is None or noted.key != key:
                noted = GuardRecord(key=key, seen=seen)
            line = _line(replace(noted, seen=max(noted.seen, seen), place=place))
            if os.pread(number, 200, 0) != line:
                os.pwrite(number, line, 0)
                os.fsync(number)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        number = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            yield number
        finally:
            os.close(number)


class _Known(NamedTuple):
    """What the database says, read after the file: it holds all that was counted by then."""

    here: Installation | None
    epoch: Epoch | None  #: what is kept of the key in force
    server: str | None  #: which database of which server this is; ``None`` for a SQLite file
    started: int
    own: int  #: of them, from this folder
    ended: bool  #: the file's key was this database's until a person let it go on


class _Look(NamedTuple):
    known: _Known
    why: str | None  #: why nothing may be sent
    older: bool  #: because the file knows of more than the database


def hold_reason(store: UnitOfWork, file: RestoreGuardFile) -> str | None:
    """Say why nothing may be sent from this database; ``None`` when it may.

    Asks in a transaction of its own. One that was begun before the file is read sees the database
    as it was then, and a sender that is at work has counted more since.
    """
    return _look(store, file).why


def begin(store: UnitOfWork, file: RestoreGuardFile) -> None:
    """Check that sending may begin, and make the file agree; raises `DatabaseUnfit`."""
    with store.read() as session:
        require_newest(session.connection())
    look = _look(store, file)
    if look.why is not None:
        if look.older:
            _tell_all(store, look.why)
        raise Restored(f"nothing is sent: {look.why}")
    file.begin(_on_record(store, look.known), look.known.started)


def keep_up(store: UnitOfWork, file: RestoreGuardFile) -> None:
    """Note what others have sent since; raises `Restored`.

    Called now and then by every process that may send, so that it notices a database that is put
    back to a time before that.
    """
    if file.path.exists() or _look(store, file).known.started:
        begin(store, file)


class AffectedIssues(NamedTuple):
    """The numbers of issues that may have gone out without this database knowing."""

    paused: list[int | None]  #: on their way as it knows; now paused
    built: list[int | None]  #: not sent as it knows; their approvals are void now


def accept_restore(
    store: UnitOfWork, file: RestoreGuardFile, *, by: str, why: str, now: datetime
) -> AffectedIssues:
    """Let a restored database go on by a person's word; returns what to look at.

    What it takes for unsent may have been sent: every issue on its way is paused first, one that
    was only built needs a new approval, and of the moments that have passed none makes an issue go
    by itself any more. That holds for every folder that sends from a server's database: the others
    follow by themselves.
    """
    place, noted = file.place(), _readable(file)
    with store.write() as session:
        here = session.get(Installation, 1) or Installation(id=1, key="")
        for key in {here.key, noted.key if noted else ""} - {""}:
            _end(session, key, now)
        here.key, here.copied_at = random_key(), None
        here.accepted_by, here.accepted_why, here.accepted_at = by, why, now
        session.add_all([here, Epoch(key=here.key, server=_server(session))])
        paused, built = _in(session, IssueState.PREPARED), _in(session, IssueState.BUILT)
        for issue in paused:
            pause(session, issue, f"the database was put back from a copy ({by}: {why})")
        of_built = col(Approval.issue_id).in_([issue.id for issue in built])
        session.connection().execute(delete(Approval).where(of_built))
        _leave_the_past(session, now)
        key, (started, _) = here.key, _started(session, place)
    file.path.unlink(missing_ok=True)
    file.begin(key, started, place)
    return AffectedIssues(*([issue.number for issue in each] for each in (paused, built)))


def _look(store: UnitOfWork, file: RestoreGuardFile) -> _Look:
    broken = noted = None
    try:
        noted = file.read()
    except Restored as fault:
        broken = str(fault)
    place = file.place()
    with store.read() as session:
        known = _known(session, noted, place)
    if known.started and noted is None and _readable(file) is not None:
        return _look(store, file)  # the first sender from here began in between
    behind = _behind(known, noted) if noted is not None else None
    why = _copied(known) or broken or _foreign(known, noted, file) or behind
    return _Look(known, why, older=why is not None and why == behind)


def _known(session: Session, noted: GuardRecord | None, place: str) -> _Known:
    here = session.get(Installation, 1)
    before = session.get(Epoch, noted.key) if noted else None
    return _Known(
        here,
        session.get(Epoch, here.key) if here else None,
        _server(session),
        *_started(session, place),
        before is not None and before.ended_at is not None,
    )


def _copied(known: _Known) -> str | None:
    """Say what the database itself tells of being a copy."""
    here, epoch = known.here, known.epoch
    if here is not None and here.copied_at is not None:
        return f"this database is a copy made on {here.copied_at:%Y-%m-%d at %H:%M} UTC"
    if epoch is not None and epoch.lost:
        return epoch.lost
    if epoch is not None and epoch.server != known.server:
        return "this database is a copy of the one that mail was sent from, or that one was moved"
    return None


def _foreign(known: _Known, noted: GuardRecord | None, file: RestoreGuardFile) -> str | None:
    """Say why a file can't speak for the database, or why its lack is no beginner's."""
    if noted is None:
        # Who has never sent anything has nothing to send twice, a folder no more than all of them.
        new_here = known.server is not None and known.epoch is not None and not known.own
        if known.started and not new_here:
            return f"{file.path} is missing, and mail was sent before"
        return None
    if known.here is not None and noted.key == known.here.key:
        return None
    if known.server is not None and known.ended:
        return None
    return f"{file.path} belongs to another database, or to an earlier life of this one"


def _behind(known: _Known, noted: GuardRecord) -> str | None:
    """Say how much more was done than the database knows of."""
    if known.here is None or noted.key != known.here.key:
        return None
    for made, here, whence in (
        (noted.own, known.own, " from here"),
        (noted.seen, known.started, ""),
    ):
        if made > here:
            return (
                f"this database knows of {here} requests to the provider, and {made} were"
                f" made{whence}: it is older than what was sent"
            )
    return None


def _readable(file: RestoreGuardFile) -> GuardRecord | None:
    try:
        return file.read()
    except Restored:
        return None


def _on_record(store: UnitOfWork, known: _Known) -> str:
    """Return the database's key; makes it, and notes which server it was made on, unless done."""
    if known.here is not None and known.epoch is not None:
        return known.here.key
    with store.write() as session:
        connection = session.connection()
        blank = {"accepted_by": "", "accepted_why": ""}
        made = upsert(session, Installation).values(id=1, key=random_key(), **blank)
        connection.execute(made.on_conflict_do_nothing())
        key = session.get_one(Installation, 1).key
        _keep(session, key)
        return key


def _keep(session: Session, key: str) -> None:
    row = upsert(session, Epoch).values(key=key, server=_server(session), lost="")
    session.connection().execute(row.on_conflict_do_nothing())


def _end(session: Session, key: str, now: datetime) -> None:
    _keep(session, key)
    session.connection().execute(update(Epoch).where(col(Epoch.key) == key).values(ended_at=now))


def _tell_all(store: UnitOfWork, why: str) -> None:
    """Let no folder send that knows less: each sees only what it sent itself, or saw in time."""
    with store.write() as session:
        key = session.get_one(Installation, 1).key
        _keep(session, key)
        session.connection().execute(update(Epoch).where(col(Epoch.key) == key).values(lost=why))


def _server(session: Session) -> str | None:
    """Name the database and its server by numbers that a dump doesn't carry along."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        return None
    here = connection.execute(_DATABASE).scalar_one()
    # Anybody may ask this, unless it was taken away; then a new database is told by its number.
    cluster = (
        connection.execute(_CLUSTER).scalar_one() if connection.execute(_MAY_ASK).scalar() else ""
    )
    return f"{cluster}/{here}"


_DATABASE = text("SELECT oid FROM pg_database WHERE datname = current_database()")
_CLUSTER = text("SELECT system_identifier FROM pg_control_system()")
_MAY_ASK = text(
    "SELECT has_function_privilege(CAST(to_regprocedure('pg_control_system()') AS oid), 'execute')"
)


def _in(session: Session, state: IssueState) -> list[Issue]:
    return list(session.exec(select(Issue).where(Issue.state == state)).all())


def _leave_the_past(session: Session, now: datetime) -> None:
    open_ = [SlotState.AHEAD, SlotState.DRAFTED, SlotState.HELD]
    session.connection().execute(
        update(Slot)
        .where(col(Slot.due_at) <= now, col(Slot.state).in_(open_))
        .values(state=SlotState.MISSED, note="the database was put back from a copy since")
    )
    session.connection().execute(update(Newsletter).values(scheduled_since=now))


def _started(session: Session, place: str) -> tuple[int, int]:
    """Count the attempts that were started, in all and from one place."""
    mine = func.count().filter(col(Attempt.owner).startswith(f"{place}/"))
    found = select(func.count(), mine).select_from(Attempt)
    return session.exec(found.where(col(Attempt.started_at).is_not(None))).one()


def _line(noted: GuardRecord) -> bytes:
    words = (noted.key, f"{noted.seen:015d}", noted.place, f"{noted.own:015d}")
    return f"digest-epoch {' '.join(words)}\n".encode("ascii")


def _parse(raw: bytes) -> GuardRecord | None:
    if not raw:
        return None
    try:
        # Older versions noted no place; their attempts are counted in what was seen.
        name, key, seen, *own = raw.decode("ascii").split()
        if name == "digest-epoch":
            place, number = own or ("", "0")
            return GuardRecord(key=key, seen=int(seen), place=place, own=int(number))
    except ValueError:
        pass
    raise Restored("the epoch file beside the database can't be read")
