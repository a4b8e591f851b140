"""Stop sending from a database restored from a copy: it lacks attempts, and would send them again.

This module decides how a restore is detected. Each folder that sends has a guard file (setting
`epoch_file`), a witness: it names the last attempts that were in the database. A database without
one of them is older than the file, and is marked, so that no folder sends from it. A copy is
detected by itself too: a backup is marked, and on a database server a copy has another identity
than the original. Nothing is sent from either until a person accepts the restore.

From a database server any number of folders, on any machines, may send, and a folder without a file
joins at once: it has seen nothing, so it can tell nothing. A SQLite file has one guard file, beside
it, which must not be missing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
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
from digest.migrations.revision import require_newest
from subscribers.sql import UnitOfWork, upsert

MOST_ATTEMPTS = 32  #: that a guard file names; more than are started from a folder at one moment
NEXT_STEP = (
    "find out what went out meanwhile (the provider's activity; digest docs backups), then:"
    " digest resume --after-restore --by NAME --why TEXT"
)


class DatabaseRestored(DatabaseUnfit):
    """The database is a copy, and may lack attempts that were made since."""

    next_step = NEXT_STEP


@dataclass(frozen=True, kw_only=True)
class GuardRecord:
    """The contents of a guard file: the database it belongs to, and what that database has held."""

    key: str  #: `Installation.key` of the database
    attempts: tuple[str, ...] = ()  #: keys of the last attempts known to be on record there
    seen: int = 0  #: in a file of an earlier version: how many attempts there were at least

    def naming(self, attempts: Sequence[str]) -> GuardRecord:
        """Return the record with *attempts* as well, and the oldest left out."""
        new = [key for key in attempts if key not in self.attempts]
        return replace(self, attempts=(*self.attempts, *new)[-MOST_ATTEMPTS:])


@dataclass(frozen=True)
class RestoreGuardFile:
    """The guard file: one line, read and written under a lock."""

    path: Path

    def read(self) -> GuardRecord | None:
        """Return the record, or ``None`` without a file.

        Raise `DatabaseRestored` if the file can't be parsed.
        """
        try:
            with self._locked(os.O_RDONLY, fcntl.LOCK_SH) as number:
                return _parse(os.pread(number, _LONGEST, 0))
        except FileNotFoundError:
            return None

    def note(self, attempt: str) -> None:
        """Name an attempt that is on record; do nothing before `begin` was called once."""
        with self._locked() as number:
            record = _parse(os.pread(number, _LONGEST, 0))
            if record is not None:
                os.pwrite(number, _line(record.naming([attempt])), 0)

    def begin(self, key: str, attempts: Sequence[str] = ()) -> None:
        """Name *attempts* too, durably; begin a new record if the file is of another key."""
        with self._locked() as number:
            before = os.pread(number, _LONGEST, 0)
            record = _parse(before)
            if record is None or record.key != key:
                record = GuardRecord(key=key)
            line = _line(replace(record.naming(attempts), seen=0))
            if not before.startswith(line):
                os.pwrite(number, line, 0)
                os.fsync(number)

    @contextmanager
    def _locked(
        self, access: int = os.O_RDWR | os.O_CREAT, lock: int = fcntl.LOCK_EX
    ) -> Iterator[int]:
        number = os.open(self.path, access, 0o600)
        try:
            fcntl.flock(number, lock)
            yield number
        finally:
            os.close(number)


class _DatabaseState(NamedTuple):
    """What the database holds, read after the file: it includes every attempt named there."""

    installation: Installation | None
    epoch: Epoch | None  #: the row of the current key
    server: str | None  #: ids of server and database; ``None`` for a SQLite file
    sent: bool  #: whether any attempt was started
    behind: str | None  #: what it lacks of the file's attempts; ``None`` when it has them all
    ended: bool  #: the file's key was this database's until a person accepted a restore


class _Verdict(NamedTuple):
    state: _DatabaseState
    why: str | None  #: why nothing may be sent
    older: bool  #: whether the reason is that the database lacks attempts that the file names
    names_none: bool  #: whether the file names no attempt of this database yet


def hold_reason(store: UnitOfWork, file: RestoreGuardFile) -> str | None:
    """Return why nothing may be sent from this database; ``None`` when sending may begin.

    The database is read in a transaction of its own. One begun before the file is read could miss
    attempts that a running sender has named in the file since.
    """
    return _check(store, file).why


def begin(store: UnitOfWork, file: RestoreGuardFile) -> None:
    """Check that sending may begin, and begin the file where needed; raise `DatabaseUnfit` if not.

    What it costs doesn't grow with what was sent, so that it may come before each batch.
    """
    verdict = _require_original(store, file)
    if verdict.names_none or verdict.state.epoch is None:
        _catch_up(store, file, verdict)


def refresh_guard(store: UnitOfWork, file: RestoreGuardFile) -> None:
    """Let the file name the newest attempts, from whatever folder.

    Raise `DatabaseRestored` after a restore.

    Every process that may send calls it periodically, so that it detects a database restored to a
    time before the last call.
    """
    if file.path.exists() or _check(store, file).state.sent:
        _catch_up(store, file, _require_original(store, file))


def _require_original(store: UnitOfWork, file: RestoreGuardFile) -> _Verdict:
    with store.read() as session:
        require_newest(session.connection())
    verdict = _check(store, file)
    if verdict.why is not None:
        if verdict.older:
            _mark_lost(store, verdict.why)
        raise DatabaseRestored(f"nothing is sent: {verdict.why}")
    return verdict


def _catch_up(store: UnitOfWork, file: RestoreGuardFile, verdict: _Verdict) -> None:
    key = _installation_key(store, verdict.state)
    with store.read() as session:
        newest = _newest_attempts(session)
    file.begin(key, newest)


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
    record = _read_or_none(file)
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
            pause(session, issue, f"the database was restored from a copy ({by}: {why})", now)
        for issue in built:
            approval.withdraw(
                session, issue, by=by, why=f"the database was restored: {why}", now=now
            )
        _miss_past_slots(session, now)
        key, newest = row.key, _newest_attempts(session)
    file.path.unlink(missing_ok=True)
    file.begin(key, newest)
    return AffectedIssues(*([issue.number for issue in issues] for issues in (paused, built)))


def _check(store: UnitOfWork, file: RestoreGuardFile) -> _Verdict:
    broken = record = None
    try:
        record = file.read()
    except DatabaseRestored as fault:
        broken = str(fault)
    with store.read() as session:
        state = _database_state(session, record)
    if state.sent and record is None and _read_or_none(file) is not None:
        return _check(store, file)  # the first sender of this folder began in between
    why = _copied(state) or broken or _foreign(state, record, file) or state.behind
    return _Verdict(
        state,
        why,
        older=why is not None and why == state.behind,
        names_none=record is None or not record.attempts or record.key != _key(state),
    )


def _key(state: _DatabaseState) -> str | None:
    return state.installation.key if state.installation is not None else None


def _database_state(session: Session, record: GuardRecord | None) -> _DatabaseState:
    installation = session.get(Installation, 1)
    of_file = session.get(Epoch, record.key) if record else None
    is_its = record is not None and installation is not None and record.key == installation.key
    return _DatabaseState(
        installation,
        session.get(Epoch, installation.key) if installation else None,
        _server(session),
        session.exec(_NEWEST_FIRST.limit(1)).first() is not None,
        _behind(session, record) if record is not None and is_its else None,
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
        # A database without attempts can't send twice, and that of a server shows its copies.
        if state.sent and (state.server is None or state.epoch is None):
            return f"{file.path} is missing, but this database has sent mail"
        return None
    if record.key == _key(state):
        return None
    if state.server is not None and state.ended:
        return None
    return f"{file.path} belongs to another database, or to an earlier state of this one"


def _behind(session: Session, record: GuardRecord) -> str | None:
    """Return what the database lacks of the file's attempts; ``None`` when it has them all."""
    named = select(func.count()).where(_STARTED, col(Attempt.key).in_(record.attempts))
    lacking = len(record.attempts) - session.exec(named).one()
    if lacking:
        return (
            f"{lacking} of the last {len(record.attempts)} requests to the provider aren't in this"
            " database: it is older than what was sent"
        )
    if record.seen:
        held = session.exec(select(func.count()).where(_STARTED)).one()
        if held < record.seen:
            return (
                f"this database knows of {held} requests to the provider, and {record.seen} were"
                " made: it is older than what was sent"
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


def _newest_attempts(session: Session) -> Sequence[str]:
    """Return the keys of the newest attempts, the newest last; no more than half a file's.

    The other half is left to the folder's own, which are named as soon as they are on record.
    """
    return session.exec(_NEWEST_FIRST.limit(MOST_ATTEMPTS // 2)).all()[::-1]


_STARTED = col(Attempt.started_at).is_not(None)
_NEWEST_FIRST = select(Attempt.key).where(_STARTED).order_by(col(Attempt.claimed_at).desc())
_LONGEST = 2048  # bytes that a file's line has at most


def _line(record: GuardRecord) -> bytes:
    seen = [f"{record.seen:015d}"] if record.seen else []
    return f"digest-epoch {' '.join([record.key, *seen, *record.attempts])}\n".encode("ascii")


def _parse(raw: bytes) -> GuardRecord | None:
    if not raw:
        return None
    try:
        # Earlier versions wrote counts of 15 digits: of all attempts, and of the folder's own.
        name, key, *rest = raw.partition(b"\n")[0].decode("ascii").split()
        if name == "digest-epoch":
            counts = [int(field) for field in rest if len(field) == _DIGITS]
            attempts = tuple(field for field in rest if len(field) == len(key))
            return GuardRecord(key=key, attempts=attempts, seen=max(counts, default=0))
    except ValueError:
        pass
    raise DatabaseRestored("the epoch file beside the database can't be read")


_DIGITS = 15
