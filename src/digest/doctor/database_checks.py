"""Check the database an installation sends from: schema, disk, damage, clock, backups.

Hides what each database and file system must guarantee so that no claimed batch is ever lost.
"""

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
from digest.db import MOST_CONNECTIONS
from digest.delivery.sending import restore_guard
from digest.doctor.health_check import CheckResult, fault, fine, refused, warning
from digest.issues.models import JobRun
from digest.migrations import job_queue_schema, table_check
from digest.migrations.revision import current, newest
from digest.migrations.upgrade import OTHER_TABLES
from digest.service import copies

#: Network file systems: file locks and shared memory, which SQLite's WAL needs, are unreliable
#: (https://www.sqlite.org/wal.html).
NETWORK_FILE_SYSTEMS = frozenset(
    {
        *("afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"),
        *("ocfs2", "orangefs", "smb3", "smbfs"),
        *("fuse.blobfuse", "fuse.blobfuse2", "fuse.ceph", "fuse.ceph-fuse", "fuse.gcsfuse"),
        *("fuse.glusterfs", "fuse.goofys", "fuse.juicefs", "fuse.mfs", "fuse.mount-s3"),
        *("fuse.objectivefs", "fuse.rclone", "fuse.s3fs", "fuse.s3ql", "fuse.seaweedfs"),
        *("fuse.sshfs",),
    }
)
#: Folders shared by a virtual machine's host: local as a rule, but other guests may open them.
HOST_SHARED = frozenset({"9p", "virtiofs", "vboxsf"})
#: File systems lost at the next boot, or with a container that has no volume there.
VOLATILE = frozenset({"aufs", "fuse.fuse-overlayfs", "overlay", "ramfs", "tmpfs"})
_MOUNTS = Path("/proc/self/mountinfo")
_MIN_FIELDS = 7  # fields of a line of mountinfo


def may_be_remote(kind: str) -> bool:
    """Return whether the file system is FUSE, whose program may fetch data from anywhere."""
    return kind == "fuse" or kind.startswith("fuse.")


def file_system(path: Path, mounts: str | None = None) -> str | None:
    """Return the type of the file system a file is on; ``None`` where that is unknown.

    *mounts* is the text of ``/proc/self/mountinfo`` (proc(5)), which is read where it is ``None``.
    """
    if mounts is None:
        if not _MOUNTS.exists():
            return None
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace")
    deepest: tuple[int, str] | None = None
    target = path.absolute()
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < _MIN_FIELDS or "-" not in fields:
            continue
        point = Path(re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), fields[4]))
        kind = fields[fields.index("-") + 1]
        # Of several mounts on one point the last is visible.
        if target.is_relative_to(point) and (deepest is None or len(point.parts) >= deepest[0]):
            deepest = (len(point.parts), kind)
    return deepest[1] if deepest else None


RELEASED = datetime(2026, 11, 1, tzinfo=UTC)  #: a correct clock shows no earlier time
CLOCK_TOLERANCE = timedelta(minutes=5)
BACKUP_AGE = timedelta(days=2)
#: Bytes of the largest file that is checked for damage here: a second or two of reading.
MAX_CHECKED_BYTES = 200_000_000
SYNCHRONOUS_FULL = 2  #: the value of ``PRAGMA synchronous`` that waits for the disk at each commit


def check_database(app: App) -> Iterator[CheckResult]:
    """Check the database's revision and tables, then its file or server."""
    path = app.database.path
    if path is not None and not path.exists():
        yield refused("database", f"there is none at {path}", "digest init")
        return
    unwritable = _first_unwritable(path) if path is not None else None
    if unwritable is not None:
        yield refused(
            "database",
            f"{unwritable} can't be written by the current user ({os.geteuid()})",
            _permission_command(unwritable),
        )
        return
    wanted = newest()
    with app.database.read() as session:
        revision = current(session.connection())
        differences = table_check.differences(session.connection()) if revision == wanted else []
    if revision is None:
        yield refused("database", "it has no tables yet", "digest init")
    elif revision != wanted:
        yield refused(
            "database",
            f"it's at revision {revision}, and this version of Digest needs {wanted}",
            "stop every process, back up, then: digest init",
        )
    elif any(difference.harmful for difference in differences):
        harmful = [difference for difference in differences if difference.harmful]
        yield refused("database", table_check.unlike(harmful), OTHER_TABLES)
    elif differences:
        yield warning(
            "database", table_check.unlike(differences), "find out who changed the tables, and why"
        )
    else:
        yield fine("database", f"revision {revision}")
    if app.database.is_sqlite:
        yield from _sqlite(app)
    else:
        yield from _postgres(app)


def _first_unwritable(path: Path) -> Path | None:
    """Return the first path this user can't write: the folder, the database, or its WAL files."""
    wal_files = [path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm")]
    if not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True):
        return path.parent.absolute()
    files = [file.absolute() for file in (path, *wal_files) if file.exists()]
    unwritable = [file for file in files if not os.access(file, os.W_OK, effective_ids=True)]
    return unwritable[0] if unwritable else None


def _permission_command(path: Path) -> str:
    """Return the command that lets this user write a path."""
    user, quoted = os.geteuid(), quote(str(path))
    if path.stat().st_uid == user:
        return f"chmod u+w{'x' if path.is_dir() else ''} {quoted}"
    return f"run as the user that owns it, or as root: chown {user} {quoted}"


def _sqlite(app: App) -> Iterator[CheckResult]:
    path = app.database.path
    if path is None:
        yield refused(
            "database",
            "it isn't a file, and a database in memory is lost with the process",
            "use a file",
        )
        return
    yield from check_file_system(file_system(path))
    with app.database.read() as session:
        synchronous = session.connection().exec_driver_sql("PRAGMA synchronous").scalar_one()
    if synchronous < SYNCHRONOUS_FULL:
        yield refused("disk", "the database doesn't wait for the disk", "PRAGMA synchronous=FULL")
    free, size = disk_usage(path.parent).free, path.stat().st_size
    yield from check_damage(app, path, size)
    if free < 3 * size + 100_000_000:
        yield warning(
            "disk",
            f"only {free / 1e6:,.0f} MB are free beside a database of {size / 1e6:,.0f} MB",
            "free some space: backups and the event spool need it too",
        )


def check_file_system(kind: str | None) -> Iterator[CheckResult]:
    """Check the type of the file system the database is on; ``None`` stands for unknown."""
    if kind in NETWORK_FILE_SYSTEMS:
        yield refused(
            "disk",
            f"the database is on a network file system ({kind}), where file locks aren't reliable",
            "move it to a local disk, or use PostgreSQL",
        )
    elif kind in VOLATILE:
        yield warning(
            "disk",
            f"the database is on a file system ({kind}) that may be lost at a restart",
            "move it to a disk, or into the container's volume",
        )
    elif kind is not None and (kind in HOST_SHARED or may_be_remote(kind)):
        yield warning(
            "disk",
            f"the database is on a file system ({kind}) that may be shared",
            "make sure that it's local and nothing else opens the file, or move it to a local disk",
        )
    elif kind:
        yield fine("disk", f"a local file system ({kind})")


def check_damage(
    app: App, path: Path, size: int, *, most: int = MAX_CHECKED_BYTES
) -> Iterator[CheckResult]:
    """Check the file for damage, unless it has over *most* bytes: each daily copy is checked."""
    if size > most:
        yield fine(
            "database",
            f"its {size / 1e6:,.0f} MB weren't checked for damage here; each daily copy is."
            f" To check them: sqlite3 {path} 'PRAGMA quick_check'",
        )
        return
    with app.database.read() as session:
        result = session.connection().exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if result != "ok":
        yield refused(
            "database", f"it's damaged: {result}", "restore a backup: digest docs backups"
        )


def _postgres(app: App) -> Iterator[CheckResult]:
    with app.database.read() as session:
        setting = session.connection().execute(text("SHOW synchronous_commit")).scalar_one()
        server_time = session.connection().execute(text("SELECT now()")).scalar_one()
        read_only = session.connection().execute(text("SHOW transaction_read_only")).scalar_one()
        limit, used = session.connection().execute(_CONNECTIONS).one()
        job_queue = job_queue_schema.unfit(session.connection())
    if job_queue is not None:
        yield refused("database", str(job_queue), job_queue.next_step or "")
    if not app.database.is_pooled:
        yield from check_connections(used, limit)
    if read_only == "on":
        yield refused(
            "database",
            "it's read-only: the server is a standby, or this user can only read",
            "set DIGEST_DATABASE_URL to the primary server, with a user that can write",
        )
    if setting in {"off", "local"}:
        yield refused(
            "database",
            f"synchronous_commit is {setting}: a claim could be lost after its request was sent",
            "ALTER DATABASE ... SET synchronous_commit = on",
        )
    drift = abs(server_time - datetime.now(UTC))
    if drift > CLOCK_TOLERANCE:
        yield refused(
            "clock",
            f"it's {drift} apart from the database server's clock",
            "set both clocks by NTP",
        )


#: Those open to ordinary users, and those in use; of other users' only the database is shown.
_CONNECTIONS = text(
    "SELECT CAST(current_setting('max_connections') AS integer)"
    " - CAST(current_setting('superuser_reserved_connections') AS integer),"
    " (SELECT count(datid) FROM pg_stat_activity)"
)


def check_connections(used: int, limit: int) -> Iterator[CheckResult]:
    """Check that the server has room for the connections of one more process."""
    if used + MOST_CONNECTIONS > limit:
        yield warning(
            "connections",
            f"{used} of the database server's {limit} are in use, and one more process may open"
            f" {MOST_CONNECTIONS}",
            "raise max_connections in PostgreSQL, or put pgbouncer in front of it",
        )


def check_clock(app: App) -> Iterator[CheckResult]:
    """Check the clock against the release date and the newest job run in the database."""
    now = app.clock()
    if now < RELEASED:
        finding = f"it shows {now:%Y-%m-%d %H:%M} UTC, which is before this version was made"
        yield refused("clock", finding, "set the clock by NTP")
        return
    with app.database.read() as session:
        last = session.exec(select(JobRun).order_by(col(JobRun.started_at).desc()).limit(1)).first()
    if last is not None and last.started_at > now + CLOCK_TOLERANCE:
        yield warning(
            "clock",
            f"it shows {now:%Y-%m-%d %H:%M} UTC, and this database has seen"
            f" {last.started_at:%Y-%m-%d %H:%M}",
            "one of the two was wrong: check the clock",
        )
    else:
        yield fine("clock", f"{now:%Y-%m-%d %H:%M} UTC")


def check_restore(app: App) -> Iterator[CheckResult]:
    """Check the backups, and whether the restore guard holds the database."""
    with app.database.read() as session:
        yield from _backups(app, session)
    held = restore_guard.hold_reason(app.database, app.sending.restore_guard_file)
    if held:
        yield fault("restore", f"HOLD, nothing is sent: {held}", restore_guard.NEXT_STEP)


def _backups(app: App, session: Session) -> Iterator[CheckResult]:
    if app.database.path is None or not app.settings.backups_kept:
        return
    run = session.get(JobRun, "backup")
    folder = app.settings.backups
    if not _writable(folder):
        yield warning("backup", f"{folder} isn't writable", "set DIGEST_BACKUPS")
        return
    kept = copies(folder)
    if run is not None and not run.ok:
        yield warning("backup", f"the last backup failed: {run.result}", "digest docs backups")
    elif run is not None and app.clock() - run.started_at > BACKUP_AGE:
        yield warning("backup", f"the last one was on {run.started_at:%Y-%m-%d}", "digest run")
    elif kept:
        many = "1 copy" if len(kept) == 1 else f"{len(kept)} copies"
        yield fine("backup", f"{many} in {folder}, the newest {kept[0].name}")


def _writable(folder: Path) -> bool:
    """Return whether this user can write into a folder, or create it."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
