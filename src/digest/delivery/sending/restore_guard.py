"""Stop sending from a database restored from a copy: it lacks attempts, and would send them again.

This module decides how a restore is detected. A guard file (setting `epoch_file`) in each folder
that sends counts the attempts started from the folder, and holds how many the database has held in
all. A database that holds fewer is older than the file, and is marked, so that no folder sends from
it. A copy is detected by itself too: a backup is marked, and on a database server a copy has
another identity than the original. Nothing is sent from either until a person accepts the restore.

From a database server any number of folders, on any machines, may send; a folder that never has may
begin at once. A SQLite file has one guard file, beside it.
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

from sqlalchemy import func, text, update
from sqlmodel import Session, col, select

from digest.delivery.models import Attempt, Epoch, Installation
from digest.delivery.sending.control import pause
from digest.delivery.sending.planning import random_key
from digest.errors import DatabaseUnfit
from digest.issues import approval
from digest.issues.models import Issue, IssueState, Newsletter, Slot, SlotState
from subscribers.sql import UnitOfWork, upsert

NEXT_STEP = (
    "find out what went out meanwhile (the provider's activity; digest docs backups), then:"
    " digest resume --after-restore --by NAME --why TEXT"
)


class DatabaseRestored(DatabaseUnfit):
    """The database is a copy, and may lack attempts that were made since."""

    next_step = NEXT_STEP


@dataclass(frozen=True, kw_only=True)
class GuardRecord:
    """The contents of a guard file: the database it belongs to, and two counts of attempts.

    The counts are separate because an attempt is in the database a moment before *own* counts it: a
    process that reads the database in between sees one attempt more than *own*.
    """

    key: str  #: `Installation.key` of the database
    seen: int  #: attempts that the database has held at most, started from any folder
    folder_id: str = ""  #: prefix of `Attempt.owner` for attempts started from this folder
    own: int = 0  #: attempts started from this folder since the file was created


@dataclass(frozen=True)
class RestoreGuardFile:
    """The guard file: one line of fixed length, written in one call under a lock."""

    path: Path

    def read(self) -> GuardRecord | None:
        """Return the record, or ``None`` without a file.

        Raise `DatabaseRestored` if the file can't be parsed.
        """
        try:
            return _parse(self.path.read_bytes())
        except FileNotFoundError:
            return None

    def folder_id(self) -> str:
        """Return this folder's id: a hash of host and path, kept when the file moves."""
        record = _read_or_none(self)
        if record is not None and record.folder_id:
            return record.folder_id
        return sha256(f"{socket.gethostname()}:{self.path.absolute()}".encode()).hexdigest()[:12]

    def count(self) -> None:
        """Count one more attempt; do nothing before `begin` was called once."""
        with self._locked() as number:
            record = _parse(os.pread(number, 200, 0))
            if record is not None:
                os.pwrite(number, _line(replace(record, own=record.own + 1)), 0)

    def begin(self, key: str, seen: int, folder_id: str = "") -> None:
        """Raise `seen` to *seen*, durably; begin a new record if the file is of another key."""
        folder_id = folder_id or self.folder_id()
        with self._locked() as number:
            record = _parse(os.pread(number, 200, 0))
            if record is None or record.key != key:
                record = GuardRecord(key=key, seen=seen)
            line = _line(replace(record, seen=max(record.seen, seen), folder_id=folder_id))
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


class _DatabaseState(NamedTuple):
    """What the database holds, read after the file: it includes every attempt counted there."""

    installation: Installation | None
    epoch: Epoch | None  #: the row of the current key
    server: str | None  #: ids of server and database; ``None`` for a SQLite file
    started: int  #: attempts, from every folder
    own: int  #: attempts from this folder
    ended: bool  #: the file's key was this database's until a person accepted a restore


class _Verdict(NamedTuple):
    state: _DatabaseState
    why: str | None  #: why nothing may be sent
    older: bool  #: whether the reason is that the file counts more attempts than the database


def hold_reason(store: UnitOfWork, file: RestoreGuardFile) -> str | None:
    """Return why nothing may be sent from this database; ``None`` when sending may begin.

    The database is read in a transaction of its own. One begun before the file is read could miss
    attempts that a running sender has counted in the file since.
    """
    return _check(store, file).why


def begin(store: UnitOfWork, file: RestoreGuardFile) -> None:
    """Check that sending may begin, and bring the file up to date; raise `DatabaseUnfit` if not."""
    from digest.migrations.upgrade import require_newest

    with store.read() as session:
        require_newest(session.connection())
    verdict = _check(store, file)
    if verdict.why is not None:
        if verdict.older:
            _mark_lost(store, verdict.why)
        raise DatabaseRestored(f"nothing is sent: {verdict.why}")
    file.begin(_installation_key(store, verdict.state), verdict.state.started)


def refresh_guard(store: UnitOfWork, file: RestoreGuardFile) -> None:
    """Bring the file up to date with the attempts of other folders.

    Raise `DatabaseRestored` after a restore.

    Every process that may send calls it periodically, so that it detects a database restored to a
    time before the last call.
    """
    if file.path.exists() or _check(store, file).state.started:
        begin(store, file)


class AffectedIssues(NamedTuple):
    """The numbers of the issues that may have gone out unknown to the restored database."""

    paused: list[int | None]  #: were being sent; now paused
    built: list[int | None]  #: were built but not sent; their approvals are withdrawn


def accept_restore(
    store: UnitOfWork, file: RestoreGuardFile, *, by: str, why: str, now: datetime
) -> AffectedIssues:
    """Accept a restored database by a person's decision; return the issues to check by hand.

    An issue that the database takes for unsent may have been sent: every issue being sent is
    paused, an issue that was only built needs a new approval, and no slot whose time has passed
    sends an issue by itself. On a database server, the guard files of the other folders follow
    when they next begin.
    """
    folder_id, record = file.folder_id(), _read_or_none(file)
    with store.write() as session:
        row = session.get(Installation, 1) or Installation(id=1, key="")
        for key in {row.key, record.key if record else ""} - {""}:
            _end_key(session, key, now)
        row.key, row.copied_at = random_key(), None
        row.accepted_by, row.accepted_why, row.accepted_at = by, why, now
        session.add_all([row, Epoch(key=row.key, server=_server(session))])
        paused = _issues_in(session, IssueState.PREPARED)
        built = _issues_in(session, IssueState.BUILT)
        for issue in paused:
            pause(session, issue, f"the database was restored from a copy ({by}: {why})")
        for issue in built:
            approval.withdraw(
                session, issue, by=by, why=f"the database was restored: {why}", now=now
            )
        _miss_past_slots(session, now)
        key, (started, _) = row.key, _count_started(session, folder_id)
    file.path.unlink(missing_ok=True)
    file.begin(key, started, folder_id)
    return AffectedIssues(*([issue.number for issue in issues] for issues in (paused, built)))


def _check(store: UnitOfWork, file: RestoreGuardFile) -> _Verdict:
    broken = record = None
    try:
        record = file.read()
    except DatabaseRestored as fault:
        broken = str(fault)
    folder_id = file.folder_id()
    with store.read() as session:
        state = _database_state(session, record, folder_id)
    if state.started and record is None and _read_or_none(file) is not None:
        return _check(store, file)  # the first sender of this folder began in between
    behind = _behind(state, record) if record is not None else None
    why = _copied(state) or broken or _foreign(state, record, file) or behind
    return _Verdict(state, why, older=why is not None and why == behind)


def _database_state(session: Session, record: GuardRecord | None, folder_id: str) -> _DatabaseState:
    installation = session.get(Installation, 1)
    of_file = session.get(Epoch, record.key) if record else None
    return _DatabaseState(
        installation,
        session.get(Epoch, installation.key) if installation else None,
        _server(session),
        *_count_started(session, folder_id),
        of_file is not None and of_file.ended_at is not None,
    )


def _copied(state: _DatabaseState) -> str | None:
    """Return how the database itself shows that it is a copy; ``None`` when it doesn't."""
    installation, epoch = state.installation, state.epoch
    if installation is not None and installation.copied_at is not None:
        return f"this database is a copy made on {installation.copied_at:%Y-%m-%d at %H:%M} UTC"
    if epoch is not None and epoch.lost:
        return epoch.lost
    if epoch is not None and epoch.server != state.server:
        return "this database is a copy of the one that sent mail, or was moved"
    return None


def _foreign(
    state: _DatabaseState, record: GuardRecord | None, file: RestoreGuardFile
) -> str | None:
    """Return why the file isn't this database's, or why it must not be missing; else ``None``."""
    if record is None:
        # A database without attempts can't send twice; nor can a folder of a server without any.
        is_new = state.server is not None and state.epoch is not None and not state.own
        if state.started and not is_new:
            return f"{file.path} is missing, but this database has sent mail"
        return None
    if state.installation is not None and record.key == state.installation.key:
        return None
    if state.server is not None and state.ended:
        return None
    return f"{file.path} belongs to another database, or to an earlier state of this one"


def _behind(state: _DatabaseState, record: GuardRecord) -> str | None:
    """Return by how much the file counts more attempts; ``None`` when it doesn't."""
    if state.installation is None or record.key != state.installation.key:
        return None
    for count, held, whence in (
        (record.own, state.own, " from here"),
        (record.seen, state.started, ""),
    ):
        if count > held:
            return (
                f"this database knows of {held} requests to the provider, and {count} were"
                f" made{whence}: it is older than what was sent"
            )
    return None


def _read_or_none(file: RestoreGuardFile) -> GuardRecord | None:
    try:
        return file.read()
    except DatabaseRestored:
        return None


def _installation_key(store: UnitOfWork, state: _DatabaseState) -> str:
    """Return the database's key; insert it, with the server it was made on, where there is none."""
    if state.installation is not None and state.epoch is not None:
        return state.installation.key
    with store.write() as session:
        connection = session.connection()
        blank = {"accepted_by": "", "accepted_why": ""}
        statement = upsert(session, Installation).values(id=1, key=random_key(), **blank)
        connection.execute(statement.on_conflict_do_nothing())
        key = session.get_one(Installation, 1).key
        _keep(session, key)
        return key


def _keep(session: Session, key: str) -> None:
    row = upsert(session, Epoch).values(key=key, server=_server(session), lost="")
    session.connection().execute(row.on_conflict_do_nothing())


def _end_key(session: Session, key: str, now: datetime) -> None:
    _keep(session, key)
    session.connection().execute(update(Epoch).where(col(Epoch.key) == key).values(ended_at=now))


def _mark_lost(store: UnitOfWork, why: str) -> None:
    """Mark the database as older, since the files of other folders may not show it."""
    with store.write() as session:
        key = session.get_one(Installation, 1).key
        _keep(session, key)
        session.connection().execute(update(Epoch).where(col(Epoch.key) == key).values(lost=why))


def _server(session: Session) -> str | None:
    """Return the ids of the database and its server, which a dump doesn't contain."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        return None
    database = connection.execute(_DATABASE).scalar_one()
    # Every role may execute this by default; where it may not, only the database id tells.
    cluster = (
        connection.execute(_CLUSTER).scalar_one() if connection.execute(_MAY_ASK).scalar() else ""
    )
    return f"{cluster}/{database}"


_DATABASE = text("SELECT oid FROM pg_database WHERE datname = current_database()")
_CLUSTER = text("SELECT system_identifier FROM pg_control_system()")
_MAY_ASK = text(
    "SELECT has_function_privilege(CAST(to_regprocedure('pg_control_system()') AS oid), 'execute')"
)


def _issues_in(session: Session, state: IssueState) -> list[Issue]:
    return list(session.exec(select(Issue).where(Issue.state == state)).all())


def _miss_past_slots(session: Session, now: datetime) -> None:
    """Mark open slots whose time has passed as missed, so that none sends an issue by itself."""
    open_ = [SlotState.AHEAD, SlotState.DRAFTED, SlotState.HELD]
    session.connection().execute(
        update(Slot)
        .where(col(Slot.due_at) <= now, col(Slot.state).in_(open_))
        .values(state=SlotState.MISSED, note="the database has since been restored from a copy")
    )
    session.connection().execute(update(Newsletter).values(scheduled_since=now))


def _count_started(session: Session, folder_id: str) -> tuple[int, int]:
    """Return how many attempts were started, from every folder and from the folder *folder_id*."""
    own = func.count().filter(col(Attempt.owner).startswith(f"{folder_id}/"))
    counts = select(func.count(), own).select_from(Attempt)
    return session.exec(counts.where(col(Attempt.started_at).is_not(None))).one()


def _line(record: GuardRecord) -> bytes:
    fields = (record.key, f"{record.seen:015d}", record.folder_id, f"{record.own:015d}")
    return f"digest-epoch {' '.join(fields)}\n".encode("ascii")


def _parse(raw: bytes) -> GuardRecord | None:
    if not raw:
        return None
    try:
        # Older versions wrote neither `folder_id` nor `own`; their attempts are part of `seen`.
        name, key, seen, *own = raw.decode("ascii").split()
        if name == "digest-epoch":
            folder_id, number = own or ("", "0")
            return GuardRecord(key=key, seen=int(seen), folder_id=folder_id, own=int(number))
    except ValueError:
        pass
    raise DatabaseRestored("the epoch file beside the database can't be read")
