"""Whether the database an installation sends from is fit for it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shlex import quote
from shutil import disk_usage

from sqlalchemy import text
from sqlmodel import Session, col, select

from digest.app.installation import App
from digest.delivery.sending import restore_guard
from digest.doctor.health_check import HealthCheck, fine, refused, warning
from digest.issues.models import JobRun
from digest.migrations import tables
from digest.migrations.upgrade import OTHER_TABLES, current, newest
from digest.service import copies, database_file

#: Locks and shared memory can't be trusted on these, and SQLite's log needs both.
NETWORKED = frozenset(
    {
        *("afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"),
        *("ocfs2", "orangefs", "smb3", "smbfs"),
        *("fuse.blobfuse", "fuse.blobfuse2", "fuse.ceph", "fuse.ceph-fuse", "fuse.gcsfuse"),
        *("fuse.glusterfs", "fuse.goofys", "fuse.juicefs", "fuse.mfs", "fuse.mount-s3"),
        *("fuse.objectivefs", "fuse.rclone", "fuse.s3fs", "fuse.s3ql", "fuse.seaweedfs"),
        *("fuse.sshfs",),
    }
)
#: A machine's view of its host's disk: local as a rule, but others may see it too.
SHARED = frozenset({"9p", "virtiofs", "vboxsf"})
#: Gone with the machine's next start, or with the container that has no volume there.
PASSING = frozenset({"aufs", "fuse.fuse-overlayfs", "overlay", "ramfs", "tmpfs"})
_MOUNTS = Path("/proc/self/mountinfo")
_SHORTEST = 7


def may_be_remote(kind: str) -> bool:
    """Tell whether a program serves this file system, which may fetch it from anywhere."""
    return kind == "fuse" or kind.startswith("fuse.")


def file_system(path: Path, mounts: str | None = None) -> str | None:
    """Return the kind of file system a file is on; ``None`` where that can't be seen.

    *mounts* is what Linux says in ``/proc/self/mountinfo``.
    """
    if mounts is None:
        if not _MOUNTS.exists():
            return None
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace")
    found: tuple[int, str] | None = None
    target = path.absolute()
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < _SHORTEST or "-" not in fields:
            continue
        point = Path(re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), fields[4]))
        kind = fields[fields.index("-") + 1]
        # The last of those mounted on the same place is the one that is seen.
        if target.is_relative_to(point) and (found is None or len(point.parts) >= found[0]):
            found = (len(point.parts), kind)
    return found[1] if found else None


RELEASED = datetime(2026, 11, 1, tzinfo=UTC)  #: no clock that is right shows less
SLACK = timedelta(minutes=5)
BACKUP_AGE = timedelta(days=2)
READ_THROUGH = 200_000_000  #: bytes of a file that are read through in a second or two
FULL = 2  #: SQLite's number for waiting until it is on disk


def check_database(app: App) -> Iterator[HealthCheck]:
    """Look at its tables and what it stands on."""
    path = database_file(app)
    if path is not None and not path.exists():
        yield refused("database", f"there is none at {path}", "digest init")
        return
    kept_out = _unwritable(path) if path is not None else None
    if kept_out is not None:
        yield refused(
            "database",
            f"{kept_out} can't be written by the user this runs as ({os.geteuid()})",
            _let_in(kept_out),
        )
        return
    wanted = newest()
    with app.database.read() as session:
        at = current(session.connection())
        unlike = tables.differences(session.connection()) if at == wanted else []
    if at is None:
        yield refused("database", "there are no tables in it yet", "digest init")
    elif at != wanted:
        yield refused(
            "database",
            f"it is at revision {at}, and this version of the engine works with {wanted}",
            "stop every process, back up, then: digest init",
        )
    elif any(each.harmful for each in unlike):
        lacking = [each for each in unlike if each.harmful]
        yield refused("database", tables.unlike(lacking), OTHER_TABLES)
    elif unlike:
        yield warning("database", tables.unlike(unlike), "find out who changed them, and why")
    else:
        yield fine("database", f"revision {at}")
    if app.database.is_sqlite:
        yield from _sqlite(app)
    else:
        yield from _postgres(app)


def _unwritable(path: Path) -> Path | None:
    """Return what of a SQLite store this user can't write: its folder, it, or its log."""
    beside = [path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm")]
    if not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True):
        return path.parent.absolute()
    files = [each.absolute() for each in (path, *beside) if each.exists()]
    kept_out = [each for each in files if not os.access(each, os.W_OK, effective_ids=True)]
    return kept_out[0] if kept_out else None


def _let_in(kept_out: Path) -> str:
    """Say how this user may write there."""
    user, place = os.geteuid(), quote(str(kept_out))
    if kept_out.stat().st_uid == user:
        return f"chmod u+w{'x' if kept_out.is_dir() else ''} {place}"
    return f"run as the user that owns it, or as root: chown {user} {place}"


def _sqlite(app: App) -> Iterator[HealthCheck]:
    path = database_file(app)
    if path is None:
        yield refused("database", "it is in memory, and gone with the process", "use a file")
        return
    yield from on_disk(file_system(path))
    with app.database.read() as session:
        synchronous = session.connection().exec_driver_sql("PRAGMA synchronous").scalar_one()
    if synchronous < FULL:
        yield refused("disk", "the database doesn't wait for the disk", "PRAGMA synchronous=FULL")
    free, size = disk_usage(path.parent).free, path.stat().st_size
    yield from damage(app, path, size)
    if free < 3 * size + 100_000_000:
        yield warning(
            "disk",
            f"only {free / 1e6:,.0f} MB are free beside a database of {size / 1e6:,.0f} MB",
            "make room: backups and the event spool need it too",
        )


def on_disk(kind: str | None) -> Iterator[HealthCheck]:
    """Judge the kind of file system a database's file is on; ``None`` where it can't be seen."""
    if kind in NETWORKED:
        yield refused(
            "disk",
            f"the database is on a network file system ({kind}), where locks can't be trusted",
            "move it to a local disk, or use PostgreSQL",
        )
    elif kind in PASSING:
        yield warning(
            "disk",
            f"the database is on a file system ({kind}) that may not outlive a restart",
            "move it to a disk, or into the container's volume",
        )
    elif kind is not None and (kind in SHARED or may_be_remote(kind)):
        yield warning(
            "disk",
            f"the database is on a file system ({kind}) that others may share",
            "make sure that it is local and nothing else opens it, or move it to a local disk",
        )
    elif kind:
        yield fine("disk", f"a local file system ({kind})")


def damage(app: App, path: Path, size: int, *, most: int = READ_THROUGH) -> Iterator[HealthCheck]:
    """Read the file through, unless that would hold up each start: daily copies are read anyway."""
    if size > most:
        yield fine(
            "database",
            f"its {size / 1e6:,.0f} MB aren't read through here, as each daily copy is;"
            f" to do so: sqlite3 {path} 'PRAGMA quick_check'",
        )
        return
    with app.database.read() as session:
        found = session.connection().exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if found != "ok":
        yield refused(
            "database", f"it is damaged: {found}", "restore a backup: digest docs operating"
        )


def _postgres(app: App) -> Iterator[HealthCheck]:
    with app.database.read() as session:
        setting = session.connection().execute(text("SHOW synchronous_commit")).scalar_one()
        there = session.connection().execute(text("SELECT now()")).scalar_one()
        only_read = session.connection().execute(text("SHOW transaction_read_only")).scalar_one()
    if only_read == "on":
        yield refused(
            "database",
            "it takes no writes: the server is a standby, or this user may only read",
            "name the primary server in DIGEST_DATABASE_URL, and a user that may write",
        )
    if setting in {"off", "local"}:
        yield refused(
            "database",
            f"synchronous_commit is {setting}: a claim could be lost after its request left",
            "ALTER DATABASE ... SET synchronous_commit = on",
        )
    apart = abs(there - datetime.now(UTC))
    if apart > SLACK:
        yield refused("clock", f"it is {apart} apart from the database server's", "set both by NTP")


def check_clock(app: App) -> Iterator[HealthCheck]:
    """Look at the clock, beside what the database has seen."""
    now = app.clock()
    if now < RELEASED:
        says = f"it shows {now:%Y-%m-%d %H:%M} UTC, and this version was made later than that"
        yield refused("clock", says, "set it by NTP")
        return
    with app.database.read() as session:
        last = session.exec(select(JobRun).order_by(col(JobRun.started_at).desc()).limit(1)).first()
    if last is not None and last.started_at > now + SLACK:
        yield warning(
            "clock",
            f"it shows {now:%Y-%m-%d %H:%M} UTC, and this database has seen"
            f" {last.started_at:%Y-%m-%d %H:%M}",
            "one of the two was wrong: compare the clock with another",
        )
    else:
        yield fine("clock", f"{now:%Y-%m-%d %H:%M} UTC")


def check_restore(app: App) -> Iterator[HealthCheck]:
    """Look at whether it was put back from a copy, and at the copies there are."""
    with app.database.read() as session:
        yield from _backups(app, session)
    held = restore_guard.hold_reason(app.database, app.epoch())
    if held:
        yield warning("restore", f"nothing is sent: {held}", restore_guard.NEXT_STEP)


def _backups(app: App, session: Session) -> Iterator[HealthCheck]:
    if database_file(app) is None or not app.settings.backups_kept:
        return
    ran = session.get(JobRun, "backup")
    folder = app.settings.backups
    if not _writable(folder):
        yield warning("backup", f"nothing can be written to {folder}", "set DIGEST_BACKUPS")
        return
    kept = copies(folder)
    if ran is not None and not ran.ok:
        yield warning("backup", f"the last one failed: {ran.result}", "digest docs operating")
    elif ran is not None and app.clock() - ran.started_at > BACKUP_AGE:
        yield warning("backup", f"the last one was on {ran.started_at:%Y-%m-%d}", "digest run")
    elif kept:
        many = "1 copy" if len(kept) == 1 else f"{len(kept)} copies"
        yield fine("backup", f"{many} in {folder}, the newest {kept[0].name}")


def _writable(folder: Path) -> bool:
    """Tell whether files can be put into a folder, or the folder be made."""
    nearest = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
